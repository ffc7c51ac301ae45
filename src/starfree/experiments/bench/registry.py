"""Every model of the registry, and every kernel beside its slow reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from starfree.experiments.bench.contestants import draw_batch, own_training, torch_training
from starfree.experiments.bench.workloads import OUTPUTS, STATES, TAPS, TRAINING, VOCABULARY

WORKLOADS = ("W1", "W2")
ROUNDS = 3  # at least


def measure_models(seconds: float) -> dict[str, Any]:
    """Trained tokens a second of every model, one layer's defaults at the workload's width.

    Mamba takes its own compiled step, as in training; the others PyTorch's, as in training.

    Returns:
        ``{workload: {model: {"1": tokens a second on one thread, "2": on two}}}``.
    """
    import torch

    from starfree.models.model import MODELS, build

    result: dict[str, Any] = {}
    for workload in WORKLOADS:
        work = TRAINING[workload]
        tokens, legal = draw_batch(work)
        result[workload] = {}
        for name in MODELS:
            if name == "mamba":
                step = own_training(work._replace(layers=1))
            else:
                model = build(name, VOCABULARY, OUTPUTS, d_model=work.d_model)
                step = torch_training(model, tokens, legal)
            rates = {}
            for threads in (1, 2):
                torch.set_num_threads(threads)
                rates[str(threads)] = work.positions / _median(step, seconds)
            result[workload][name] = rates
    torch.set_num_threads(1)
    return result


def measure_kernels(seconds: float) -> dict[str, Any]:
    """Forward and backward of each operation at W2's sizes, beside its naive reference.

    Returns:
        ``{operation: {"1": ms, "2": ms, "naive": ms on one thread}}``.
    """
    import torch

    result: dict[str, Any] = {}
    for name, (fast, naive, inputs) in _operations().items():
        spent: dict[str, float] = {}
        for threads in (1, 2):
            torch.set_num_threads(threads)
            spent[str(threads)] = 1e3 * _median(_there_and_back(fast, inputs), seconds)
        torch.set_num_threads(1)
        spent["naive"] = 1e3 * _median(_there_and_back(naive, inputs), seconds)
        result[name] = spent
    return result


def _operations() -> Mapping[str, tuple[Callable[..., Any], Callable[..., Any], list[Any]]]:
    import torch
    from torch.nn import functional as F

    from starfree.models.scan import operations, reference

    work = TRAINING["W2"]
    batch, length, inner = work.batch, work.length, 2 * work.d_model

    def draw(*size: int) -> torch.Tensor:
        return torch.randn(*size, requires_grad=True)

    rates = -torch.rand(inner, STATES) - 0.5
    scan_inputs = [draw(batch, length, inner), draw(batch, length, inner), rates.requires_grad_()]
    scan_inputs += [draw(batch, length, STATES), draw(batch, length, STATES), draw(inner)]
    before = (0, 0, TAPS - 1, 0)
    gates = torch.rand(batch, length, inner).requires_grad_()
    start = draw(batch, inner)
    return {
        "selective scan": (
            lambda *x: operations.selective_scan(*x)[0],
            lambda *x: reference.naive_selective_scan(*x)[0],
            scan_inputs,
        ),
        "causal convolution": (
            lambda x, *rest: operations.causal_conv(x, *rest)[0],
            lambda x, *rest: operations.naive_causal_conv(F.pad(x, before), *rest),
            [draw(batch, length, inner), draw(inner, TAPS), draw(inner)],
        ),
        "diagonal scan": (
            operations.diagonal_scan,
            operations.naive_diagonal_scan,
            [gates, draw(batch, length, inner), start],
        ),
    }


def _there_and_back(operation: Callable[..., Any], inputs: list[Any]) -> Callable[[], object]:
    def run() -> None:
        operation(*inputs).sum().backward()

    return run


def _median(action: Callable[[], object], seconds: float) -> float:
    """Wall seconds of the middle run; the first one warms up."""
    action()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < ROUNDS or time.perf_counter() < end:
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]
