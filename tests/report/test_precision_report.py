"""The precision report on results made by hand."""

from __future__ import annotations

import pytest

from starfree.report.precision_cells import reach
from starfree.report.precision_findings import listed
from starfree.report.precision_report import _decays, _verdicts
from starfree.verification.number_formats import EXACT, FixedFormat

NAMES = [EXACT, "float32", "bfloat16", FixedFormat(8).name, FixedFormat(8, truncate=True).name]


def test_how_far_a_measurement_reaches() -> None:
    n = [1, 10, 100]
    assert str(reach({"n": n, "right": [2, 2, 2], "rows": 2, "settled": 7})) == "for ever"
    assert str(reach({"n": n, "right": [2, 2, 2], "rows": 2, "settled": None})) == "100"
    # Right again at a larger n does not count.
    assert str(reach({"n": n, "right": [2, 1, 2], "rows": 2, "settled": 7})) == "1"
    assert str(reach({"n": n, "right": [0, 2, 2], "rows": 2, "settled": 7})) == "never"
    refusing = {"n": n, "right": [1, 1, 0], "rows": 1, "refused": 100}
    assert str(reach(refusing)) == "10, then refuses"


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("flipflop", ["can", "can", "can", "can", "can"]),
        ("anbn", ["open", "cannot", "cannot", "can", "can"]),
    ],
)
def test_verdicts_by_arithmetic(name: str, answers: list[str]) -> None:
    assert [verdict.answer for verdict in _verdicts(name, NAMES).values()] == answers


def test_arithmetics_in_few_words() -> None:
    forms = [
        FixedFormat(b, t, o).name for t in (False, True) for o in (False, True) for b in (8, 4)
    ]
    assert listed(["float32", *forms]) == "float32, 8/4 bits nearest, 8/4 bits truncated"
    assert listed(forms[:2]) == "8/4 bits nearest (state alone)"
    assert listed([forms[0], *forms[2:4]]) == (
        "8 bits nearest (state alone), 8/4 bits nearest (outputs too)"
    )


def test_the_curves_of_the_figure_end_where_the_page_says() -> None:
    first, second = _decays()
    assert round(first.curves["to nearest"][-1], 3) == 0.195
    assert round(second.curves["to nearest"][-1], 3) == 0.122
    assert first.curves["truncated"][-1] == second.curves["truncated"][-1] == 0
