"""The verdict table: which architecture can model which language, under which arithmetic.

Every row of the table is one claim form: an architecture, a task, a reading, an arithmetic. Its
cases are tried in order, and the first whose condition holds of the language's facts decides. A
condition that is undecided (None) does not hold. What no case covers is ``open``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starfree.algebra.facts import Facts, facts
from starfree.algebra.theorems import theorem
from starfree.errors import InputError
from starfree.languages.language import Language

Answer = Literal["can", "cannot", "open"]
Test = Callable[[Facts], bool | None]
Number = Callable[[Facts], int | None]


@dataclass(frozen=True)
class Verdict:
    """One line of `classify`: what an architecture can do with a language, and why.

    Attributes:
        conditions: all that the answer depends on beyond the other fields.
        layers_lower, layers_upper: bounds on the number of layers, where known.
        units: kind -> number of units of a construction with `layers_upper` layers, where known.
        theorem: id for `starfree cite`; empty where the answer is open.
        reference: authors, year, number.
        status: what is known about the proof.
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
"""By what the units may do: `nonnegative`, `signed`, `rotation`, `reflection`."""


@dataclass(frozen=True)
class Case:
    """If `when` holds, the answer.

    Attributes:
        lower, upper: numbers of layers, from the facts.
        circuit: which of the compiler's circuits gives the upper bound and the units.
    """

    when: Test
    answer: Answer
    theorem: str
    conditions: str = ""
    lower: Number | None = None
    upper: Number | None = None
    circuit: str = ""


@dataclass(frozen=True)
class Row:
    """A claim form and its cases."""

    architecture: str
    task: str
    reading: str
    arithmetic: str
    conditions: str
    cases: tuple[Case, ...]

    def judge(self, known: Facts, sizes: Sizes) -> Verdict:
        """The verdict on one language."""
        head = (self.architecture, self.task, self.reading, self.arithmetic)
        for case in self.cases:
            if not case.when(known):
                continue
            size = sizes.get(case.circuit)
            upper = size.layers if size else case.upper(known) if case.upper else None
            source = theorem(case.theorem)
            return Verdict(
                *head,
                "; ".join(text for text in (self.conditions, case.conditions) if text),
                case.answer,
                case.lower(known) if case.lower else None,
                upper,
                size.units if size else None,
                source.id,
                source.reference,
                source.status,
            )
        return Verdict(*head, self.conditions, "open", status="no theorem covers it")


def star_free(known: Facts) -> bool | None:
    return known.star_free


def not_star_free(known: Facts) -> bool:
    return known.regular and known.star_free is False


def counter(known: Facts) -> bool:
    return not known.regular


def regular(known: Facts) -> bool:
    return known.regular


def only_2_groups(known: Facts) -> bool | None:
    return known.regular and all(g.is_2_group for g in known.groups or ()) and _decided(known)


def other_groups(known: Facts) -> bool:
    return any(not group.is_2_group for group in known.groups or ())


def solvable(known: Facts) -> bool | None:
    return known.regular and all(g.solvable for g in known.groups or ()) and _decided(known)


def not_solvable(known: Facts) -> bool:
    return any(not group.solvable for group in known.groups or ())


def r_trivial(known: Facts) -> bool | None:
    return known.classes["r_trivial"]


def not_r_trivial(known: Facts) -> bool:
    return known.classes["r_trivial"] is False


def j_trivial(known: Facts) -> bool | None:
    return known.classes["j_trivial"]


def definite(known: Facts) -> bool:
    return known.definiteness is not None


def last_letter(known: Facts) -> bool:
    return known.definiteness is not None and known.definiteness <= 1


def one_letter(known: Facts) -> bool:
    return known.regular and known.letters == 1


def one_letter_cycle(known: Facts) -> bool:
    return one_letter(known) and not_star_free(known)


def permutes(known: Facts) -> bool:
    return known.reflections is not None


def forgets(known: Facts) -> bool:
    return known.forgets


def merges(known: Facts) -> bool:
    return known.merges


def parity(known: Facts) -> bool:
    return known.parity


def _decided(known: Facts) -> bool | None:
    return True if known.groups is not None else None


def _one(known: Facts) -> int:
    return 1


def _binary_length(known: Facts) -> int:
    return max((group.binary_length or 0 for group in known.groups or ()), default=0) or 1


def _derived_length(known: Facts) -> int:
    return max((group.derived_length or 0 for group in known.groups or ()), default=0) or 1


REALS = "exact reals"
FIXED = "p fractional bits, unbounded integers"
FLOATS = "float32, bfloat16, float16"
WRAPPED = "unsigned integers, wrap-around"
LOG = "precision that grows with log of the length"

