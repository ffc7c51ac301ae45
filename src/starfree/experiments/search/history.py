"""What a search tried and what came of it, read back from a run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from starfree.experiments.plan import PlannedTrial, read_plan
from starfree.experiments.search.cell import Result, curve_losses, final_loss, smallest
from starfree.experiments.search.experiment import SearchExperiment, point_of
from starfree.experiments.search.space import Point
from starfree.experiments.spec import ModelSpec
from starfree.experiments.store import Store

State = Literal["complete", "pruned", "diverged", "failed", "not finished"]


@dataclass(frozen=True)
class Tried:
    """A configuration that was tried.

    Attributes:
        number: 1 for the first of its language and model.
        loss: on the validation strings when its training ended, wherever that was; None if it is
            not known or not a finite number.
        losses: along the learning curve, by point; infinite where it is not a finite number.
        tokens: read in training.
        seconds: of its training.
        rival: whether it can be chosen: trained to the end, with a finite loss.
    """

    number: int
    hash: str
    point: Point
    state: State
    loss: float | None
    losses: Mapping[int, float]
    tokens: int
    seconds: float
    rival: bool


@dataclass(frozen=True)
class CellHistory:
    """The search for one language and model.

    Attributes:
        tried: in the order of their proposals.
        fresh: the trials of the chosen configuration with fresh seeds.
    """

    language: str
    model: ModelSpec
    tried: tuple[Tried, ...]
    fresh: tuple[PlannedTrial, ...]

    @property
    def name(self) -> str:
        """What it is called in reports."""
        return f"{self.language}, {self.model.shown}"

    @property
    def chosen(self) -> Tried | None:
        """The one with the smallest validation loss, the first of equals."""
        place = smallest([one.loss if one.rival else None for one in self.tried])
        return None if place is None else self.tried[place]


def read_history(experiment: SearchExperiment, store: Store) -> list[CellHistory]:
    """The searches of a run that have begun, in the order of the spec.

    Raises:
        InputError: the folder is no run's folder.
    """
    _, planned = read_plan(store.folder)
    trials = {one.hash: _trial(store, one.hash) for one in planned}
    cells = []
    for language in experiment.languages:
        for model in experiment.models:
            own = [one for one in planned if one.cell == (language, model.shown)]
            searching = [one for one in own if trials[one.hash].get("purpose") == "search"]
            if searching:
                tried = tuple(
                    _tried(experiment, store, number, one.hash, trials[one.hash])
                    for number, one in enumerate(searching, start=1)
                )
                fresh = tuple(one for one in own if one not in searching)
                cells.append(CellHistory(language, model, tried, fresh))
    return cells


def _trial(store: Store, trial_hash: str) -> Mapping[str, Any]:
    result = store.result(trial_hash)
    if result is not None:
        return dict(result["trial"])
    path = store.trial_folder(trial_hash) / "spec.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _tried(
    experiment: SearchExperiment,
    store: Store,
    number: int,
    trial_hash: str,
    trial: Mapping[str, Any],
) -> Tried:
    result = store.result(trial_hash)
    point = point_of(trial, experiment.search.space)
    if result is None:
        failed = store.failure(trial_hash) is not None
        state: State = "failed" if failed else "not finished"
        return Tried(number, trial_hash, point, state, None, {}, 0, 0.0, False)
    return Tried(
        number,
        trial_hash,
        point,
        _state(result),
        result["validation"]["loss"],
        curve_losses(result),
        result["tokens"],
        result["seconds"],
        final_loss(result) is not None,
    )


def _state(result: Result) -> State:
    stopped = result["stopped"]
    if stopped == "pruned":
        return "pruned"
    return "diverged" if final_loss(result) is None else "complete"


def best_so_far(tried: Sequence[Tried]) -> list[float | None]:
    """The smallest loss of a configuration that can be chosen, up to each one."""
    best: float | None = None
    found = []
    for one in tried:
        if one.rival and one.loss is not None:
            best = one.loss if best is None else min(best, one.loss)
        found.append(best)
    return found
