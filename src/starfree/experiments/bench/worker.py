"""One part of the comparison, in a process of its own: `python -m ... '{"part": ..., ...}'`.

Prints one JSON object. A process is needed where the allocator is set (by the environment) and
where the peak of memory is read (which never falls).
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from starfree.experiments.bench.contestants import (
    PATIENCE,
    draw_batch,
    own_evaluation,
    own_training,
    peer_model,
    torch_training,
)
from starfree.experiments.bench.machine import best, measure_machine
from starfree.experiments.bench.registry import measure_kernels, measure_models
from starfree.experiments.bench.workloads import EVALUATION, OUTPUTS, SCALING, TRAINING

WARM_UP = 1


def measure_training(name: str, seconds: float, peers: Sequence[str]) -> dict[str, Any]:
    """Medians of single steps on one thread, implementations taking turns."""
    work = TRAINING[name]
    tokens, legal = draw_batch(work)
    ours = own_training(work)
    steps = {
        peer: torch_training(peer_model(peer, work), tokens, legal)
        for peer in peers
        if name in PATIENCE[peer]
    }
    times: dict[str, list[float]] = {"starfree": [], **{peer: [] for peer in steps}}
    own_cpu = []
    for peer, step in turns(ours, steps, seconds):
        start, cpu = time.perf_counter(), time.thread_time()
        step()
        times[peer].append(time.perf_counter() - start)
        if peer == "starfree":
            own_cpu.append(time.thread_time() - cpu)
    result: dict[str, Any] = {"threads": 1}
    for peer, values in times.items():
        result[peer] = summary(values[WARM_UP:])
        result[peer]["tokens_per_second"] = 1e3 * work.positions / result[peer]["median_ms"]
        if peer != "starfree":
            result[peer]["ratio"] = result[peer]["median_ms"] / result["starfree"]["median_ms"]
    result["starfree"]["cpu_p10_ms"] = summary(own_cpu[WARM_UP:])["p10_ms"]
    return result


def turns(
    ours: Callable[[], object], peers: dict[str, Callable[[], object]], seconds: float
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Rounds of three of our steps and one of each peer's: one warms up, at least two count."""
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < WARM_UP + 2 or time.perf_counter() < end:
        for _ in range(3):
            yield "starfree", ours
        yield from peers.items()
        rounds += 1


def summary(seconds: list[float]) -> dict[str, float]:
    """Median and 10th percentile in milliseconds, and of how many steps."""
    ordered = sorted(seconds)
    return {
        "median_ms": 1e3 * statistics.median(ordered),
        "p10_ms": 1e3 * ordered[len(ordered) // 10],
        "rounds": len(ordered),
    }


def measure_threads(names: Sequence[str], seconds: float) -> dict[str, Any]:
    """Our step on one thread and on two, in turns, and the memory that it takes."""
    import torch

    own_training(TRAINING["W1"]._replace(batch=1, length=1))()
    # the peak of memory never falls: the smallest workload first, growth since the start
    result, before = {}, _peak_memory_mb()
    for name in sorted(names, key=lambda name: TRAINING[name].elements()):
        ours = own_training(TRAINING[name])
        times: dict[int, list[float]] = {1: [], 2: []}
        end = time.perf_counter() + seconds
        while len(times[2]) < 4 or time.perf_counter() < end:
            for threads, spent in times.items():
                torch.set_num_threads(threads)
                ours()  # after the other's turn: caches and sleeping threads
                for _ in range(3):
                    start = time.perf_counter()
                    ours()
                    spent.append(time.perf_counter() - start)
        one, two = summary(times[1]), summary(times[2])
        result[name] = {
            "two_threads": {**two, "speedup": one["median_ms"] / two["median_ms"]},
            "peak_memory_mb": _peak_memory_mb() - before,
        }
    return result


def _peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_evaluation(quick: bool, peers: Sequence[str]) -> dict[str, Any]:
    """W6: tokens per CPU second at length 10,000, ours at batch 32, peers at 4 (their memory).

    Quick: ours at 8, mambapy, which gains nothing from a batch, at 1.
    """
    import torch

    work = EVALUATION._replace(batch=8 if quick else 32)
    small = {p: work._replace(batch=1 if quick and p == "mambapy" else 4) for p in peers}
    result: dict[str, Any] = {"length": work.length}
    evaluate = own_evaluation(work)
    own_evaluation(work._replace(length=256))()
    before = _peak_memory_mb()
    times = [_cpu_seconds(evaluate)]
    # what the tokens and the logits themselves take is not the model's
    data = work.positions * 4 * (2 + OUTPUTS) / 2**20
    growth = max(0.0, _peak_memory_mb() - before - data)
    rates: dict[str, list[float]] = {peer: [] for peer in peers}
    models = {peer: peer_model(peer, size).eval() for peer, size in small.items()}
    tokens = {peer: draw_batch(size)[0] for peer, size in small.items()}
    for _ in range(1 if quick else 3):
        for peer, model in models.items():
            with torch.no_grad():
                spent = _cpu_seconds(partial(model, tokens[peer]))
            rates[peer].append(small[peer].positions / spent)
        times += [_cpu_seconds(evaluate) for _ in range(3)]
    seconds = min(times)
    result["starfree"] = {
        "tokens_per_second": work.positions / seconds,
        "ms_a_position": 1e3 * seconds / work.positions,
        "memory_growth_mb": growth,
    }
    for peer, found in rates.items():
        ratio = work.positions / seconds / max(found)
        result[peer] = {"tokens_per_second": max(found), "ratio": ratio}
    return result


def _cpu_seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def measure_scaling() -> dict[str, Any]:
    """CPU time of one training step over length (width 64) and over width (length 128)."""
    return {
        axis: [
            {axis: size, "best_ms": 1e3 * spent, "us_per_token": 1e6 * spent / work.positions}
            for size, work in steps.items()
            for spent in [best(own_training(work), 1.0)]
        ]
        for axis, steps in SCALING.items()
    }


def answer(order: dict[str, Any]) -> Any:
    """Do what an order says (see `comparison`)."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    if order["part"] == "threads":
        return measure_threads(order["workloads"], order["seconds"])
    found: dict[str, Any] = {}
    if order["part"] == "one thread":
        found["machine"] = measure_machine(order["seconds"] / 10)
        found["evaluation"] = measure_evaluation(order["quick"], order["peers"])
    if order["part"] == "scaling":
        return measure_scaling()
    if order["part"] == "registry":
        seconds = order["seconds"]
        return {"models": measure_models(seconds), "kernels": measure_kernels(seconds)}
    found["workloads"] = {
        name: measure_training(name, order["seconds"], order["peers"])
        for name in order["workloads"]
    }
    return found


if __name__ == "__main__":
    print(json.dumps(answer(json.loads(sys.argv[1]))))
