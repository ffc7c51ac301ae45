"""One trial of the bounded-Dyck experiment: the authors' files, their evaluator, distances too."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from torch import nn

from starfree.data.bounded_dyck import PAIRS, published_strings
from starfree.data.closing import ceiling
from starfree.data.published_task import NextTokenTask
from starfree.data.task import Task
from starfree.experiments.bounded_dyck import BoundedDyckTrial, DyckTest
from starfree.experiments.closing import measure_closing
from starfree.experiments.events import Job, Progress
from starfree.experiments.material import language_facts
from starfree.experiments.running import trained_model, write_result
from starfree.languages.catalog import language
from starfree.languages.strings import Strings
from starfree.training.intervals import binomial_interval
from starfree.training.outcome import CurvePoint

TRAIN, VALIDATION = "m10-train", "m10-dev"


@dataclass(frozen=True)
class DyckData:
    """What the loop reads; its learning curve is the validation loss."""

    train: Strings
    validation: Strings
    bins: dict[str, Strings] = field(default_factory=dict)


def run_bounded_dyck_trial(job: Job, trial: BoundedDyckTrial, progress: Progress) -> None:
    """Run a trial from its last checkpoint, or from the start, to its `result.json`.

    Raises:
        InputError, StarfreeError: see `trained_model`.
        OSError: the result cannot be written.
    """
    began = time.monotonic()
    spoken = language(trial.language)
    task: Task = NextTokenTask(spoken)
    data = DyckData(file(TRAIN, trial.train_strings), file(VALIDATION, trial.test_strings))
    model, trained = trained_model(job, task, data, progress)
    result = {
        "language": language_facts(spoken),
        "bins": {test.name: measure(model, task, test, trial.test_strings) for test in trial.tests},
        "curve": [_point(point) for point in trained.curve],
    }
    write_result(job, model, trained, result, began)


@lru_cache(maxsize=8)
def file(name: str, count: int | None = None) -> Strings:
    """The first `count` strings of an authors' file; by default all."""
    return Strings.of(published_strings(name, count))


def measure(model: nn.Module, task: Task, test: DyckTest, count: int | None) -> dict[str, Any]:
    """The evaluator's numbers on one file, with what a perfect model would get."""
    strings = file(test.file, count)
    score = measure_closing(model, task, strings, PAIRS, test.bound)
    right, total = (int(n) for n in score.by_distance.sum(axis=1))
    low, high = binomial_interval(right, total)
    return {
        "strings": len(strings),
        "metrics": {
            "closing_accuracy": {"value": score.micro, "n": total, "low": low, "high": high}
        },
        "ceiling": _ceiling(test.file, count, test.bound),
        **score.as_json(),
    }


@lru_cache(maxsize=16)
def _ceiling(name: str, count: int | None, bound: int) -> float:
    return ceiling(file(name, count), PAIRS, bound)


def _point(point: CurvePoint) -> dict[str, Any]:
    return {
        "step": point.step,
        "tokens": point.tokens,
        "train_loss": point.train_loss,
        "validation_loss": point.validation_loss,
    }
