"""The search for one language and one model: round by round, from stored results alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from starfree.experiments.search.experiment import SearchExperiment, SearchTrial
from starfree.experiments.search.proposals import Finding, proposer
from starfree.experiments.search.pruning import Trace, hurdles
from starfree.experiments.search.space import Point
from starfree.experiments.spec import ModelSpec

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Attempt:
    """A configuration that was tried.

    Attributes:
        result: of its trial; None if it failed.
    """

    point: Point
    trial: SearchTrial
    result: Result | None


def final_loss(result: Result | None) -> float | None:
    """Validation loss of a trial that was trained to the end; None of all others."""
    if result is None or result["stopped"] in ("pruned", "diverged"):
        return None
    loss = result["validation"]["loss"]
    return None if loss is None else float(loss)


def smallest(losses: Sequence[float | None]) -> int | None:
    """The place of the smallest loss, the first of equals; None if none is known.

    >>> smallest([None, 0.5, 0.25, 0.25])
    2
    """
    known = [(loss, place) for place, loss in enumerate(losses) if loss is not None]
    return min(known)[1] if known else None


def curve_losses(result: Result) -> dict[int, float]:
    """Validation loss by point of the learning curve, infinite where it was no number."""
    return {point: inf if loss is None else loss for point, loss in result["losses"]}


class CellSearch:
    """Proposes trials and takes their results in.

    The same results give the same proposals, so that a search that was killed goes on by being
    told what is stored.

    Args:
        experiment: whose search it is.
        language: one of its languages.
        model: one of its models.

    Raises:
        InputError: the method needs Optuna, which is not installed.
    """

    def __init__(self, experiment: SearchExperiment, language: str, model: ModelSpec) -> None:
        self.language = language
        self.model = model
        self.attempts: list[Attempt] = []
        self._experiment = experiment
        self._settings = experiment.search
        self._proposer = proposer(experiment.search)
        self._asked: list[tuple[Point, SearchTrial]] = []

    def next_round(self) -> list[SearchTrial]:
        """The trials of the next round; none when the search is over.

        Raises:
            InputError: see `SearchExperiment.search_trial`.
        """
        settings = self._settings
        needed = None
        if settings.pruning:
            traces = [_trace(result) for result in self._results()]
            needed = hurdles(settings.pruning, self._experiment.training.evaluations, traces)
        self._asked = [
            (point, self._experiment.search_trial(self.language, self.model, point, needed))
            for point in self._proposer.ask(self._count())
        ]
        return [trial for _, trial in self._asked]

    def tell(self, results: Sequence[Result | None]) -> None:
        """Take in the results of the last round, in its order; None of a trial that failed."""
        self._proposer.tell([_finding(result) for result in results])
        self.attempts += [
            Attempt(point, trial, result)
            for (point, trial), result in zip(self._asked, results, strict=True)
        ]

    @property
    def points(self) -> list[Point]:
        """The configurations of the last round, in its order."""
        return [point for point, _ in self._asked]

    @property
    def chosen(self) -> Attempt | None:
        """The attempt with the smallest validation loss, the first of equals; None if no trial was
        trained to the end.
        """
        place = smallest([final_loss(attempt.result) for attempt in self.attempts])
        return None if place is None else self.attempts[place]

    def _count(self) -> int:
        """How many trials the next round has at the most."""
        settings = self._settings
        read = sum(result["tokens"] for result in self._results())
        if settings.tokens is not None and read >= settings.tokens:
            return 0
        left = settings.total - len(self.attempts)
        # A grid of which every point is trained to the end is one round.
        learns = settings.method != "grid" or settings.pruning or settings.tokens
        return min(settings.round, left) if learns else left

    def _results(self) -> Iterable[Result]:
        """Of each trial once: the same point may be proposed again."""
        found = {attempt.trial.hash: attempt.result for attempt in self.attempts}
        return [result for result in found.values() if result is not None]


def _trace(result: Result) -> Trace:
    return Trace(curve_losses(result), final_loss(result) is not None)


def _finding(result: Result | None) -> Finding:
    if result is None:
        return Finding(None, {}, failed=True)
    loss = final_loss(result)
    if loss is None and result["stopped"] != "pruned":
        loss = inf
    return Finding(loss, curve_losses(result))