NONNEGATIVE = "non-negative diagonal SSM (Mamba)"
TIME_INVARIANT = "time-invariant diagonal SSM"
SIGNED = "signed diagonal SSM"
COMPLEX = "complex diagonal SSM"
HOUSEHOLDER = "products of Householder reflections"
ONE_HOT = "column one-hot times complex diagonal"
RECURRENT = "RNN, GRU (dense)"
LSTM = "LSTM"
SOFTMAX = "transformer, softmax attention"
HARD = "transformer, unique hard attention"

_NO_POSITION = "strict causal masking, no position code"
_COUNTS = "right up to the largest exact count only: 2^24 in float32, 2^11 in float16"

_STAR_FREE_CASES = (
    Case(star_free, "can", "sarrof2024", lower=_one, circuit="nonnegative"),
    Case(not_star_free, "cannot", "sarrof2024"),
    Case(counter, "can", "sarrof2024", "gates exactly 1", _one, _one, "nonnegative"),
)

TABLE = (
    Row(NONNEGATIVE, "predict", "sign", FIXED, "", _STAR_FREE_CASES),
    Row(NONNEGATIVE, "predict", "margin g", FIXED, "gates 0 and 1 available", _STAR_FREE_CASES),
    Row(NONNEGATIVE, "recognise", "sign", FIXED, "", _STAR_FREE_CASES),
    Row(
        NONNEGATIVE,
        "predict",
        "sign",
        FLOATS,
        "sequential evaluation; gates 0 and 1 by underflow",
        (
            Case(star_free, "can", "nowak2026", lower=_one, circuit="nonnegative"),
            Case(not_star_free, "cannot", "nowak2026"),
            Case(counter, "cannot", "nowak2026", _COUNTS),
        ),
    ),
    Row(
        NONNEGATIVE,
        "predict",
        "sign",
        WRAPPED,
        "",
        (
            Case(star_free, "can", "nowak2026", lower=_one, circuit="nonnegative"),
            Case(only_2_groups, "can", "nowak2026", lower=_one),
            Case(other_groups, "cannot", "nowak2026"),
            Case(counter, "cannot", "nowak2026", "finitely many states"),
        ),
    ),
    Row(
        NONNEGATIVE,
        "predict",
        "sign",
        REALS,
        "gates strictly inside (0, 1)",
        (Case(star_free, "can", "dankowiakowski2025", lower=_one),),
    ),
    Row(
        NONNEGATIVE,
        "predict",
        "margin g",
        REALS,
        "gates strictly inside (0, 1)",
        (
            Case(merges, "cannot", "dankowiakowski2025", "a repeated word keeps states apart"),
            Case(last_letter, "can", "last-letter", lower=_one, upper=_one),
            Case(definite, "can", "alsmann2026", "a window of the last letters", _one),
        ),
    ),
    Row(
        TIME_INVARIANT,
        "predict",
        "sign",
        FIXED,
        "real or complex gates",
        (
            Case(counter, "can", "sarrof2024", "gates exactly 1", _one, _one, "nonnegative"),
            Case(last_letter, "can", "last-letter", lower=_one, upper=_one),
            Case(definite, "can", "alsmann2026", "a window of the last letters", _one),
            Case(one_letter, "can", "alsmann2026", "gates that are roots of unity", _one),
            Case(j_trivial, "can", "alsmann2026", lower=_one),
            Case(parity, "cannot", "sarrof2024-time-invariant"),
        ),
    ),
    Row(
        SIGNED,
        "predict",
        "sign",
        FIXED,
        "input-dependent gates in [-1, 1]",
        (
            Case(only_2_groups, "can", "grazzi2025", lower=_binary_length, circuit="signed"),
            Case(other_groups, "cannot", "grazzi2025"),
            Case(counter, "can", "sarrof2024", "gates exactly 1", _one, _one, "nonnegative"),
        ),
    ),
    Row(
        SIGNED,
        "predict",
        "sign",
        FLOATS,
        "input-dependent gates in [-1, 1]",
        (
            Case(only_2_groups, "can", "nowak2026", lower=_binary_length, circuit="signed"),
            Case(other_groups, "cannot", "nowak2026"),
            Case(counter, "cannot", "nowak2026", _COUNTS),
        ),
    ),
    Row(
        COMPLEX,
        "predict",
        "sign",
        FIXED,
        "input-dependent gates in the unit disc",
        (
            Case(solvable, "can", "shakerinava2026", lower=_derived_length, circuit="rotation"),
            Case(not_solvable, "cannot", "shakerinava2026"),
            Case(counter, "can", "sarrof2024", "gates exactly 1", _one, _one, "nonnegative"),
        ),
    ),
    Row(
        COMPLEX,
        "predict",
        "sign",
        LOG,
        "input-dependent gates in the unit disc",
        (Case(not_solvable, "cannot", "merrill2024", "unless TC0 = NC1"),),
    ),
    Row(
        HOUSEHOLDER,
        "predict",
        "sign",
        FIXED,
        "eigenvalues in [-1, 1]",
        (
            Case(permutes, "can", "grazzi2025", "", _one, _one, "reflection"),
            Case(regular, "can", "grazzi2025", lower=_one),
        ),
    ),
    Row(
        ONE_HOT,
        "predict",
        "sign",
        FIXED,
        "width = number of states",
        (Case(regular, "can", "terzic2025", lower=_one, upper=_one),),
    ),
    Row(
        RECURRENT,
        "predict",
        "sign",
        FIXED,
        "",
        (
            Case(regular, "can", "merrill2020", lower=_one, upper=_one),
            Case(counter, "cannot", "merrill2020", "saturated activations"),
        ),
    ),
    Row(
        LSTM,
        "predict",
        "sign",
        FIXED,
        "",
        (
            Case(regular, "can", "merrill2020", lower=_one, upper=_one),
            Case(counter, "can", "weiss2018", lower=_one),
        ),
    ),
    Row(
        SOFTMAX,
        "predict",
        "sign",
        FIXED,
        f"fixed precision, {_NO_POSITION}",
        (
            Case(last_letter, "can", "last-letter", lower=_one, upper=_one),
            Case(r_trivial, "can", "li2025", lower=_one),
            Case(not_star_free, "cannot", "li2025"),
            Case(counter, "cannot", "li2025"),
            Case(forgets, "cannot", "li2025", "the last letter is seen"),
        ),
    ),
    Row(
        SOFTMAX,
        "recognise",
        "sign",
        FIXED,
        f"fixed precision, {_NO_POSITION}, read at the end of the string",
        (
            Case(r_trivial, "can", "li2025", lower=_one),
            Case(not_r_trivial, "cannot", "li2025"),
        ),
    ),
    Row(
        SOFTMAX,
        "predict",
        "sign",
        LOG,
        "any position code",
        (
            Case(counter, "can", "yang2024-counting", "counting languages of C-RASP"),
            Case(not_solvable, "cannot", "merrill2023", "unless TC0 = NC1"),
        ),
    ),
    Row(
        HARD,
        "predict",
        "sign",
        FIXED,
        _NO_POSITION,
        (
            Case(star_free, "can", "yang2024", lower=_one),
            Case(not_star_free, "cannot", "yang2024"),
            Case(counter, "cannot", "yang2024"),
        ),
    ),
)


