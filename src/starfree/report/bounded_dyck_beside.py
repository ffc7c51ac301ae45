"""The published numbers of the bounded-Dyck experiment beside ours, from the trials' results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import Any

from starfree.experiments.bounded_dyck import BoundedDyckExperiment
from starfree.experiments.published_results import PublishedResult
from starfree.experiments.store import Store
from starfree.report.beside import Ours
from starfree.report.bounded_dyck_report import CLOSING, gather, setting_of

Result = Mapping[str, Any]


def bounded_dyck_beside(
    experiment: BoundedDyckExperiment, store: Store, numbers: Iterable[PublishedResult]
) -> dict[PublishedResult, Ours]:
    """Ours at the same point of the grid; numbers whose point was not run are left out.

    Args:
        experiment: with the whole training file.
        store: of its trials.
        numbers: published ones of this experiment.
    """
    grid = gather(experiment, store)
    found = {}
    for number in numbers:
        setting = setting_of(number)
        results = grid.get(setting, {}) if setting else {}
        if results:
            found[number] = _ours(number, list(results.values()), experiment.layout)
    return found


def _ours(number: PublishedResult, results: list[Result], layout: str) -> Ours:
    if number.metric == CLOSING:
        seeds = [result["bins"][number.bin]["metrics"][CLOSING] for result in results]
        return Ours.over(seeds, "; ".join(_reasons(number, results, layout)))
    if number.metric == "runtime_seconds":
        seconds = fmean(result["seconds"] for result in results)
        return Ours(seconds, None, "one core here, a GPU there")
    key, words = {
        "train": ("train_loss", "; ".join(_reasons(number, results, layout))),
        "dev": ("validation_loss", "a mean over symbols; theirs over batches of 10 strings"),
    }[number.bin]
    return Ours(fmean(result["curve"][-1][key] for result in results), None, words)


def _reasons(number: PublishedResult, results: list[Result], layout: str) -> Iterator[str]:
    """What was not the same."""
    if layout == "head":
        yield "ours has an output layer"
    theirs, ours = 1 + int(number.fields["last_epoch"]), len(results[0]["curve"])
    if theirs != ours:
        yield f"{ours} epochs, theirs {theirs}"
    yield "a run each"
