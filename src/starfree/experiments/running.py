"""The frame of every trial: a model trained from where it stopped, a result on disk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import nn

from starfree import __version__
from starfree.data.task import Task
from starfree.errors import StarfreeError
from starfree.experiments.events import Job, Progress
from starfree.experiments.provenance import machine
from starfree.experiments.resolution import model_file
from starfree.experiments.store import Store
from starfree.models.model import build
from starfree.models.reproducible import seeded
from starfree.training.checkpoint import CHECKPOINT_NAME, read_checkpoint
from starfree.training.loop import GivesUp, TrainingData, train
from starfree.training.outcome import TrainEvent, TrainResult


def trained_model(
    job: Job,
    task: Task,
    data: TrainingData,
    progress: Progress,
    gives_up: GivesUp | None = None,
) -> tuple[nn.Module, TrainResult]:
    """The trial's model, trained from its last checkpoint or from the start.

    Args:
        job: the trial and its folder.
        task: what is asked.
        data: about which strings.
        progress: told how far it is.
        gives_up: see `train`.

    Raises:
        InputError, StarfreeError: see `build` and `train`; a user's model is no longer what the
            trial was planned with.
    """
    trial = job.trial
    if model_file(trial.model) != trial.model_file:
        raise StarfreeError(
            f"{trial.model}: the file is another one than when the run began; run the spec again"
        )
    with seeded(trial.seed):
        model = build(trial.model, task.vocabulary, task.outputs, **trial.options)

    def on_event(event: TrainEvent) -> None:
        fraction = min(event.tokens / event.tokens_total, 1.0)
        progress("training", fraction, event.validation_accuracy)

    _drop_damaged_checkpoint(job.folder / CHECKPOINT_NAME)
    trained = train(
        model, task, data, trial.training, trial.seed, job.folder, on_event,
        checkpoint_seconds=job.checkpoint_seconds, gives_up=gives_up,
    )  # fmt: skip
    accuracy = trained.curve[-1].validation_string_accuracy if trained.curve else None
    progress("testing", 1.0, accuracy)
    return model, trained


def write_result(
    job: Job, model: nn.Module, trained: TrainResult, measured: Mapping[str, Any], began: float
) -> None:
    """Mark the trial as finished.

    Args:
        job: the trial and its folder.
        model: after training.
        trained: how training went.
        measured: what the trial found out, `language` and `bins` among it.
        began: `time.monotonic()` at its start.

    Raises:
        OSError: it cannot be written.
    """
    solved = trained.first_solved
    result = {
        "format": 1,
        "trial": job.trial.model_dump(mode="json"),
        "parameters": sum(p.numel() for p in model.parameters()),
        "stopped": trained.stopped,
        "steps": trained.step,
        "tokens": trained.tokens,
        "seconds": trained.seconds,
        "first_solved": None if solved is None else {"step": solved.step, "tokens": solved.tokens},
        "validation": None,
        **measured,
        "version": __version__,
        "commit": job.commit,
        "machine": machine(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "total_seconds": time.monotonic() - began,
    }
    Store(job.folder.parent.parent).save_result(job.hash, result)
    (job.folder / CHECKPOINT_NAME).unlink(missing_ok=True)


def _drop_damaged_checkpoint(path: Path) -> None:
    """A damaged checkpoint costs a trial its progress, not its result."""
    try:
        read_checkpoint(path)
    except StarfreeError:
        path.unlink()