def verdicts(known: Facts, sizes: Sizes) -> tuple[Verdict, ...]:
    """All rows of the table for one language."""
    return tuple(row.judge(known, sizes) for row in TABLE)


DELTA_NONNEGATIVE = "delta rule, eigenvalues in [0, 1]"

# Asked of trained models only: a special case of a row of the table, no architecture of its own.
_DELTA_ROW = Row(
    DELTA_NONNEGATIVE,
    "predict",
    "sign",
    FIXED,
    "",
    (
        Case(star_free, "can", "sarrof2024", "a constant key: a gate of 0 or 1", _one),
        Case(parity, "cannot", "grazzi2025"),
        Case(one_letter_cycle, "cannot", "grazzi2025"),
    ),
)

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

    Task `predict`, sign reading, p fractional bits. For `transformer` the position code matters:
    with any code but "none" the question is open at fixed precision. A transformer on a counter
    language is judged at precision that grows with the log of the length: its attention averages,
    so that no fixed number of bits holds a count.

    Raises:
        InputError: unknown architecture.
    """
    if architecture not in _EXPECTED:
        raise InputError(
            f"no verdict for architecture {architecture!r}; one of {', '.join(_EXPECTED)}"
        )
    name = _EXPECTED[architecture]
    known = facts(language)
    arithmetic = LOG if architecture == "transformer" and counter(known) else FIXED
    if architecture == "transformer" and position != "none" and arithmetic == FIXED:
        conditions = f"fixed precision, position code {position}"
        return Verdict(
            name, "predict", "sign", FIXED, conditions, "open", status="no theorem covers it"
        )
    row = next(
        row
        for row in (*TABLE, _DELTA_ROW)
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
