"""The precision experiment by language and model: how far each arithmetic is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starfree.experiments.plan import PlannedTrial
from starfree.experiments.precision import UNITS

Result = Mapping[str, Any]
Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """The seeds of one language and model.

    Attributes:
        measured: for each seed, arithmetic -> what was measured.
    """

    language: str
    model: str
    planned: Sequence[PlannedTrial]
    results: Sequence[Result]
    measured: Sequence[Measured]

    def spread(self, arithmetic: str) -> str:
        """How far it is right, smallest to largest of the seeds."""
        found = [reach(one[arithmetic]) for one in self.measured if arithmetic in one]
        if not found:
            return "–"
        ordered = sorted(found, key=lambda one: (one.ever, one.right_to))
        return " to ".join(dict.fromkeys([str(ordered[0]), str(ordered[-1])]))


@dataclass(frozen=True)
class Reach:
    """How far one arithmetic is right.

    Attributes:
        right_to: the largest n up to which every point asked is right; 0: none.
        ever: it is right for every n.
        refused: the model says so itself beyond.
    """

    right_to: int
    ever: bool
    refused: bool

    def __str__(self) -> str:
        if self.ever:
            return "for ever"
        if not self.right_to:
            return "never"
        return f"{self.right_to:,}" + (", then refuses" if self.refused else "")


def reach(measured: Measured) -> Reach:
    """What one measurement says."""
    rows = measured["rows"]
    right_to = 0
    for n, right in zip(measured["n"], measured["right"], strict=True):
        if right < rows:
            return Reach(right_to, False, measured.get("refused") is not None)
        right_to = n
    return Reach(right_to, measured.get("settled") is not None, False)


def gather(planned: Sequence[PlannedTrial], results: Mapping[str, Result]) -> list[Cell]:
    """The models with a result, in the order of the plan."""
    found: dict[tuple[str, str], list[PlannedTrial]] = {}
    for trial in planned:
        if trial.hash in results and trial.model != UNITS:
            found.setdefault(trial.cell, []).append(trial)
    cells = []
    for (name, model), trials in found.items():
        own = [results[trial.hash] for trial in trials]
        cells.append(Cell(name, model, trials, own, [result["arithmetics"] for result in own]))
    return cells


def units_alone(planned: Sequence[PlannedTrial], results: Mapping[str, Result]) -> Measured | None:
    """What single units keep, if they were measured."""
    for trial in planned:
        if trial.model == UNITS and trial.hash in results:
            found: Measured = results[trial.hash]["units"]
            return found
    return None
