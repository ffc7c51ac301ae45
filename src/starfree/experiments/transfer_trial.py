"""One trial of the transfer experiment: trained on one distribution, tested on all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
from torch import nn

from starfree.data.coverage import coverage
from starfree.data.dataset import DataSet
from starfree.data.factorial import draw_tests, draw_training
from starfree.data.sampling import Distribution
from starfree.data.shortcuts import Baseline, baselines, positions
from starfree.data.task import PredictTask
from starfree.experiments.events import Job, Progress
from starfree.experiments.material import OPTIMA, Material, language_facts
from starfree.experiments.measurement import measure_bin, measure_validation
from starfree.experiments.running import trained_model, write_result
from starfree.experiments.spec import DataSettings, bounds
from starfree.experiments.transfer import Labels, TransferTrial
from starfree.languages.catalog import language
from starfree.languages.strings import Strings

KEPT = 4  # grounds in memory; trials of one ground follow one another
_QUANTILES = (0.1, 0.5, 0.9)
# Of the other distributions only what the matrix shows is kept.
_LEFT_OUT = ("by_length", "baseline_by_length", "first_errors", "by_class", "examples")


@dataclass(frozen=True, eq=False)
class Ground:
    """What all trials on one training distribution share.

    Attributes:
        tests: a material for every test distribution, all with the same training strings.
        best_windows: test distribution -> window -> number of last symbols -> the predictor from
            them with the most right positions on these very strings (no model that sees as much
            has more; fitted on the test, it is a bound and no competitor).
    """

    tests: Mapping[Distribution, Material]
    best_windows: Mapping[Distribution, Mapping[str, Mapping[int, Baseline]]]


def run_transfer_trial(job: Job, trial: TransferTrial, progress: Progress) -> None:
    """Run a trial from its last checkpoint, or from the start, to its `result.json`.

    Raises:
        InputError, StarfreeError: see `trained_model`.
        OSError: the result cannot be written.
    """
    began = time.monotonic()
    trained_on = cast(Distribution, trial.data.train_distribution)
    ground = make_ground(trial.language, trained_on, trial.labels, trial.data)
    own = ground.tests[trained_on]
    model, trained = trained_model(job, own.task, own.data, progress)
    size = trial.training.batch_size
    tests = {
        name: {
            window: measure_test(ground, name, model, window, size) for window in material.data.bins
        }
        for name, material in ground.tests.items()
    }
    result = {
        "language": language_facts(own.language),
        "validation": measure_validation(own, model, size),
        # Those of the training distribution: the control, and what general reports show.
        "bins": tests[trained_on],
        "tests": {
            name: {
                window: {key: value for key, value in test.items() if key not in _LEFT_OUT}
                for window, test in windows.items()
            }
            for name, windows in tests.items()
        },
        "right_prefix": None,
        "data": {"train": own.data.manifest["train"], "bins": own.data.manifest["bins"]},
    }
    write_result(job, model, trained, result, began)


def measure_test(
    ground: Ground, name: Distribution, model: nn.Module, window: str, batch_size: int
) -> dict[str, Any]:
    """`measure_bin`, and what only this experiment asks: first errors, transitions, optima."""
    material = ground.tests[name]
    measured = measure_bin(material, model, window, batch_size, by_transition=True)
    errors = {int(position): count for position, count in measured["first_errors"].items()}
    places = np.repeat(list(errors), list(errors.values()))
    measured["first_error"] = {
        f"{quantile:g}": float(np.quantile(places, quantile)) for quantile in _QUANTILES
    } if len(places) else None  # fmt: skip
    measured["stateless"] = {found.kind: _shares(found) for found in material.baselines[window]}
    measured["best_windows"] = {
        str(k): _shares(best) for k, best in ground.best_windows[name][window].items()
    }
    return measured


def _shares(found: Baseline) -> dict[str, float]:
    return {
        "string_accuracy": found.accuracy,
        "position_accuracy": found.position_accuracy,
    }


@lru_cache(maxsize=KEPT)
def make_ground(
    reference: str, trained_on: Distribution, labels: Labels, settings: DataSettings
) -> Ground:
    """The strings of one training distribution and of all tests, with their baselines.

    Raises:
        InputError: no such language, or a window without members.
    """
    spoken = language(reference)
    train, validation = draw_training(
        spoken,
        trained_on,
        settings.seed,
        (settings.train_size, settings.validation_size),
        bounds(settings.train_window),
        settings.hard_window,
    )
    task = PredictTask(spoken, end=labels == "with $")
    tests: dict[Distribution, Material] = {}
    best: dict[Distribution, dict[str, dict[int, Baseline]]] = {}
    tested = _tests(
        reference, settings.seed, settings.bin_size, settings.test_windows, settings.hard_window
    )
    for name, bins in tested.items():
        asked = {"train": train, **bins}
        encoded = positions({part: task.encode(strings) for part, strings in asked.items()})
        fitted = baselines(encoded.pop("train"), encoded)
        best[name] = {
            window: {
                k: found
                for found, k in zip(
                    baselines(test, {window: test}, windows=OPTIMA)[window], OPTIMA, strict=False
                )
            }
            for window, test in encoded.items()
        }
        manifest = {
            "train": _described(train),
            "bins": {window: _described(strings) for window, strings in bins.items()},
            "coverage": coverage(spoken, train, bins),
        }
        data = DataSet(spoken, train, validation, bins, {}, manifest)
        tests[name] = Material(spoken, data, task, fitted, {window: {} for window in bins})
    return Ground(tests, best)


@lru_cache(maxsize=KEPT)
def _tests(
    reference: str, seed: int, size: int, windows: tuple[str, ...], hard_window: int
) -> Mapping[Distribution, Mapping[str, Strings]]:
    """The same whatever is trained on."""
    spans = [bounds(window) for window in windows]
    return draw_tests(language(reference), seed, size, spans, hard_window)


def _described(strings: Strings) -> dict[str, Any]:
    """How many strings of which lengths."""
    lengths = strings.lengths.tolist()
    return {
        "strings": len(strings),
        "lengths": [min(lengths), max(lengths)] if lengths else None,
        "symbols": sum(lengths),
    }
