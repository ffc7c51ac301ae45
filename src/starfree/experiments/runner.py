"""What one trial does: data, model, training, evaluation, one result on disk."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import nn

from starfree import __version__
from starfree.errors import StarfreeError
from starfree.experiments.events import Job, Progress
from starfree.experiments.material import Material, language_facts, material
from starfree.experiments.measurement import measure_bin, measure_validation, right_prefix
from starfree.experiments.provenance import machine
from starfree.experiments.store import Store
from starfree.models.model import build
from starfree.training.checkpoint import CHECKPOINT_NAME, read_checkpoint
from starfree.training.loop import train
from starfree.training.outcome import TrainEvent, TrainResult
from starfree.training.reproducible import seeded


def run_trial(job: Job, progress: Progress) -> None:
    """Run a trial from its last checkpoint, or from the start, to its `result.json`.

    Raises:
        InputError, StarfreeError: see `material`, `build` and `train`.
        OSError: the result cannot be written.
    """
    began = time.monotonic()
    trial = job.trial
    progress("data", 0.0, None)
    ground = material(trial)
    with seeded(trial.seed):
        model = build(trial.model, ground.task.vocabulary, ground.task.outputs, **trial.options)

    def on_event(event: TrainEvent) -> None:
        fraction = min(event.tokens / event.tokens_total, 1.0)
        progress("training", fraction, event.validation_accuracy)

    _drop_damaged_checkpoint(job.folder / CHECKPOINT_NAME)
    trained = train(
        model, ground.task, ground.data, trial.training, trial.seed, job.folder, on_event
    )
    accuracy = trained.curve[-1].validation_string_accuracy if trained.curve else None
    progress("testing", 1.0, accuracy)
    result = _result(job, ground, model, trained)
    result["total_seconds"] = time.monotonic() - began
    Store(job.folder.parent.parent).save_result(job.hash, result)
    (job.folder / CHECKPOINT_NAME).unlink(missing_ok=True)


def _drop_damaged_checkpoint(path: Path) -> None:
    """A damaged checkpoint costs a trial its progress, not its result."""
    try:
        read_checkpoint(path)
    except StarfreeError:
        path.unlink()


def _result(job: Job, ground: Material, model: nn.Module, trained: TrainResult) -> dict[str, Any]:
    trial = job.trial
    solved = trained.first_solved
    return {
        "format": 1,
        "trial": trial.model_dump(mode="json"),
        "language": language_facts(ground.language),
        "parameters": sum(p.numel() for p in model.parameters()),
        "stopped": trained.stopped,
        "steps": trained.step,
        "tokens": trained.tokens,
        "seconds": trained.seconds,
        "first_solved": None if solved is None else {"step": solved.step, "tokens": solved.tokens},
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
        "version": __version__,
        "commit": job.commit,
        "machine": machine(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
