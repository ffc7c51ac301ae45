"""Samples against exact enumeration: what can be drawn, and how often."""

import itertools

import numpy as np
import pytest

from starfree.data.drawing import SampleNotice, all_members, draw_distinct, draw_lengths
from starfree.data.hard import hard_members
from starfree.data.sampling import sample
from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.languages.language import Language
from starfree.languages.strings import Strings

# Automata, counters, a stack.
SMALL = [
    ("tomita-4", 1, 7),
    ("d-3", 2, 12),
    ("flipflop", 2, 6),
    ("abab-star", 0, 12),
    ("dyck-1", 2, 10),
    ("shuffle-2", 2, 6),
    ("boolean-3", 1, 5),
    ("dyck-2-3", 2, 8),
]


def members(which: Language, length: int) -> list[tuple[int, ...]]:
    """All members by trying all strings: nothing in common with counting and drawing."""
    words = list(itertools.product(range(len(which.alphabet)), repeat=length))
    accepted = which.accepts_batch(Strings.of(words))
    return [word for word, member in zip(words, accepted, strict=True) if member]


def is_hard(which: Language, word: tuple[int, ...], window: int, horizon: int) -> bool:
    """By definition: prefixes (of up to `horizon` symbols) that end alike differ in legal sets."""
    return any(
        len(legal_sets_after(which, word[t - window : t], horizon)) > 1
        for t in range(window, len(word) + 1)
    )


_known: dict[tuple[str, tuple[int, ...], int], set[bytes]] = {}


def legal_sets_after(which: Language, suffix: tuple[int, ...], horizon: int) -> set[bytes]:
    """The legal sets after live prefixes of up to `horizon` symbols that end in `suffix`."""
    key = (which.name, suffix, horizon)
    if key not in _known:
        found = set()
        for length in range(horizon - len(suffix) + 1):
            for start in itertools.product(range(len(which.alphabet)), repeat=length):
                legal = which.legal((*start, *suffix))[-1]
                if legal.any():
                    found.add(legal.tobytes())
        _known[key] = found
    return _known[key]


def chi_square(observed: dict[tuple[int, ...], int], cells: list[tuple[int, ...]]) -> float:
    """The statistic, less its expectation, in standard deviations."""
    total = sum(observed.values())
    expected = total / len(cells)
    statistic = sum((observed.get(cell, 0) - expected) ** 2 / expected for cell in cells)
    freedom = len(cells) - 1
    return float((statistic - freedom) / np.sqrt(2 * freedom))


def counted(strings: Strings) -> dict[tuple[int, ...], int]:
    counts: dict[tuple[int, ...], int] = {}
    for row in strings:
        counts[tuple(row.tolist())] = counts.get(tuple(row.tolist()), 0) + 1
    return counts


@pytest.mark.parametrize(("name", "low", "high"), SMALL)
def test_uniform_is_uniform_among_the_members_of_a_length(name: str, low: int, high: int) -> None:
    which = language(name)
    for length in range(low, high + 1):
        words = members(which, length)
        assert which.count(length) == len(words)
        if words:
            lengths = np.full(60 * len(words), length)
            observed = counted(draw_lengths(which, lengths, np.random.default_rng(length)))
            assert set(observed) <= set(words)
            assert len(words) == 1 or chi_square(observed, words) < 4.5


def test_lengths_are_uniform_over_the_feasible_ones() -> None:
    drawn = sample(language("d-3"), 20, 60, 4_200, seed=5)
    lengths = {(n,): int((drawn.lengths == n).sum()) for n in range(20, 61, 2)}
    assert sum(lengths.values()) == 4_200
    assert chi_square(lengths, list(lengths)) < 4.5


@pytest.mark.parametrize(
    ("name", "window", "length"),
    [
        ("d-2", 3, 10),
        ("d-3", 4, 12),
        ("flipflop", 2, 6),
        ("parity", 2, 7),
        ("tomita-7", 2, 7),
        ("dyck-1", 2, 8),
        ("shuffle-2", 1, 4),
        ("boolean-3", 1, 4),
    ],
)
def test_hard_strings_are_uniform_among_those_with_a_confusable_position(
    name: str, window: int, length: int
) -> None:
    which = language(name)
    horizon = min(length, 9)
    words = [word for word in members(which, length) if is_hard(which, word, window, horizon)]
    source = hard_members(which, window)
    assert source.count(length) == len(words) > 0
    lengths = np.full(60 * len(words), length)
    observed = counted(draw_lengths(source, lengths, np.random.default_rng(3)))
    assert set(observed) <= set(words)
    assert len(words) == 1 or chi_square(observed, words) < 4.5


def test_hard_of_a_large_automaton_agrees_with_the_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    which = language("d-4")
    exact = {n: hard_members(which, 5).count(n) for n in range(2, 15, 2)}
    monkeypatch.setattr("starfree.data.hard._LARGE", 1)
    filtered = hard_members(which, 5)
    assert {n: filtered.count(n) for n in exact} == exact
    drawn = filtered.draw(14, 50, np.random.default_rng(0))
    assert which.ambiguous_batch(Strings.of(drawn), 5).any(axis=1).all()


@pytest.mark.parametrize(
    ("name", "definite"), [("tomita-1", 0), ("aabbccddee", 1), ("tomita-4", 2)]
)
def test_a_definite_language_has_no_hard_string_and_says_so(name: str, definite: int) -> None:
    with pytest.raises(InputError, match=f"predictively {definite}-definite"):
        sample(language(name), 1, 50, 10, distribution="hard", window=4)


def test_a_window_without_members_is_an_error() -> None:
    with pytest.raises(InputError, match=r"aa-star: no member has a length in 3\.\.3"):
        sample(language("aa-star"), 3, 3, 5)
    with pytest.raises(InputError, match=r"length window 9\.\.3 is empty"):
        sample(language("aa-star"), 9, 3, 5)


def test_a_small_window_is_enumerated_and_says_so() -> None:
    which = language("d-2")
    with pytest.warns(SampleNotice, match=r"lengths 1\.\.8 have 15 members, fewer than the 16"):
        drawn = sample(which, 1, 8, 16)
    expected = [word for n in range(1, 9) for word in members(which, n)]
    assert [tuple(row.tolist()) for row in drawn] == expected


def test_a_sample_depends_on_its_seed_alone() -> None:
    first, again, other = (sample(language("d-4"), 1, 60, 50, seed=s) for s in (1, 1, 2))
    assert first.keys() == again.keys() != other.keys()


def test_distinct_strings_avoid_the_excluded_ones_to_the_last() -> None:
    which = language("tomita-4")
    everything = all_members(which, 6)
    excluded = {row.tobytes() for row in everything[:30]}
    drawn = draw_distinct(which, 6, 100, np.random.default_rng(0), excluded)
    assert {row.tobytes() for row in drawn} == {row.tobytes() for row in everything[30:]}
    assert len(drawn) == len(everything) - 30
