"""The rows of the verdict table: state space models first, then other architectures."""

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
from starfree.algebra.claims import Case, Row
from starfree.algebra.conditions import (
    binary_length,
    bounded_stack,
    counter,
    definite,
    derived_length,
    exact_rotations,
    flipflop,
    forgets,
    group_not_solvable,
    j_trivial,
    last_letter,
    live_states,
    merges,
    not_r_trivial,
    not_solvable,
    not_star_free,
    one,
    one_letter,
    one_letter_cycle,
    one_letter_group,
    only_2_groups,
    other_groups,
    parity,
    permutes,
    r_trivial,
    reflections_a_letter,
    regular,
    root_of_unity,
    rotation_unit,
    signed_gates,
    solvable,
    solvable_group,
    stack_bits,
    star_free,
)

_NO_POSITION = "strict causal masking, no position code"
_COUNTS = "right up to the largest exact count: 2^24 in float32, 2^11 in float16, 2^8 in bfloat16"
_GATES_ONE = "gates exactly 1"

_PROVEN = "the cascade of its automaton, proven equal by a product search when it is compiled"
_DYADIC = "the circuit computes with dyadic numbers, which every arithmetic here holds exactly"
_FROM_PREFIXES = "whether a letter is legal is membership of the prefix in a language of the class"
_TO_MEMBERS = "members are the strings whose every letter is legal: star-free if legal sets are"

_STACK = Case(bounded_stack, "can", "sarrof2024-dyck", "", one, circuit="nonnegative",
              note=stack_bits)  # fmt: skip
_STAR_FREE = Case(star_free, "can", "sarrof2024", lower=one, circuit="nonnegative")
_COUNTER = Case(counter, "can", "sarrof2024", _GATES_ONE, one, one, "nonnegative")
_SATURATED = Case(
    regular,
    "can",
    "merrill2020",
    "",
    one,
    one,
    derived="large weights saturate exactly: tanh rounds to 1 and sigmoid to 0 or 1",
)
_WINDOW = (
    Case(last_letter, "can", "last-letter", lower=one, upper=one),
    Case(definite, "can", "alsmann2026", "a window of the last letters", one),
)

_NONNEGATIVE = (
    Row(
        NONNEGATIVE,
        "predict",
        "sign",
        FIXED,
        "",
        (_STACK, _STAR_FREE, Case(not_star_free, "cannot", "sarrof2024"), _COUNTER),
    ),
    Row(
        NONNEGATIVE,
        "predict",
        "margin g",
        FIXED,
        "gates 0 and 1 available",
        (_STACK, _STAR_FREE, Case(not_star_free, "cannot", "sarrof2024"), _COUNTER),
    ),
    Row(
        NONNEGATIVE,
        "recognise",
        "sign",
        FIXED,
        "",
        (
            Case(star_free, "can", "sarrof2024", lower=one, circuit="recogniser"),
            Case(not_star_free, "cannot", "sarrof2024"),
            Case(counter, "can", "sarrof2024", _GATES_ONE, one),
        ),
    ),
    Row(
        NONNEGATIVE,
        "predict",
        "sign",
        FLOATS,
        "sequential evaluation; gates 0 and 1 by underflow",
        (
            Case(star_free, "can", "nowak2026", "", one, None, "nonnegative", derived=_DYADIC),
            Case(not_star_free, "cannot", "nowak2026"),
            Case(counter, "cannot", "finite-memory", _COUNTS),
        ),
    ),
    Row(
        NONNEGATIVE,
        "predict",
        "sign",
        WRAPPED,
        "",
        (
            Case(star_free, "can", "nowak2026", "", one, None, "nonnegative", derived=_DYADIC),
            Case(parity, "can", "nowak2026", "", one, one, units=rotation_unit),
            Case(
                only_2_groups,
                "can",
                "nowak2026",
                lower=one,
                derived="a cascade of resets and of counters that wrap around",
            ),
            Case(other_groups, "cannot", "nowak2026"),
            Case(counter, "cannot", "finite-memory"),
        ),
    ),
    Row(
        NONNEGATIVE,
        "predict",
        "sign",
        REALS,
        "gates strictly inside (0, 1)",
        (Case(star_free, "can", "dankowiakowski2025", lower=one),),
    ),
    Row(
        NONNEGATIVE,
        "predict",
        "margin g",
        REALS,
        "gates strictly inside (0, 1)",
        (
            Case(flipflop, "cannot", "dankowiakowski2025"),
            Case(
                counter,
                "cannot",
                "dankowiakowski2025",
                derived="a repeated letter contracts all large counts to one point",
            ),
            Case(
                merges,
                "cannot",
                "dankowiakowski2025",
                "a repeated word keeps states apart",
                derived="repeating a word that leads two states back to themselves contracts every "
                "gate's interval to one point, layer after layer",
            ),
            Case(last_letter, "can", "last-letter", lower=one, upper=one),
            Case(
                definite,
                "can",
                "alsmann2026",
                "a window of the last letters",
                one,
                derived="layers with a gate of 1/4 tell the letters before",
            ),
        ),
    ),
)

