"""One trial of the flip-flop experiment: endless training strings, large tests, the stress."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from starfree.data.flipflop import draw_flipflop, draw_mixture
from starfree.data.published_task import READS, CleanReadTask, MaskedReadTask
from starfree.data.stream import Stream
from starfree.data.task import Task
from starfree.experiments.events import Job, Progress
from starfree.experiments.flipflop import LANGUAGE, FflTest, FlipflopTrial
from starfree.experiments.ignore_stress import measure_stress
from starfree.experiments.material import language_facts
from starfree.experiments.running import trained_model, write_result
from starfree.languages.catalog import language
from starfree.languages.language import Language
from starfree.languages.strings import Strings
from starfree.training.intervals import binomial_interval
from starfree.training.metrics import evaluate
from starfree.training.outcome import CurvePoint

EPOCH = 3_200  # strings drawn at once
CHUNK = 2_000  # test strings in memory at once
# Apart in the seeds of the draws, so that no two of them are the same strings.
_TRAINING, _CHECKS, _TESTS = 0, 1, 2


@dataclass(frozen=True)
class FlipflopData:
    """What the loop reads: endless training strings, the strings of the checks."""

    train: Stream
    bins: dict[str, Strings]
    validation: None = None


def run_flipflop_trial(job: Job, trial: FlipflopTrial, progress: Progress) -> None:
    """Run a trial from its last checkpoint, or from the start, to its `result.json`.

    Raises:
        InputError, StarfreeError: see `trained_model`.
        OSError: the result cannot be written.
    """
    began = time.monotonic()
    spoken = language(LANGUAGE)
    task: Task = MaskedReadTask(spoken) if trial.mode == "published" else CleanReadTask(spoken)
    model, trained = trained_model(job, task, flipflop_data(trial, spoken), progress)
    progress("testing", 1.0, None)
    result = {
        "language": language_facts(spoken),
        "bins": {
            test.name: measure_large(model, task, spoken, test, trial) for test in trial.tests
        },
        "stress": measure_stress(model, task, spoken, trial.stress, trial.data.seed),
        "curve": columns(trained.curve),
    }
    write_result(job, model, trained, result, began)


def flipflop_data(trial: FlipflopTrial, spoken: Language) -> FlipflopData:
    """Training strings differ from seed to seed, those of the checks do not."""

    def draw(epoch: int) -> Strings:
        generator = np.random.default_rng([trial.data.seed, _TRAINING, trial.seed, epoch])
        return draw_mixture(spoken, trial.length, EPOCH, trial.ignore, generator)

    checks = {
        test.name: draw_flipflop(
            spoken,
            trial.length,
            test.checked,
            test.ignore,
            np.random.default_rng([trial.data.seed, _CHECKS, index]),
        )
        for index, test in enumerate(trial.tests)
    }
    return FlipflopData(Stream(draw), checks)


def measure_large(
    model: nn.Module, task: Task, spoken: Language, test: FflTest, trial: FlipflopTrial
) -> dict[str, Any]:
    """Strings wholly right and reads wrong on the test strings of the end, drawn part by part."""
    strings = reads = strings_right = reads_right = 0
    for chunk, low in enumerate(range(0, test.strings, CHUNK)):
        generator = np.random.default_rng([trial.data.seed, _TESTS, trial.tests.index(test), chunk])
        count = min(CHUNK, test.strings - low)
        drawn = draw_flipflop(spoken, trial.length, count, test.ignore, generator)
        measured = evaluate(model, task, drawn)
        right, total = measured.slices[READS]
        strings, reads = strings + measured.strings.total, reads + total
        strings_right, reads_right = strings_right + measured.strings.right, reads_right + right
    return {
        "strings": strings,
        "metrics": {
            "string_accuracy": _rate(strings_right, strings),
            "read_error": _rate(reads - reads_right, reads),
        },
    }


def columns(curve: Sequence[CurvePoint]) -> dict[str, Any]:
    """A learning curve as lists, small enough to be committed: a number a point each.

    `right` are strings wholly right (as a share), `wrong_reads` their reads wrong, of `reads`.
    """
    tests = list(curve[0].bins) if curve else []
    return {
        "iteration": [point.step for point in curve],
        "train_loss": [
            None if point.train_loss is None else float(f"{point.train_loss:.5g}")
            for point in curve
        ],
        "tests": {
            name: {
                "right": [point.bins[name] for point in curve],
                "wrong_reads": [
                    point.slices[name][READS][1] - point.slices[name][READS][0] for point in curve
                ],
                "reads": curve[0].slices[name][READS][1],
            }
            for name in tests
        },
    }


def _rate(hits: int, total: int) -> dict[str, Any]:
    low, high = binomial_interval(hits, total)
    return {"value": hits / total, "n": total, "low": low, "high": high}
