"""Which configuration is tried next: the points of a grid in order, or what Optuna proposes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from starfree.errors import InputError
from starfree.experiments.search.experiment import SearchSettings
from starfree.experiments.search.space import Point, Range, Space, grid

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Finding:
    """What came of a proposal.

    Attributes:
        loss: validation loss at the end, infinite of a trial that diverged; None if the trial was
            given up or failed.
        losses: by point of the learning curve.
        failed: nothing is known of it.
    """

    loss: float | None
    losses: Mapping[int, float]
    failed: bool = False


class Proposer(Protocol):
    """Proposes points of a space."""

    def ask(self, count: int) -> list[Point]:
        """The next points, at most `count`; fewer when there are no more."""

    def tell(self, findings: Sequence[Finding]) -> None:
        """What came of the points asked for last, in their order."""


def proposer(settings: SearchSettings) -> Proposer:
    """The method of a search, at its start.

    Raises:
        InputError: it needs Optuna, which is not installed.
    """
    if settings.method == "grid":
        return _Grid(settings.space)
    return _Optuna(settings)


def check_method(settings: SearchSettings) -> None:
    """Find out whether the method's library is there.

    Raises:
        InputError: it is not.
    """
    if settings.method != "grid" and find_spec("optuna") is None:
        raise InputError(
            f"search.method: {settings.method} needs Optuna (`pip install 'starfree[search]'`); "
            "grid needs nothing"
        )


class _Grid:
    def __init__(self, space: Space) -> None:
        lists = {name: axis for name, axis in space.items() if not isinstance(axis, Range)}
        self._points = grid(lists)

    def ask(self, count: int) -> list[Point]:
        return list(islice(self._points, count))

    def tell(self, findings: Sequence[Finding]) -> None:
        """A grid learns nothing."""


class _Optuna:
    """A study in memory, made anew from stored results whenever a search goes on.

    Each proposal has a sampler of its own whose seed is that of the search and the proposal's
    number, so that the next proposal hangs on these and on the findings so far, and on nothing
    that would have to be stored.
    """

    def __init__(self, settings: SearchSettings) -> None:
        check_method(settings)
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._settings = settings
        self._study = optuna.create_study(direction="minimize")
        self._axes = {name: self._distribution(axis) for name, axis in settings.space.items()}
        self._asked: list[optuna.Trial] = []
        self._number = 0

    def ask(self, count: int) -> list[Point]:
        self._asked = []
        for _ in range(count):
            self._study.sampler = self._sampler()
            self._asked.append(self._study.ask(self._axes))
            self._number += 1
        return [dict(trial.params) for trial in self._asked]

    def tell(self, findings: Sequence[Finding]) -> None:
        states = self._optuna.trial.TrialState
        for trial, finding in zip(self._asked, findings, strict=True):
            if finding.failed:
                self._study.tell(trial, state=states.FAIL)
                continue
            for point, loss in finding.losses.items():
                trial.report(loss, point)
            if finding.loss is None:
                self._study.tell(trial, state=states.PRUNED)
            else:
                self._study.tell(trial, finding.loss)

    def _sampler(self) -> optuna.samplers.BaseSampler:
        words = np.random.SeedSequence([self._settings.seed, self._number]).generate_state(1)
        seed = int(words[0])
        if self._settings.method == "random":
            return self._optuna.samplers.RandomSampler(seed=seed)
        return self._optuna.samplers.TPESampler(seed=seed)

    def _distribution(self, axis: Any) -> optuna.distributions.BaseDistribution:
        kinds = self._optuna.distributions
        if not isinstance(axis, Range):
            return kinds.CategoricalDistribution(axis)
        if isinstance(axis.low, int) and isinstance(axis.high, int):
            return kinds.IntDistribution(axis.low, axis.high, log=axis.log)
        return kinds.FloatDistribution(axis.low, axis.high, log=axis.log)
