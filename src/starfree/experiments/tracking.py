"""Learning curves for TensorBoard, written by the driver while trials run, wherever they run."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

from starfree.errors import InputError
from starfree.experiments.events import Event, Failed, Finished, Waiting
from starfree.experiments.store import Store
from starfree.training.plateau import Plateau
from starfree.training.settings import TrainSettings

FOLDER = "tensorboard"

Row = Mapping[str, Any]


class TensorBoard:
    """Follows a run's events and writes each trial's scalars into `DIR/tensorboard/HASH`.

    The curve on disk is the truth: a trial's event file begins anew with each run, from the
    curve's first point, so that a trial that was resumed has every step once.

    Args:
        store: the run's.

    Raises:
        InputError: the package tensorboard is not installed.
    """

    def __init__(self, store: Store) -> None:
        self._writer = _import_writer()
        self._store = store
        self._followed: dict[str, _Followed] = {}

    def watch(self, event: Event) -> None:
        """Write what is new of the trial that the event is about."""
        if isinstance(event, Waiting):
            return
        self._followed_of(event.hash).write(self._store.curve(event.hash))
        if isinstance(event, Finished | Failed):
            self._followed.pop(event.hash).close()

    def catch_up(self) -> None:
        """Write the trials that were finished before anybody asked for this."""
        for trial_hash in self._store.results():
            if not self._place(trial_hash).exists():
                self._followed_of(trial_hash).write(self._store.curve(trial_hash))
                self._followed.pop(trial_hash).close()

    def close(self) -> None:
        """Close what is still open: a run ends in the middle of trials when it is interrupted."""
        for followed in self._followed.values():
            followed.close()
        self._followed.clear()

    def _followed_of(self, trial_hash: str) -> _Followed:
        if trial_hash not in self._followed:
            place = self._place(trial_hash)
            shutil.rmtree(place, ignore_errors=True)
            spec = self._store.trial_folder(trial_hash) / "spec.json"
            trial = json.loads(spec.read_text(encoding="utf-8"))
            self._followed[trial_hash] = _Followed(self._writer(str(place)), trial)
        return self._followed[trial_hash]

    def _place(self, trial_hash: str) -> Path:
        return self._store.folder / FOLDER / trial_hash


class _Followed:
    """One trial's event file."""

    def __init__(self, writer: Any, trial: Row) -> None:
        self._writer = writer
        self._settings = TrainSettings.model_validate(trial["training"])
        self._plateau = Plateau()
        self._written = 0
        self._began: float | None = None
        said = [f"{name}: {trial[name]}" for name in ("language", "model", "seed", "options")]
        said.append(f"learning rate: {self._settings.learning_rate}")
        writer.add_text("trial", "  \n".join(said), 0)

    def write(self, curve: Sequence[Row]) -> None:
        """Write the points that are not there yet (after a loss the curve may be shorter)."""
        new = curve[self._written :]
        if not new:
            return
        if self._began is None:  # so that the times between points are those of training
            self._began = time.time() - new[-1]["seconds"]
        for row in new:
            for tag, value in self._scalars(row):
                self._writer.add_scalar(tag, value, row["step"], self._began + row["seconds"])
        self._written = len(curve)
        self._writer.flush()

    def _scalars(self, row: Row) -> Iterator[tuple[str, float]]:
        """Those of one point that are numbers."""
        from starfree.training.optimiser import learning_rate

        settings = self._settings
        rate = learning_rate(settings, min(1.0, row["tokens"] / settings.tokens))
        values = {
            "training/loss": row["train_loss"],
            "training/learning rate": rate * self._plateau.factor,
            "validation/loss": row["validation_loss"],
            "validation/string accuracy": row["validation_string_accuracy"],
            **{f"bins/{window}": share for window, share in row["bins"].items()},
        }
        yield from ((tag, value) for tag, value in values.items() if value is not None)
        if settings.decay == "plateau":  # as the loop does after each point
            loss = row["validation_loss"]
            self._plateau.look(inf if loss is None else loss)

    def close(self) -> None:
        self._writer.close()


def _import_writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "--track tensorboard needs the package tensorboard: pip install 'starfree[track]'"
        ) from error
    return SummaryWriter
