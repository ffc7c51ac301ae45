"""The verdict table: all rows, in the order of reports."""

from __future__ import annotations

from starfree.algebra.architectures import (
    DELTA_NONNEGATIVE,
    FIXED,
)
from starfree.algebra.claims import Case, Row
from starfree.algebra.conditions import (
    one,
    one_letter_cycle,
    parity,
    star_free,
)
from starfree.algebra.diagonal_rows import (
    COMPLEX_ROWS,
    NONNEGATIVE_ROWS,
    SIGNED_ROWS,
    TIME_INVARIANT_ROWS,
)
from starfree.algebra.other_rows import MATRIX_ROWS, RECURRENT_ROWS, TRANSFORMER_ROWS

TABLE = (
    *NONNEGATIVE_ROWS,
    *TIME_INVARIANT_ROWS,
    *SIGNED_ROWS,
    *COMPLEX_ROWS,
    *MATRIX_ROWS,
    *RECURRENT_ROWS,
    *TRANSFORMER_ROWS,
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
