"""What a training tells: events on the way, a curve, how it ended. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Stopped = Literal["budget", "solved", "plateau", "pruned", "diverged"]


@dataclass(frozen=True)
class CurvePoint:
    """One point of the learning curve.

    Attributes:
        step: batches read so far.
        tokens: real symbols read so far.
        seconds: spent in training steps so far.
        train_loss: mean over the batches since the last point.
        validation_loss: None without validation strings, or if it is not a finite number.
        validation_string_accuracy: None without validation strings.
        bins: string accuracy by window, on `bin_strings` strings of each.
        slices: of the same strings, by window and slice of the task: answers right, of all.
    """

    step: int
    tokens: int
    seconds: float
    train_loss: float | None
    validation_loss: float | None
    validation_string_accuracy: float | None
    bins: dict[str, float]
    slices: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainEvent:
    """What a watcher is told while a model is trained.

    Attributes:
        validation_accuracy: string accuracy at the last point of the curve, None before the first.
        message: one line for the reader (resumed, stopped early), mostly empty.
    """

    step: int
    tokens: int
    tokens_total: int
    loss: float
    validation_accuracy: float | None
    message: str = ""


@dataclass(frozen=True)
class TrainResult:
    """A finished training; the model holds the final weights.

    Attributes:
        stopped: `budget` used up, `solved` (the early-stopping rule), `plateau` (the validation
            loss no longer falls, with `decay: plateau`), `pruned` (given up by a search), or
            `diverged` (a loss that is not a finite number).
        seconds: spent in training steps, over all runs that resumed from one another.
    """

    stopped: Stopped
    step: int
    tokens: int
    seconds: float
    curve: tuple[CurvePoint, ...]

    @property
    def first_solved(self) -> CurvePoint | None:
        """The first point of the curve with every validation string right, if there is one."""
        return next((p for p in self.curve if p.validation_string_accuracy == 1.0), None)
