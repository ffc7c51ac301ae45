"""The verdict table: which architecture can model which language, under which arithmetic.

Every row of the table is one claim form: an architecture, a task, a reading, an arithmetic
(`architectures.py`, `verdict_table.py`). Its cases are tried in order, and the first whose
condition (`conditions.py`) holds of the language's facts decides. What no case covers is ``open``.
"""

from __future__ import annotations

from starfree.algebra.architectures import (
    COMPLEX,
    DELTA_NONNEGATIVE,
    FEW_BITS,
    FIXED,
    FLOATS,
    HARD,
    HOUSEHOLDER,
    LOG,
    LSTM,
    NONNEGATIVE,
    ONE_HOT,
    REALS,
    RECURRENT,
    SIGNED,
    SOFTMAX,
    TIME_INVARIANT,
    WRAPPED,
)
from starfree.algebra.claims import OPEN_STATUS, Answer, Case, Row, Size, Sizes, Verdict
from starfree.algebra.facts import Facts, facts
from starfree.algebra.theorems import theorem
from starfree.algebra.verdict_table import DELTA_ROW, TABLE
from starfree.errors import InputError
from starfree.languages.language import Language

__all__ = [
    "COMPLEX",
    "DELTA_NONNEGATIVE",
    "FEW_BITS",
    "FIXED",
    "FLOATS",
    "HARD",
    "HOUSEHOLDER",
    "LOG",
    "LSTM",
    "NONNEGATIVE",
    "ONE_HOT",
    "REALS",
    "RECURRENT",
    "SIGNED",
    "SOFTMAX",
    "TABLE",
    "TIME_INVARIANT",
    "WRAPPED",
    "Answer",
    "Case",
    "Row",
    "Size",
    "Sizes",
    "Verdict",
    "expected",
    "expected_of_window",
    "verdicts",
]


def verdicts(known: Facts, sizes: Sizes) -> tuple[Verdict, ...]:
    """All rows of the table for one language."""
    return tuple(row.judge(known, sizes) for row in TABLE)


_EXPECTED = {
    "mamba": NONNEGATIVE,
    "transformer": SOFTMAX,
    "lstm": LSTM,
    "signed": SIGNED,
    "complex": COMPLEX,
    "time-invariant": TIME_INVARIANT,
    "delta": DELTA_NONNEGATIVE,
    "reflections": HOUSEHOLDER,
    "rnn": RECURRENT,
}


def expected(language: Language, architecture: str, position: str = "none") -> Verdict:
    """What theory expects of a trained architecture.

    Task `predict`, sign reading, p fractional bits; a fixed number of bits for `transformer`, where
    the position code matters: with any code but "none" the question is open. A transformer on a
    counter language is judged at precision that grows with the log of the length: its attention
    averages, so that no fixed number of bits holds a count.

    Raises:
        InputError: unknown architecture.
    """
    if architecture not in _EXPECTED:
        raise InputError(
            f"no verdict for architecture {architecture!r}; one of {', '.join(_EXPECTED)}"
        )
    name = _EXPECTED[architecture]
    known = facts(language)
    arithmetic = FIXED
    if name == SOFTMAX:
        arithmetic = FEW_BITS if known.regular else LOG
        if position != "none" and known.regular:
            conditions = f"position code {position}"
            return Verdict(
                name, "predict", "sign", arithmetic, conditions, "open", status=OPEN_STATUS
            )
    row = next(
        row
        for row in (*TABLE, DELTA_ROW)
        if (row.architecture, row.task, row.reading, row.arithmetic)
        == (name, "predict", "sign", arithmetic)
    )
    return row.judge(known, {})


def expected_of_window(language: Language, window: int) -> Verdict:
    """What a map of the last `window` symbols, a convolution, can predict: exact.

    It can iff the legal set depends on no more symbols than it sees (predictive definiteness).
    """
    known = facts(language)
    source = theorem("last-letter")
    enough = known.definiteness is not None and known.definiteness <= window
    needs = "no window suffices"
    if known.definiteness is not None:
        needs = f"the last {known.definiteness} decide"
    return Verdict(
        "convolution",
        "predict",
        "sign",
        "any",
        f"sees the last {window} symbols; {needs}",
        "can" if enough else "cannot",
        theorem=source.id,
        reference=source.reference,
        status=source.status,
    )
