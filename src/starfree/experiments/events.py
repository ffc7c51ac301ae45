"""What a running experiment tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from starfree.experiments.spec import RefutationSettings, Trial
from starfree.training.settings import CHECKPOINT_SECONDS

Phase = Literal["data", "training", "testing", "refuting"]


@dataclass(frozen=True)
class Job:
    """A trial to be run.

    Attributes:
        model: as shown in reports.
        folder: the trial's own folder in the store.
        commit: of the code that runs it (the driver's: a checkout may move on under a run).
        checkpoint_seconds: from one checkpoint to the next, at the most.
        refutation: how hard it is searched for a wrong string after training; None: not at all.
        trained: its result is there already, and only that search is asked for.
    """

    trial: Trial
    hash: str
    model: str
    folder: Path
    commit: str | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    refutation: RefutationSettings | None = None
    trained: bool = False


@dataclass(frozen=True)
class Started:
    """A worker took up a trial."""

    hash: str
    worker: int


@dataclass(frozen=True)
class Progressed:
    """A trial came further.

    Attributes:
        fraction: of its training tokens, 0..1.
        accuracy: share of validation strings right at every position; None before it is known.
    """

    hash: str
    phase: Phase
    fraction: float
    accuracy: float | None = None


@dataclass(frozen=True)
class Finished:
    """A trial's result is on disk."""

    hash: str
    worker: int


@dataclass(frozen=True)
class Failed:
    """A trial failed; the others go on.

    Attributes:
        message: one line for the user.
        details: the traceback, for the file.
    """

    hash: str
    worker: int
    message: str
    details: str


@dataclass(frozen=True)
class Lost:
    """A worker died; its trial goes on elsewhere from its last checkpoint."""

    hash: str
    worker: int
    reason: str


@dataclass(frozen=True)
class Waiting:
    """Fewer trials run than might; `reason` says why, in a line for the user."""

    reason: str


Progress = Callable[[Phase, float, float | None], None]
"""How a runner tells its engine of a `Progressed`: phase, fraction, accuracy."""

Event = Started | Progressed | Finished | Failed | Lost | Waiting
