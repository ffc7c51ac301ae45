"""Why a number differs: what agrees under the published protocol is the data's doing."""

from dataclasses import replace

import pytest

from starfree.experiments.published_data import published_data
from starfree.experiments.published_results import published_results
from starfree.experiments.summary import BinSummary
from starfree.languages.catalog import entries
from starfree.report.comparison import Compared
from starfree.report.reasons import key, reason, reason_as_published


def number(language, rank, ours, interval):
    (published,) = [
        p
        for p in published_results()
        if (p.experiment, p.language, p.model) == ("suite", language, "mamba")
        and (p.layers, p.bin) == (1, str(rank))
    ]
    window = ("1-50", "51-100", "101-150")[rank]
    measured = BinSummary(window, 500, ours, interval, (ours,), 0.0, "", published, True)
    return Compared(published, None, measured, interval)


def test_the_facts_cover_the_suite_and_fit_the_published_numbers():
    suite = {p.language for p in published_results() if p.experiment == "suite"}
    assert set(published_data()) == suite <= {entry.name for entry in entries()}
    for language, facts in published_data().items():
        assert 0 <= facts.in_training <= facts.in_length
        ranks = {p.bin for p in published_results() if p.language == language}
        if len(ranks) <= 3:  # the suite's bins, where no other experiment names the language
            assert len(facts.windows) == len(ranks)


def test_agreement_needs_no_reason():
    agreeing = number("dyck-1", 1, 0.62, (0.58, 0.66))  # published 62.6 %
    assert reason(agreeing, {}) == ""


@pytest.mark.parametrize(
    ("on_published", "interval", "start"),
    [(0.62, (0.58, 0.66), "the data: on the published 62"), (0.2, (0.1, 0.3), "not the data al")],
)
def test_the_published_protocol_tells(on_published, interval, start):
    ours = number("dyck-1", 1, 0.1, (0.05, 0.15))
    same = number("dyck-1", 1, on_published, interval)
    assert reason(ours, {key(same): same}).startswith(start)


def test_without_it_only_known_differences_are_named():
    leaking = number("anbn", 0, 0.5, (0.3, 0.7))
    told = reason(leaking, {})
    assert "41 of their 41 strings are in training" in told
    assert "not run on the published" in told
    assert "their lengths 4–200, ours 1–50;" in told
    same_lengths = number("dyck-1", 0, 0.5, (0.3, 0.7))
    same_lengths = replace(same_lengths, measured=replace(same_lengths.measured, window="2-50"))
    assert "lengths" not in reason(same_lengths, {})


@pytest.mark.parametrize(
    ("ours", "curve", "told"),
    [
        (0.4, [0.2, 0.64, 0.4], "the epoch: 64.0 on 50 of the strings at check 2 of 3"),
        (0.4, [0.2, 0.6, 0.4], "not the epoch: never above 60.0 on 50"),
        (0.4, [0.2, 0.4, 0.64], "a few strings: 64.0 on 50 of the strings at the last check"),
        (0.9, [0.9], "ours is higher; one run each"),
        (0.4, [], "one run each"),
    ],
)
def test_on_their_own_strings_the_curve_tells_of_the_epoch(ours, curve, told):
    """Published: 62.6 % of Dyck-1, one layer; 31 of 50 strings are as many, rounded down."""
    compared = number("dyck-1", 1, ours, (ours, ours))
    rows = [{"bins": {"51-100": share}} for share in curve]
    assert reason_as_published(compared, rows, 50).startswith(told)
    agreeing = number("dyck-1", 1, 0.62, (0.58, 0.66))
    assert reason_as_published(agreeing, rows, 50) == ""
