"""Peaks of one core: the best of several implementations, measured on the spot."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from typing import Any


def measure_machine(seconds: float = 0.3) -> dict[str, Any]:
    """Products and exponentials a second, each implementation for so many seconds."""
    import torch

    from starfree.models.reproducible import threads
    from starfree.models.scan import library

    with threads(1):
        products, exponentials = _peaks(torch, library.library(), seconds)
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "kernels": library.status().summary,
        "gflops": {name: value / 1e9 for name, value in products.items()},
        "peak_gflops": max(products.values()) / 1e9,
        "exp_per_second": max(exponentials.values()),
    }


def _peaks(torch: Any, kernels: Any, seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    rows, inner, columns = 256, 256, 1024
    work = 2.0 * rows * inner * columns
    a, b, bias = torch.randn(rows, inner), torch.randn(inner, columns), torch.randn(columns)
    products = {"torch.mm": work / best(lambda: torch.mm(a, b), seconds)}
    if torch.backends.mkldnn.is_available():
        weight = b.t().contiguous()
        linear = torch.ops.mkldnn._linear_pointwise
        spent = best(lambda: linear(a, weight, bias, "none", [], ""), seconds)
        products["oneDNN"] = work / spent
    x = -torch.rand(4096)
    y = torch.empty_like(x)

    def repeated() -> None:  # one call takes microseconds, less than the clock can tell
        for _ in range(100):
            torch.exp2(x, out=y)

    exponentials = {"torch.exp2": 409600 / best(repeated, seconds)}
    if kernels is not None:
        padded, packed = torch.randn(rows, inner + 16), torch.randn(inner * columns)
        out = torch.empty(rows, columns + 16)
        sizes = (rows, columns, inner)
        spent = best(
            lambda: kernels.call("product", torch.float32, *sizes, padded, packed, out, 10), seconds
        )
        products["starfree"] = 10 * work / spent
        spent = best(lambda: kernels.call("exp2", torch.float32, 4096, x, y, 100), seconds)
        exponentials["starfree"] = 409600 / spent
    return products, exponentials


def best(action: Callable[[], object], seconds: float) -> float:
    """CPU seconds of the shortest of repeated runs on one thread, whoever else is computing."""
    action()
    shortest, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.thread_time()
        action()
        shortest = min(shortest, time.thread_time() - start)
    return shortest


def processor() -> str:
    """The processor's name."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
