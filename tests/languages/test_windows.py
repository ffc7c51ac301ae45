"""Positions that the last k symbols leave open, against their definition; definiteness, growth."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import pairwise, product

import numpy as np
import pytest

from starfree.errors import ComplexityLimit
from starfree.languages.catalog import entries, language
from starfree.languages.language import Language
from starfree.languages.regular import WindowKnowledge
from starfree.languages.strings import Strings

NAMES = (
    *(entry.name for entry in entries() if entry.name not in ("d-12", "dyck-8-10")),
    *("d-1", "d-5", "dyck-1-1", "dyck-1-3", "dyck-2-1", "dyck-2-2", "dyck-3-3"),
    *("shuffle-1", "shuffle-3", "boolean-2", "undo-flipflop-1", "undo-flipflop-2", "z-2"),
)
DEFINITE = {
    **{"tomita-1": 0, "tomita-2": 1, "tomita-4": 2, "aabbccddee": 1, "d-1": 1},
    **{"dyck-1-1": 1, "dyck-2-1": 1},
}


def legal_set(tested: Language, configuration: Hashable) -> tuple[bool, ...]:
    symbols = range(len(tested.alphabet))
    following = [tested.successor(configuration, token) is not None for token in symbols]
    return (*following, tested.is_final(configuration))


def reachable(tested: Language, steps: int) -> set[Hashable]:
    """Every configuration that some prefix of at most `steps` symbols leads to."""
    found = {tested.initial()}
    layer = set(found)
    for _ in range(steps):
        layer = {
            following
            for configuration in layer
            for token in range(len(tested.alphabet))
            if (following := tested.successor(configuration, token)) is not None
        } - found
        found |= layer
    return found


def walks(
    tested: Language, start: Hashable, length: int
) -> Iterator[tuple[tuple[int, ...], Hashable]]:
    """All live words of this length from a configuration, and where they end."""
    if length == 0:
        yield (), start
        return
    for word, configuration in walks(tested, start, length - 1):
        for token in range(len(tested.alphabet)):
            following = tested.successor(configuration, token)
            if following is not None:
                yield (*word, token), following


@pytest.mark.parametrize(
    ("name", "window"),
    [
        (name, window)
        for name in NAMES
        for window in range(5)
        if len(language(name).alphabet) ** window <= 1300
    ],
)
def test_open_positions_by_definition(name: str, window: int) -> None:
    tested = language(name)
    size = len(tested.alphabet)
    after: dict[tuple[int, ...], set[tuple[bool, ...]]] = {}
    # Pasts of up to 12 symbols reach every count and stack that windows this short can tell apart.
    for configuration in sorted(reachable(tested, 12 if size < 5 else 7), key=repr):
        for word, end in walks(tested, configuration, window):
            after.setdefault(word, set()).add(legal_set(tested, end))
    length = next(n for n in range(9, -1, -1) if size**n <= 700)
    tokens = np.array(list(product(range(size), repeat=length)), dtype=np.int16)
    strings = Strings(tokens.reshape(-1, length), np.full(len(tokens), length, dtype=np.int32))
    legal = tested.legal_batch(strings)
    expected = np.zeros(legal.shape[:2], dtype=bool)
    for row, t in np.argwhere(legal.any(axis=2)):
        expected[row, t] = t >= window and len(after[tuple(tokens[row, t - window : t])]) > 1
    assert (tested.ambiguous_batch(strings, window) == expected).all()
    definite = tested.definiteness()
    is_open = any(len(sets) > 1 for sets in after.values())
    assert is_open == (definite is None or window < definite)


def test_definiteness() -> None:
    assert {name: language(name).definiteness() for name in NAMES} == {
        name: DEFINITE.get(name) for name in NAMES
    }


def test_definiteness_limit() -> None:
    """A language whose legal sets depend on exactly the last ten symbols."""
    tested = language("regex:~(.*a{10})@a,b")
    assert tested.definiteness() == 10
    assert tested.definiteness(limit=9) is None
    assert language("regex:~(.*a.{5}b)@a,b").definiteness() == 7


def test_longer_windows_and_lengths() -> None:
    """A window open for k is open for less; the longest open windows of d-2 never end."""
    generator = np.random.default_rng(1)
    for name in ("d-12", "dyck-8-10", "shuffle-6", "boolean-5", "anbncn"):
        tested = language(name)
        members = tested.draw(next(n for n in range(96, 110) if tested.count(n)), 50, generator)
        before = tested.ambiguous_batch(Strings.of(members), 0)
        assert before.all()
        for window in (1, 5, 10, 40, 200):
            after = tested.ambiguous_batch(Strings.of(members), window)
            assert not (after & ~before).any()
            before = after
        assert not before.any()
    # Between the depths 1 and 2 nobody can tell; the ends, at depth 0, are seen for 40 symbols.
    alternating = Strings.of([[0] + [0, 1] * 50 + [1]])
    is_open = language("d-2").ambiguous_batch(alternating, 40)[0, 40:]
    assert is_open.tolist() == [False] + [True] * 61 + [False]


def test_too_many_windows() -> None:
    automaton = language("regex:(a|b)*a(a|b){11}").automaton
    assert automaton is not None
    knowledge = WindowKnowledge(automaton, limit=100)
    with pytest.raises(ComplexityLimit, match="windows of 12 symbols"):
        knowledge.table(12)


def test_growth() -> None:
    bounded = {"tomita-1", "tomita-2", "aa-star", "aaaa-star", "abab-star", "d-1", "dyck-1-1"}
    bounded |= {"anbn", "anbncn", "anbncndn"}
    polynomial = {"tomita-7", "aabbccddee"}
    for name in NAMES:
        expected = "bounded" if name in bounded else "exponential"
        assert language(name).growth == ("polynomial" if name in polynomial else expected), name
    assert language("regex:a{3}|b").growth == "bounded"
    assert language("regex:(aa)*b(bb)*").growth == "polynomial"
    assert language("regex:(a|b)*&~(.*aa.*)").growth == "exponential"
    assert language("regex:[]@a").growth == "bounded"


def test_nested() -> None:
    nested = {"tomita-1", "tomita-2", "aa-star", "aaaa-star", "abab-star", "d-1", "dyck-1-1"}
    assert {name for name in NAMES if language(name).nested} == nested
    for name in nested:
        tested = language(name)
        members = [
            tested.draw(n, 1, np.random.default_rng(0))[0] for n in range(20) if tested.count(n)
        ]
        for shorter, longer in pairwise(members):
            assert (longer[: len(shorter)] == shorter).all()
