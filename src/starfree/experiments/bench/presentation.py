"""A comparison for people: a line per result, and the tables of `docs/performance.md`."""

from __future__ import annotations

from typing import Any

from starfree.experiments.bench.contestants import PEERS
from starfree.experiments.bench.workloads import TRAINING

_COLUMNS = ("mambapy", "mambapy_keeping_pages", "transformers")


def machine_line(machine: dict[str, Any]) -> str:
    """The peaks."""
    return (
        f"{machine['processor']}: products {machine['peak_gflops']:.0f} GF/s a core, "
        f"exponentials {machine['exp_per_second'] / 1e9:.1f} G/s; {machine['kernels']}"
    )


def training_line(name: str, entry: dict[str, Any]) -> str:
    """One workload."""
    own = entry["starfree"]
    parts = [f"{name}  {own['median_ms']:.2f} ms", f"{own['floor_fraction']:.0%} of the floor"]
    parts += [
        f"{entry[peer]['ratio']:.1f}x {peer.replace('_', ' ')}"
        for peer in _COLUMNS
        if peer in entry
    ]
    return ", ".join([*parts, f"2 threads {entry['two_threads']['speedup']:.2f}x"])


def evaluation_line(entry: dict[str, Any]) -> str:
    """The evaluation."""
    own = entry["starfree"]
    parts = [
        f"W6  {own['tokens_per_second']:,.0f} tokens/s",
        f"{own['floor_fraction']:.0%} of the floor",
    ]
    parts += [f"{entry[peer]['ratio']:.1f}x {peer}" for peer in PEERS if peer in entry]
    return ", ".join([*parts, f"memory grew by {own['memory_growth_mb']:.0f} MB"])


def tables(result: dict[str, Any]) -> str:
    """Markdown: training, evaluation and, of a full run, scaling, kernels and models."""
    head = (
        *("", "layers", "width", "batch", "length", "our step, median", "p10", "tokens/s"),
        *("of the floor", "mambapy takes", "mambapy that keeps its pages", "transformers"),
        *("2 threads", "memory"),
    )
    rows = [head, ("---",) * len(head)]
    for name, entry in result["workloads"].items():
        own = entry["starfree"]
        ratios = [f"{entry[p]['ratio']:.1f}x" if p in entry else "" for p in _COLUMNS]
        rows.append(
            (
                *(name, *map(str, TRAINING[name])),
                *(f"{own['median_ms']:.3g} ms", f"{own['p10_ms']:.3g} ms"),
                *(f"{own['tokens_per_second']:,.0f}", f"{own['floor_fraction']:.0%}", *ratios),
                f"{entry['two_threads']['speedup']:.2f}x",
                f"{own['peak_memory_mb']:.0f} MB",
            )
        )
    lines = [_row(row) for row in rows]
    evaluation = result["evaluation"]
    lines += ["", "| W6 | tokens per CPU second | ours is |", "|---|---|---|"]
    lines += [
        f"| {name} | {evaluation[name]['tokens_per_second']:,.0f} | "
        + (f"{evaluation[name]['ratio']:.1f}x |" if name in PEERS else "|")
        for name in ("starfree", *PEERS)
        if name in evaluation
    ]
    for axis, steps in result.get("scaling", {}).items():
        lines += ["", _row((axis, *(f"{step[axis]:,}" for step in steps)))]
        lines += [_row(("---",) * (1 + len(steps)))]
        lines += [_row(("µs a token", *(f"{step['us_per_token']:.2f}" for step in steps)))]
    return "\n".join([machine_line(result["machine"]), "", *lines, *_registry(result)]) + "\n"


def _registry(result: dict[str, Any]) -> list[str]:
    """Single kernels and all models, of a full run."""
    lines: list[str] = []
    if "kernels" in result:
        head = ("forward and backward at W2's sizes", "1 thread", "2 threads", "naive")
        lines += ["", _row(head), _row(("---",) * len(head))]
        for name, spent in result["kernels"].items():
            lines.append(_row((name, *(f"{spent[key]:.2f} ms" for key in ("1", "2", "naive")))))
    if "models" in result:
        workloads = list(result["models"])
        columns = [f"{w}, {n}" for w in workloads for n in ("1 thread", "2 threads")]
        titles = ("tokens/s, 1 layer", *columns)
        lines += ["", _row(titles), _row(("---",) * len(titles))]
        for name in result["models"][workloads[0]]:
            rates = [result["models"][w][name][n] for w in workloads for n in ("1", "2")]
            lines.append(_row((name, *(f"{rate:,.0f}" for rate in rates))))
    return lines


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