_TIME_INVARIANT = (
    Row(
        TIME_INVARIANT,
        "predict",
        "sign",
        FIXED,
        "real or complex gates",
        (
            _COUNTER,
            *_WINDOW,
            Case(
                one_letter_group,
                "can",
                "alsmann2026",
                "",
                one,
                one,
                units=rotation_unit,
                derived="one gate turns by one root of unity a letter",
                note=root_of_unity,
            ),
            Case(one_letter, "can", "alsmann2026", "gates that are roots of unity", one),
            Case(j_trivial, "can", "alsmann2026", lower=one),
            Case(parity, "cannot", "sarrof2024-time-invariant"),
        ),
    ),
    Row(
        TIME_INVARIANT,
        "predict",
        "sign",
        FLOATS,
        "real or complex gates",
        (
            Case(last_letter, "can", "last-letter", lower=one, upper=one),
            Case(counter, "cannot", "finite-memory", _COUNTS),
        ),
    ),
)

_SIGNED = (
    Row(
        SIGNED,
        "predict",
        "sign",
        FIXED,
        "input-dependent gates in [-1, 1]",
        (
            _STACK,
            _STAR_FREE,
            Case(parity, "can", "grazzi2025", "", one, None, "signed", note=signed_gates),
            Case(
                only_2_groups,
                "can",
                "grazzi2025",
                "",
                binary_length,
                None,
                "signed",
                derived=_PROVEN,
                note=signed_gates,
            ),
            Case(other_groups, "cannot", "grazzi2025"),
            _COUNTER,
        ),
    ),
    Row(
        SIGNED,
        "predict",
        "sign",
        FLOATS,
        "input-dependent gates in [-1, 1]",
        (
            Case(
                only_2_groups,
                "can",
                "nowak2026",
                "",
                binary_length,
                None,
                "signed",
                derived=_DYADIC,
                note=signed_gates,
            ),
            Case(other_groups, "cannot", "nowak2026"),
            Case(counter, "cannot", "finite-memory", _COUNTS),
        ),
    ),
    Row(
        SIGNED,
        "predict",
        "sign",
        REALS,
        "input-dependent gates in [-1, 1], both ends included",
        (
            Case(
                only_2_groups,
                "can",
                "grazzi2025",
                "",
                one,
                None,
                "signed",
                derived=_DYADIC,
                note=signed_gates,
            ),
            Case(counter, "can", "sarrof2024", _GATES_ONE, one, one, "signed", derived=_DYADIC),
        ),
    ),
)

