"""Every number of an experiment of languages and models as a row of the committed CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starfree.experiments.plan import PlannedTrial, choose_rates
from starfree.experiments.published_results import published_accuracy
from starfree.experiments.spec import Experiment
from starfree.experiments.summary import COMPARABLE, is_published
from starfree.report.sections import Row

Result = Mapping[str, Any]

_HEADLINE = "string_accuracy"


def rows(
    experiment: Experiment, planned: Sequence[PlannedTrial], results: Mapping[str, Result]
) -> Iterator[Row]:
    """The rows of the finished trials, those of learning rates that were not chosen left out.

    Args:
        experiment: what was asked for.
        planned: its trials.
        results: of the finished ones, by hash.
    """
    rates = choose_rates(planned, results, experiment.seeds[0])
    for trial in planned:
        chosen = not experiment.choosing or rates.get(trial.cell) == trial.learning_rate
        if trial.hash in results and chosen:
            yield from _rows_of(experiment, trial, results[trial.hash])


def _rows_of(experiment: Experiment, planned: PlannedTrial, result: Result) -> Iterator[Row]:
    trial = result["trial"]
    published = trial["protocol"] == "published"
    layers = trial["options"].get("layers")
    test_data = "published" if published else trial["data"]["test_distribution"]
    # Of an experiment that tests on several distributions, all of them.
    tests = result.get("tests") or {test_data: result["bins"]}
    for name, bins in tests.items():
        for rank, (window, measured) in enumerate(bins.items()):
            best = measured.get("best_baseline") or {}
            for metric, found in measured["metrics"].items():
                headline = metric == _HEADLINE
                paper = None
                comparable = trial["task"] in COMPARABLE and is_published(trial["options"])
                if headline and "tests" not in result and comparable:
                    paper = published_accuracy(planned.language, trial["model"], layers, rank)
                yield Row(
                    experiment=experiment.name,
                    language=planned.language,
                    model=planned.model,
                    layers="" if layers is None else layers,
                    protocol=trial["protocol"],
                    train_data="published" if published else trial["data"]["train_distribution"],
                    test_data=name,
                    seed=planned.seed,
                    bin=window,
                    metric=metric,
                    value=found["value"],
                    n=found["n"],
                    low=_rounded(found.get("low")),
                    high=_rounded(found.get("high")),
                    baseline=best.get("value") if headline else None,
                    baseline_kind=best.get("kind", "") if headline else "",
                    published=None if paper is None else paper.value,
                    trial_hash=planned.hash,
                    commit=result["commit"] or "",
                )


def _rounded(value: float | None) -> float | None:
    """To what an interval deserves."""
    return None if value is None else round(value, 6)
