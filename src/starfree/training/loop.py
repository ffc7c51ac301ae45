"""The one training loop: a budget of tokens, a learning curve, checkpoints that resume exactly.

The final weights are the result. The curve holds what a reader may want to know of the way there;
nothing is selected on its test bins.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from starfree.data.stream import Stream
from starfree.data.task import Examples, Task
from starfree.errors import InputError
from starfree.files import write_atomically
from starfree.languages.strings import Strings
from starfree.models.reproducible import seeded, threads
from starfree.training.batches import Rows, spread, take, training_order
from starfree.training.checkpoint import (
    CHECKPOINT_NAME,
    CURVE_NAME,
    WEIGHTS_NAME,
    gather_tensors,
    read_checkpoint,
    restore_tensors,
    write_checkpoint,
    write_weights,
)
from starfree.training.metrics import BinMetrics, evaluate_examples
from starfree.training.objectives import objective_of
from starfree.training.optimiser import learning_rate, make_optimiser
from starfree.training.outcome import CurvePoint, Stopped, TrainEvent, TrainResult
from starfree.training.plateau import Plateau
from starfree.training.settings import CHECKPOINT_SECONDS, TrainSettings
from starfree.training.steps import make_step

EVENT_SECONDS = 0.2  # between events that tell of progress only

GivesUp = Callable[[Sequence[CurvePoint]], bool]


class TrainingData(Protocol):
    """What training reads of a data set."""

    @property
    def train(self) -> Strings | Stream:
        """The training strings: the same in every epoch, or drawn anew for each."""

    @property
    def validation(self) -> Strings | None:
        """Strings to select on, if there are any."""

    @property
    def bins(self) -> Mapping[str, Strings]:
        """Test strings by window of lengths."""


def train(
    model: nn.Module,
    task: Task,
    data: TrainingData,
    settings: TrainSettings,
    seed: int,
    folder: Path | None = None,
    on_event: Callable[[TrainEvent], None] | None = None,
    thread_count: int = 1,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    gives_up: GivesUp | None = None,
) -> TrainResult:
    """Train a model in place.

    Args:
        model: with its initial weights (`reproducible.seeded` makes them repeatable).
        task: what is asked.
        data: about which strings.
        settings: budget and optimiser.
        seed: of the batches, and of whatever the model draws in training.
        folder: where the checkpoint, the curve and the final weights are written; training resumes
            from a checkpoint that is there, and ends with the weights of an uninterrupted run.
        on_event: told of progress a few times a second, and of each point of the curve.
        thread_count: threads of the computation; results may differ in the last bits between two
            counts.
        checkpoint_seconds: from one checkpoint to the next, where the curve's points are farther
            apart.
        gives_up: asked at each point of the curve whether to stop there; a function of the curve
            alone, so that a run that is resumed ends as it would have.

    Raises:
        InputError: no training strings; early stopping without validation strings; a checkpoint of
            another run in the folder.
        StarfreeError: the folder cannot be written, or the checkpoint there is damaged.
    """
    with threads(thread_count), seeded(seed):
        run = _Run(
            model, task, data, settings, seed, folder, on_event, checkpoint_seconds, gives_up
        )
        return run.run()


@dataclass
class _Progress:
    """How far a run is; with the tensors, all that a checkpoint needs."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    epoch: int = 0
    batch: int = 0  # the next one of the epoch
    points: int = 0  # of the curve that are behind us (one batch may pass several)
    curve: list[CurvePoint] = field(default_factory=list)
    plateau: Plateau = field(default_factory=Plateau)
    stopped: Stopped | None = None


