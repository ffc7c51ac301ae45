"""What one trial does: data, model, training, evaluation, one result on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from starfree.experiments.basin import BasinTrial
from starfree.experiments.basin_trial import run_basin_trial
from starfree.experiments.bounded_dyck import BoundedDyckTrial
from starfree.experiments.bounded_dyck_trial import run_bounded_dyck_trial
from starfree.experiments.certified import CertifiedTrial
from starfree.experiments.certified_trial import run_certified_trial
from starfree.experiments.events import Job, Progress
from starfree.experiments.flipflop import FlipflopTrial
from starfree.experiments.flipflop_trial import run_flipflop_trial
from starfree.experiments.material import Material, language_facts, material
from starfree.experiments.measurement import measure_bin, measure_validation, right_prefix
from starfree.experiments.precision import PrecisionTrial
from starfree.experiments.precision_trial import run_precision_trial
from starfree.experiments.refuting import refute_trial
from starfree.experiments.running import trained_model, write_result
from starfree.experiments.search.experiment import SearchTrial
from starfree.experiments.search.trial import run_search_trial
from starfree.experiments.spec import Trial
from starfree.experiments.store import Store
from starfree.experiments.transfer import TransferTrial
from starfree.experiments.transfer_trial import run_transfer_trial

# Trials with fields of their own, and what runs them; all others are trained and tested here.
_OWN: Mapping[type[Trial], Callable[[Job, Any, Progress], None]] = {
    FlipflopTrial: run_flipflop_trial,
    BoundedDyckTrial: run_bounded_dyck_trial,
    TransferTrial: run_transfer_trial,
    PrecisionTrial: run_precision_trial,
    SearchTrial: run_search_trial,
    CertifiedTrial: run_certified_trial,
    BasinTrial: run_basin_trial,
}


def run_trial(job: Job, progress: Progress) -> None:
    """Run a trial from its last checkpoint, or from the start, to its result; then refute it.

    Raises:
        InputError, StarfreeError: see `material`, `build` and `train`.
        OSError: the result cannot be written.
    """
    # A worker may have died after the result: then its trial is not trained again.
    if Store(job.folder.parent.parent).result(job.hash) is None:
        _train(job, progress)
    if job.refutation:
        progress("refuting", 1.0, None)
        refute_trial(job, job.refutation)


def _train(job: Job, progress: Progress) -> None:
    began = time.monotonic()
    progress("data", 0.0, None)
    own = _OWN.get(type(job.trial))
    if own is not None:
        own(job, job.trial, progress)
        return
    ground = material(job.trial)
    model, trained = trained_model(job, ground.task, ground.data, progress)
    write_result(job, model, trained, _measured(job.trial, ground, model), began)


def _measured(trial: Trial, ground: Material, model: nn.Module) -> dict[str, Any]:
    """What only a trial of this kind has."""
    return {
        "language": language_facts(ground.language),
        "validation": measure_validation(ground, model, trial.training.batch_size),
        "bins": {
            window: measure_bin(ground, model, window, trial.training.batch_size)
            for window in ground.data.bins
        },
        "right_prefix": right_prefix(ground, model),
        "data": {
            "train": ground.data.manifest["train"],
            "bins": ground.data.manifest["bins"],
        },
    }
