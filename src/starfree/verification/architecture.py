"""Which rows of the verdict table a model stands in, by its measured gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starfree.algebra import verdict as table
from starfree.algebra.conditions import in_words
from starfree.algebra.facts import facts
from starfree.algebra.verdict import TABLE, Row, Verdict
from starfree.algebra.verdict_table import DELTA_ROW
from starfree.languages.language import Language
from starfree.models.gate_range import Gates


@dataclass(frozen=True)
class Place:
    """A row of the table with what it says of classes of languages, the first that holds deciding.

    Attributes:
        classes: ``(class, can or cannot, condition, theorem)``, in the order of the table.
    """

    row: Row
    classes: tuple[tuple[str, str, str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """One entry of `rows` of `classify MODEL --json`."""
        return {
            "architecture": self.row.architecture,
            "task": self.row.task,
            "reading": self.row.reading,
            "arithmetic": self.row.arithmetic,
            "conditions": self.row.conditions,
            "classes": [
                {"class": name, "answer": answer, "conditions": conditions, "theorem": theorem}
                for name, answer, conditions, theorem in self.classes
            ],
        }


def architecture(gates: Gates) -> str | None:
    """The table's name of what such gates are; None where no row speaks of it."""
    match gates.recurrence:
        case "lstm":
            return table.LSTM
        case "attention":
            return table.SOFTMAX
        case "reflections" if (gates.low or 0.0) < 0:
            return table.HOUSEHOLDER
        case "reflections" if gates.reflections == 1:
            return table.DELTA_NONNEGATIVE
        case "dense":
            return table.RECURRENT
        case "diagonal" if not gates.input_dependent:
            return table.TIME_INVARIANT
        case "diagonal" if gates.complex:
            return table.COMPLEX
        case "diagonal":
            return table.SIGNED if (gates.low or 0.0) < 0 else table.NONNEGATIVE
    return None


def places(gates: Gates) -> tuple[Place, ...]:
    """The rows that hold of a model in floating point with such gates."""
    name = architecture(gates)
    rows = [row for row in (*TABLE, DELTA_ROW) if row.architecture == name and _applies(row, gates)]
    return tuple(Place(row, tuple(_class(case) for case in row.cases)) for row in rows)


def verdicts_for(gates: Gates, language: Language) -> Sequence[Verdict]:
    """What the rows say of one language; of a convolution alone, what its window allows."""
    if gates.recurrence == "none" and gates.window is not None:
        return [table.expected_of_window(language, gates.window)]
    known = facts(language)
    return [place.row.judge(known, {}) for place in places(gates)]


def _applies(row: Row, gates: Gates) -> bool:
    if row.arithmetic == table.WRAPPED:
        return False
    if gates.recurrence == "attention":
        # of other codes of positions than none the table speaks at growing precision only
        return gates.position == "none" or row.arithmetic == table.LOG
    if gates.low is None or gates.high is None or row.architecture != table.NONNEGATIVE:
        return True
    inside = gates.low > 0 and gates.high < 1
    return inside if row.arithmetic == table.REALS else not (inside and row.reading != "sign")


def _class(case: table.Case) -> tuple[str, str, str, str]:
    return in_words(case.when), case.answer, case.conditions, case.theorem
