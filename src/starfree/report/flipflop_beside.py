"""The published numbers of the flip-flop experiment beside ours, from the trials' results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from starfree.experiments.flipflop import FlipflopExperiment
from starfree.experiments.published_results import PublishedResult
from starfree.experiments.store import Store
from starfree.report.beside import Ours
from starfree.report.flipflop_report import CHECKED, comparable, gather
from starfree.training.intervals import binomial_interval

Result = Mapping[str, Any]

_REASON = "a run each, with strings and first weights of its own"


def flipflop_beside(
    experiment: FlipflopExperiment, store: Store, numbers: Iterable[PublishedResult]
) -> dict[PublishedResult, Ours]:
    """Ours of the same iteration; empty while no run is as long as the published one.

    Args:
        experiment: with an arm of the published loss, rate and iterations.
        store: of its trials.
        numbers: published ones of this experiment.
    """
    results = [
        result
        for setting, found in gather(experiment, store)
        if comparable(setting)
        for result in found.values()
    ]
    ours = {number: _ours(number, results) for number in numbers}
    return {number: found for number, found in ours.items() if found is not None}


def _ours(number: PublishedResult, results: list[Result]) -> Ours | None:
    if not results:
        return None
    if number.metric == "first_solved_evaluation":
        firsts = [_first_solved(result, number.bin) for result in results]
        reached = [first for first in firsts if first is not None]
        return Ours(fmean(reached) if len(reached) == len(firsts) else None, None, _REASON)
    iteration = CHECKED * int(number.setting.partition("=")[2])
    return Ours.over([_accuracy(result, number.bin, iteration) for result in results], _REASON)


def _first_solved(result: Result, test: str) -> int | None:
    """The first check without a wrong string, counted as the published run counts checks."""
    curve = result["curve"]
    for iteration, right in zip(curve["iteration"], curve["tests"][test]["right"], strict=True):
        if right == 1.0:
            return int(iteration) // CHECKED
    return None


def _accuracy(result: Result, test: str, iteration: int) -> dict[str, float]:
    """Share of the checked strings, with its interval."""
    curve = result["curve"]
    share = curve["tests"][test]["right"][curve["iteration"].index(iteration)]
    checked = next(
        t["checked"] for t in result["trial"]["tests"] if test == f"FFL({t['ignore']:g})"
    )
    low, high = binomial_interval(round(share * checked), checked)
    return {"value": share, "low": low, "high": high}
