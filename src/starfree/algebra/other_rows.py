"""Rows of the verdict table: matrix gates, recurrent networks, transformers."""

from __future__ import annotations

from starfree.algebra.architectures import (
    FEW_BITS,
    FIXED,
    FLOATS,
    HARD,
    HOUSEHOLDER,
    LOG,
    LSTM,
    ONE_HOT,
    REALS,
    RECURRENT,
    SOFTMAX,
)
from starfree.algebra.cases import (
    COUNTS,
    DYADIC,
    FROM_PREFIXES,
    GATES_ONE,
    NO_AUTOMATON,
    NO_POSITION,
    SATURATED,
    TO_MEMBERS,
)
from starfree.algebra.claims import Case, Row
from starfree.algebra.conditions import (
    counter,
    forgets,
    last_letter,
    live_states,
    not_r_trivial,
    not_regular,
    not_solvable,
    not_star_free,
    one,
    permutes,
    r_trivial,
    reflections_a_letter,
    regular,
    star_free,
)

MATRIX_ROWS = (
    Row(
        HOUSEHOLDER,
        "predict",
        "sign",
        FIXED,
        "eigenvalues in [-1, 1]",
        (
            Case(
                permutes, "can", "grazzi2025", "", one, one, "reflection", note=reflections_a_letter
            ),
            Case(regular, "can", "grazzi2025", lower=one, circuit="reflection"),
            Case(counter, "can", "sarrof2024", GATES_ONE, one, one, "reflection"),
        ),
    ),
    Row(
        HOUSEHOLDER,
        "predict",
        "sign",
        FLOATS,
        "eigenvalues in [-1, 1]; I - k k^T with k = e_i - e_j, which is an integer matrix",
        (
            Case(
                permutes,
                "can",
                "grazzi2025",
                "",
                one,
                one,
                "reflection",
                derived=DYADIC,
                note=reflections_a_letter,
            ),
            Case(regular, "can", "grazzi2025", "", one, None, "reflection", derived=DYADIC),
            Case(counter, "cannot", "finite-memory", COUNTS),
            NO_AUTOMATON,
        ),
    ),
    Row(
        ONE_HOT,
        "predict",
        "sign",
        FIXED,
        "width = number of states",
        (Case(regular, "can", "terzic2025", lower=one, upper=one, units=live_states),),
    ),
    Row(
        ONE_HOT,
        "predict",
        "sign",
        FLOATS,
        "width = number of states",
        (
            Case(
                regular,
                "can",
                "terzic2025",
                "",
                one,
                one,
                derived=DYADIC,
                units=live_states,
            ),
            NO_AUTOMATON,
        ),
    ),
)

RECURRENT_ROWS = (
    Row(
        RECURRENT,
        "predict",
        "sign",
        FIXED,
        "",
        (
            Case(regular, "can", "merrill2020", lower=one, upper=one),
            Case(not_regular, "cannot", "merrill2020", "saturated activations"),
        ),
    ),
    Row(
        RECURRENT,
        "predict",
        "sign",
        FLOATS,
        "",
        (SATURATED, NO_AUTOMATON),
    ),
    Row(
        LSTM,
        "predict",
        "sign",
        FIXED,
        "",
        (
            Case(regular, "can", "merrill2020", lower=one, upper=one),
            Case(counter, "can", "weiss2018", lower=one),
        ),
    ),
    Row(
        LSTM,
        "predict",
        "sign",
        FLOATS,
        "",
        (SATURATED, Case(counter, "cannot", "finite-memory", COUNTS), NO_AUTOMATON),
    ),
)

TRANSFORMER_ROWS = (
    Row(
        SOFTMAX,
        "predict",
        "sign",
        FEW_BITS,
        NO_POSITION,
        (
            Case(last_letter, "can", "last-letter", lower=one, upper=one),
            Case(r_trivial, "can", "li2025", lower=one, derived=FROM_PREFIXES),
            Case(not_star_free, "cannot", "li2025", derived=TO_MEMBERS),
            Case(not_regular, "cannot", "li2025", derived=TO_MEMBERS),
            Case(
                forgets,
                "cannot",
                "li2025",
                "the last letter is seen",
                derived="an R-trivial monoid and the last letter merge prefixes whose legal sets "
                "differ",
            ),
        ),
    ),
    Row(
        SOFTMAX,
        "recognise",
        "sign",
        FEW_BITS,
        f"{NO_POSITION}, read at the end of the string",
        (
            Case(r_trivial, "can", "li2025", lower=one),
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
        REALS,
        NO_POSITION,
        (
            Case(star_free, "can", "yang2024", lower=one, derived=FROM_PREFIXES),
            Case(not_star_free, "cannot", "yang2024", derived=TO_MEMBERS),
            Case(not_regular, "cannot", "yang2024", derived=TO_MEMBERS),
        ),
    ),
    Row(
        HARD,
        "recognise",
        "sign",
        REALS,
        f"{NO_POSITION}, read at the end of the string",
        (
            Case(star_free, "can", "yang2024", lower=one),
            Case(not_star_free, "cannot", "yang2024"),
            Case(not_regular, "cannot", "yang2024"),
        ),
    ),
)