class _Run:
    """The loop and what it holds."""

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        data: TrainingData,
        settings: TrainSettings,
        seed: int,
        folder: Path | None,
        on_event: Callable[[TrainEvent], None] | None,
        checkpoint_seconds: float,
        gives_up: GivesUp | None,
    ) -> None:
        if data.validation is None:
            for setting, given in (
                ("early_stop", settings.early_stop),
                ("decay: plateau", settings.decay == "plateau"),
            ):
                if given:
                    raise InputError(
                        f"{setting} needs validation strings, and this data set has none"
                    )
        self.model = model
        self.settings = settings
        self.seed = seed
        self.folder = folder
        self.on_event = on_event
        self.objective = objective_of(task.objective)
        self.task = task
        self.source = data.train
        self.examples = self._encode_epoch(0)
        if not len(self.examples.lengths):
            raise InputError("there are no training strings")
        self.validation = None
        if data.validation is not None:
            self.validation = _encode_some(task, data.validation, settings.validation_strings)
        self.bins = {}
        if settings.bin_strings:
            self.bins = {
                window: _encode_some(task, strings, settings.bin_strings)
                for window, strings in data.bins.items()
            }
        self.optimiser = make_optimiser(model, settings)
        self.step = make_step(model, task.objective, self.optimiser, settings.clip)
        self.progress = _Progress()
        self.losses: list[float] = []  # since the last point of the curve
        self.told = -math.inf  # when the last event was sent
        self.checkpoint_seconds = checkpoint_seconds
        self.gives_up = gives_up
        self.saved = time.monotonic()

    def run(self) -> TrainResult:
        """Go on from the checkpoint, if there is one, to the end."""
        self._resume()
        self.model.train()
        while (stopped := self.progress.stopped) is None:
            self._epoch()
        if self.folder is not None:
            write_weights(self.folder / WEIGHTS_NAME, self.model.state_dict())
        progress = self.progress
        return TrainResult(
            stopped=stopped,
            step=progress.step,
            tokens=progress.tokens,
            seconds=progress.seconds,
            curve=tuple(progress.curve),
        )

    def _encode_epoch(self, number: int) -> Examples:
        source = self.source
        return self.task.encode(source.draw(number) if isinstance(source, Stream) else source)

    def _epoch(self) -> None:
        progress, settings = self.progress, self.settings
        if isinstance(self.source, Stream) and progress.epoch:
            self.examples = self._encode_epoch(progress.epoch)
        lengths = self.examples.lengths
        order = training_order(
            lengths, settings.batch_size, self.seed, progress.epoch, settings.shuffle
        )
        while progress.batch < len(order):
            rows = order[progress.batch]
            before, progress.tokens = progress.tokens, progress.tokens + int(lengths[rows].sum())
            loss = self._step(rows, (before + progress.tokens) / 2 / settings.tokens)
            progress.step += 1
            progress.batch += 1
            if not math.isfinite(loss):
                progress.stopped = "diverged"
            elif progress.tokens >= settings.tokens:
                progress.stopped = "budget"
            points = min(progress.tokens, settings.tokens) * settings.evaluations // settings.tokens
            if points > progress.points or progress.stopped:
                progress.points = points
                self._add_point(loss)
                self._save()
            else:
                if time.monotonic() - self.saved > self.checkpoint_seconds:
                    self._save()
                if time.monotonic() - self.told > EVENT_SECONDS:
                    self._tell(loss)
            if progress.stopped:
                return
        progress.epoch, progress.batch = progress.epoch + 1, 0

    def _step(self, rows: Rows, budget_spent: float) -> float:
        """One step of the optimiser, none if the loss is not a finite number; the loss."""
        began = time.perf_counter()
        batch = take(self.examples, rows)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.settings, budget_spent) * self.progress.plateau.factor
        lengths = torch.from_numpy(self.examples.lengths[rows].astype(np.int64))
        loss = self.step(batch, lengths)
        self.losses.append(loss)
        self.progress.seconds += time.perf_counter() - began
        return loss

    def _add_point(self, loss: float) -> None:
        """Look at validation and bins; stop if the early-stopping rule says so."""
        progress = self.progress
        validation = None if self.validation is None else self._evaluate(self.validation)
        bins = {window: self._evaluate(examples) for window, examples in self.bins.items()}
        point = CurvePoint(
            step=progress.step,
            tokens=progress.tokens,
            seconds=progress.seconds,
            train_loss=_finite(math.fsum(self.losses) / len(self.losses)),
            validation_loss=_finite(validation.loss) if validation else None,
            validation_string_accuracy=validation.string_accuracy if validation else None,
            bins={window: measured.string_accuracy for window, measured in bins.items()},
            slices={
                window: {
                    name: (share.right, share.total) for name, share in measured.slices.items()
                }
                for window, measured in bins.items()
                if measured.slices
            },
        )
        progress.curve.append(point)
        self.losses = []
        patience = self.settings.early_stop
        last = [p.validation_string_accuracy == 1.0 for p in progress.curve[-patience:]]
        message = ""
        if patience and len(last) == patience and all(last) and progress.stopped is None:
            progress.stopped = "solved"
            message = (
                f"stopped early after {progress.tokens:,} of {self.settings.tokens:,} tokens: "
                f"every validation string right {patience} times in a row"
            )
        elif progress.stopped == "diverged":
            message = f"stopped at step {progress.step}: the loss is not a finite number"
        elif self.settings.decay == "plateau" and validation is not None:
            ends = progress.plateau.look(validation.loss)
            if ends and progress.stopped is None:
                progress.stopped = "plateau"
                message = (
                    f"stopped after {progress.tokens:,} of {self.settings.tokens:,} tokens: the "
                    "validation loss no longer falls"
                )
        if progress.stopped is None and self.gives_up and self.gives_up(progress.curve):
            progress.stopped = "pruned"
            message = f"given up after {progress.tokens:,} of {self.settings.tokens:,} tokens"
        self._tell(loss, message)

    def _evaluate(self, examples: Examples) -> BinMetrics:
        size = self.settings.batch_size
        return evaluate_examples(self.model, self.objective, examples, batch_size=size)

    def _tell(self, loss: float, message: str = "") -> None:
        self.told = time.monotonic()
        if self.on_event is None:
            return
        progress = self.progress
        accuracy = progress.curve[-1].validation_string_accuracy if progress.curve else None
        self.on_event(
            TrainEvent(
                progress.step, progress.tokens, self.settings.tokens, loss, accuracy, message
            )
        )

    def _save(self) -> None:
        if self.folder is None:
            return
        tensors = gather_tensors(self.model, self.optimiser)
        state = {
            "run": self._identity,
            "progress": asdict(self.progress),
            "losses": self.losses,
        }
        write_checkpoint(self.folder / CHECKPOINT_NAME, tensors, state)
        lines = [json.dumps(asdict(point)) + "\n" for point in self.progress.curve]
        write_atomically(self.folder / CURVE_NAME, "".join(lines))
        self.saved = time.monotonic()

    def _resume(self) -> None:
        if self.folder is None:
            return
        path = self.folder / CHECKPOINT_NAME
        identity = self._identity  # of a stream, while its first epoch is at hand
        found = read_checkpoint(path)
        if found is None:
            return
        tensors, state = found
        if state["run"] != identity:
            raise InputError(
                f"{path}: the checkpoint of another run (other settings, seed, data or model); "
                "choose another folder, or delete it"
            )
        restore_tensors(tensors, self.model, self.optimiser)
        self.step.restored()
        progress = state["progress"]
        curve = [CurvePoint(**point) for point in progress.pop("curve")]
        plateau = Plateau(**progress.pop("plateau"))
        self.progress = _Progress(**progress, curve=curve, plateau=plateau)
        self.losses = state.get("losses", [])  # checkpoints were once made at the points only
        loss = self.progress.curve[-1].train_loss if curve else None
        self._tell(
            math.nan if loss is None else loss,
            f"resumed after {self.progress.tokens:,} of {self.settings.tokens:,} tokens",
        )

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be this run's."""
        digest = hashlib.sha256()
        for examples in (self.examples, self.validation):
            if examples is not None:
                for array in (examples.inputs, examples.targets, examples.weights):
                    digest.update(array.tobytes())
        shapes = {name: list(tensor.shape) for name, tensor in self.model.state_dict().items()}
        return {
            "settings": self.settings.model_dump(mode="json"),
            "seed": self.seed,
            "data": digest.hexdigest(),
            "shapes": shapes,
        }


def _encode_some(task: Task, strings: Strings, wanted: int) -> Examples:
    """At most `wanted` of the strings."""
    return task.encode(strings.select(spread(len(strings), wanted)))


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else None
