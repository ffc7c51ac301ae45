"""Claims: verdicts, and the rows of cases that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starfree.algebra.architectures import SOFTMAX
from starfree.algebra.facts import Facts
from starfree.algebra.theorems import theorem

Answer = Literal["can", "cannot", "open"]
Test = Callable[[Facts], bool | None]
Number = Callable[[Facts], int | None]

OPEN_STATUS = "no theorem covers it"


@dataclass(frozen=True)
class Verdict:
    """One line of `classify`: what an architecture can do with a language, and why.

    Attributes:
        conditions: all that the answer depends on beyond the other fields.
        layers_lower, layers_upper: bounds on the number of layers, where known.
        units: kind -> number of units of a construction with `layers_upper` layers, where known.
        theorem: id for `starfree cite`; empty where the answer is open.
        reference: authors, year, number.
        status: ``proved``; ``derived``, our own argument from the theorem; or what is known
            against the proof.
        predicted_to_generalise: whether a trained transformer is predicted to generalise in length
            (C-RASP); another question than whether weights exist. None: unknown.
    """

    architecture: str
    task: str
    reading: str
    arithmetic: str
    conditions: str
    answer: Answer
    layers_lower: int | None = None
    layers_upper: int | None = None
    units: Mapping[str, int] | None = None
    theorem: str = ""
    reference: str = ""
    status: str = ""
    predicted_to_generalise: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """One entry of `verdicts` of `classify --json`."""
        data = dict(vars(self))
        data["units"] = None if self.units is None else dict(self.units)
        return data


@dataclass(frozen=True)
class Size:
    """Size of a circuit that the compiler has for a language."""

    layers: int
    units: Mapping[str, int]


Sizes = Mapping[str, Size]
"""By what the units may do: `nonnegative`, `signed`, `rotation`, `reflection`; `recogniser` is the
non-negative circuit that is right on every string."""


@dataclass(frozen=True)
class Case:
    """If `when` holds, the answer.

    Attributes:
        derived: the theorem does not say so itself: why it follows. The status is then `derived`.
        lower, upper: numbers of layers, from the facts.
        circuit: which of the compiler's circuits gives the upper bound and the units.
        units: of a construction that the compiler does not have, from the facts.
        note: a condition that depends on the language or its circuit.
    """

    when: Test
    answer: Answer
    theorem: str
    conditions: str = ""
    lower: Number | None = None
    upper: Number | None = None
    circuit: str = ""
    derived: str = ""
    units: Callable[[Facts], Mapping[str, int]] | None = None
    note: Callable[[Facts, Size | None], str] | None = None


@dataclass(frozen=True)
class Row:
    """A claim form and its cases."""

    architecture: str
    task: str
    reading: str
    arithmetic: str
    conditions: str
    cases: tuple[Case, ...] = ()

    def judge(self, known: Facts, sizes: Sizes) -> Verdict:
        """The verdict on one language: the first case that holds decides."""
        head = (self.architecture, self.task, self.reading, self.arithmetic)
        for case in self.cases:
            if not case.when(known):
                continue
            size = sizes.get(case.circuit)
            upper = size.layers if size else case.upper(known) if case.upper else None
            units = size.units if size else case.units(known) if case.units else None
            note = case.note(known, size) if case.note else ""
            source = theorem(case.theorem)
            return Verdict(
                *head,
                "; ".join(text for text in (self.conditions, case.conditions, note) if text),
                case.answer,
                case.lower(known) if case.lower else None,
                upper,
                units,
                source.id,
                source.reference,
                "derived" if case.derived else source.status,
                self._generalises(known),
            )
        return Verdict(
            *head,
            self.conditions,
            "open",
            status=OPEN_STATUS,
            predicted_to_generalise=self._generalises(known),
        )

    def _generalises(self, known: Facts) -> bool | None:
        return known.counts_in_crasp if self.architecture == SOFTMAX else None