_COMPLEX = (
    Row(
        COMPLEX,
        "predict",
        "sign",
        FIXED,
        "input-dependent gates in the unit disc",
        (
            _STACK,
            _STAR_FREE,
            Case(
                solvable_group, "can", "shakerinava2026", lower=derived_length, circuit="rotation"
            ),
            Case(
                solvable,
                "can",
                "shakerinava2026",
                "",
                derived_length,
                None,
                "rotation",
                derived=_PROVEN,
            ),
            Case(group_not_solvable, "cannot", "shakerinava2026"),
            Case(
                not_solvable,
                "cannot",
                "shakerinava2026",
                derived="it would track the group by which words permute some of the states",
            ),
            _COUNTER,
        ),
    ),
    Row(
        COMPLEX,
        "predict",
        "sign",
        FLOATS,
        "input-dependent gates in the unit disc",
        (
            Case(star_free, "can", "nowak2026", "", one, None, "nonnegative", derived=_DYADIC),
            Case(
                exact_rotations,
                "can",
                "shakerinava2026",
                "gates 0, 1, i, -1, -i",
                derived_length,
                None,
                "rotation",
                derived=_DYADIC,
            ),
            Case(group_not_solvable, "cannot", "shakerinava2026"),
            Case(counter, "cannot", "finite-memory", _COUNTS),
        ),
    ),
    Row(
        COMPLEX,
        "predict",
        "sign",
        REALS,
        "input-dependent gates in the closed unit disc",
        (
            Case(solvable, "can", "shakerinava2026", "", one, None, "rotation", derived=_PROVEN),
            Case(counter, "can", "sarrof2024", _GATES_ONE, one, one, "rotation", derived=_DYADIC),
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
)

_MATRICES = (
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
            Case(counter, "can", "sarrof2024", _GATES_ONE, one, one, "reflection"),
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
                derived=_DYADIC,
                note=reflections_a_letter,
            ),
            Case(regular, "can", "grazzi2025", "", one, None, "reflection", derived=_DYADIC),
            Case(counter, "cannot", "finite-memory", _COUNTS),
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
                derived=_DYADIC,
                units=live_states,
            ),
            Case(counter, "cannot", "finite-memory"),
        ),
    ),
)

_RECURRENT = (
    Row(
        RECURRENT,
        "predict",
        "sign",
        FIXED,
        "",
        (
            Case(regular, "can", "merrill2020", lower=one, upper=one),
            Case(counter, "cannot", "merrill2020", "saturated activations"),
        ),
    ),
    Row(
        RECURRENT,
        "predict",
        "sign",
        FLOATS,
        "",
        (_SATURATED, Case(counter, "cannot", "finite-memory")),
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
        (_SATURATED, Case(counter, "cannot", "finite-memory", _COUNTS)),
    ),
)

_TRANSFORMERS = (
    Row(
        SOFTMAX,
        "predict",
        "sign",
        FEW_BITS,
        _NO_POSITION,
        (
            Case(last_letter, "can", "last-letter", lower=one, upper=one),
            Case(r_trivial, "can", "li2025", lower=one, derived=_FROM_PREFIXES),
            Case(not_star_free, "cannot", "li2025", derived=_TO_MEMBERS),
            Case(counter, "cannot", "li2025", derived=_TO_MEMBERS),
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
        f"{_NO_POSITION}, read at the end of the string",
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
        _NO_POSITION,
        (
            Case(star_free, "can", "yang2024", lower=one, derived=_FROM_PREFIXES),
            Case(not_star_free, "cannot", "yang2024", derived=_TO_MEMBERS),
            Case(counter, "cannot", "yang2024", derived=_TO_MEMBERS),
        ),
    ),
    Row(
        HARD,
        "recognise",
        "sign",
        REALS,
        f"{_NO_POSITION}, read at the end of the string",
        (
            Case(star_free, "can", "yang2024", lower=one),
            Case(not_star_free, "cannot", "yang2024"),
            Case(counter, "cannot", "yang2024"),
        ),
    ),
)

TABLE = (
    *_NONNEGATIVE,
    *_TIME_INVARIANT,
    *_SIGNED,
    *_COMPLEX,
    *_MATRICES,
    *_RECURRENT,
    *_TRANSFORMERS,
)

DELTA_ROW = Row(
    DELTA_NONNEGATIVE,
    "predict",
    "sign",
    FIXED,
    "",
    (
        Case(star_free, "can", "sarrof2024", "a constant key: a gate of 0 or 1", one),
        Case(parity, "cannot", "grazzi2025"),
        Case(one_letter_cycle, "cannot", "grazzi2025"),
    ),
)
"""Asked of trained models only: a special case of a row of the table."""
