"""One trial of a search: trained, given up if its hurdles say so, measured on validation alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import inf
from typing import Any

from starfree.experiments.events import Job, Progress
from starfree.experiments.material import language_facts, material_without_tests
from starfree.experiments.measurement import measure_validation
from starfree.experiments.running import trained_model, write_result
from starfree.experiments.search.experiment import SearchTrial
from starfree.experiments.search.pruning import fails
from starfree.training.outcome import CurvePoint
from starfree.training.settings import TrainSettings


def run_search_trial(job: Job, trial: SearchTrial, progress: Progress) -> None:
    """Run a trial from its last checkpoint, or from the start, to its `result.json`.

    Its `losses` are the validation losses on the way, a pair of point and loss each.

    Raises:
        InputError, StarfreeError: see `trained_model`.
        OSError: the result cannot be written.
    """
    began = time.monotonic()
    ground = material_without_tests(trial)
    hurdles = trial.hurdles

    def gives_up(curve: Sequence[CurvePoint]) -> bool:
        return hurdles is not None and fails(hurdles, losses_of(curve, trial.training))

    model, trained = trained_model(job, ground.task, ground.data, progress, gives_up)
    measured: dict[str, Any] = {
        "language": language_facts(ground.language),
        "validation": measure_validation(ground, model, trial.training.batch_size),
        "losses": [
            (point, None if loss == inf else loss)
            for point, loss in losses_of(trained.curve, trial.training)
        ],
        "bins": {},
        "right_prefix": None,
        "data": {"train": ground.data.manifest["train"]},
    }
    write_result(job, model, trained, measured, began)


def losses_of(curve: Sequence[CurvePoint], settings: TrainSettings) -> list[tuple[int, float]]:
    """Point and validation loss along a learning curve, infinite where it is no number."""
    return [
        (
            min(point.tokens, settings.tokens) * settings.evaluations // settings.tokens,
            inf if point.validation_loss is None else point.validation_loss,
        )
        for point in curve
    ]
