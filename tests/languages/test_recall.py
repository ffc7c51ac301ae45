"""The registers of associative recall, against the automaton of the same language."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from starfree.languages.automaton import Automaton
from starfree.languages.catalog import language
from starfree.languages.recall import AssociativeRecall
from starfree.languages.regular import RegularLanguage
from starfree.languages.strings import Strings

SIZES = ((2, 2, 1), (2, 2, 3), (3, 2, 2), (2, 3, 1), (3, 3, 1))


@pytest.fixture(params=SIZES, ids=str)
def pair(request: pytest.FixtureRequest) -> tuple[AssociativeRecall, RegularLanguage]:
    machine = AssociativeRecall("recall", *request.param)
    table = Automaton.explore(
        machine.alphabet, machine.initial(), machine.successor, machine.is_final
    )
    return machine, RegularLanguage("finite", table)


def random_strings(finite: RegularLanguage) -> Strings:
    """Members, all words of four symbols, and members with one symbol changed."""
    generator = np.random.default_rng(finite.end)
    lengths = [n for n in range(40) if finite.count(n)]
    members = [finite.draw(n, 60, generator) for n in (lengths[0], lengths[3], lengths[-1])]
    changed = members[1].copy()
    place = generator.integers(changed.shape[1], size=60)
    changed[np.arange(60), place] = generator.integers(finite.end, size=60)
    words = np.array(list(product(range(finite.end), repeat=4)), dtype=np.int16)
    return Strings.concatenate([Strings.of(part) for part in (*members, changed, words, [[]])])


def test_like_the_automaton(pair: tuple[AssociativeRecall, RegularLanguage]) -> None:
    machine, finite = pair
    strings = random_strings(finite)
    assert (machine.legal_batch(strings) == finite.legal_batch(strings)).all()
    assert (machine.accepts_batch(strings) == finite.accepts_batch(strings)).all()
    for window in range(14):
        expected = finite.ambiguous_batch(strings, window)
        assert (machine.ambiguous_batch(strings, window) == expected).all(), window
    assert machine.definiteness() == finite.definiteness()
    assert (machine.growth, machine.nested) == (finite.growth, finite.nested)
    assert [machine.count(n) for n in range(30)] == [finite.count(n) for n in range(30)]
    assert finite.automaton.states <= machine.live_states


def test_draws_have_the_distribution_of_the_automaton(
    pair: tuple[AssociativeRecall, RegularLanguage],
) -> None:
    """Each two symbols at each two places as often, within five deviations."""
    machine, finite = pair
    draws, size = 20_000, len(machine.alphabet)
    length = [n for n in range(20) if finite.count(n)][2]
    first = finite.draw(length, draws, np.random.default_rng(0))
    second = machine.draw(length, draws, np.random.default_rng(1))
    assert finite.accepts_batch(Strings.of(second)).all()
    for position, after in product(range(length), repeat=2):
        both = [
            np.bincount(size * s[:, position] + s[:, after], minlength=size**2)
            for s in (first, second)
        ]
        deviation = np.sqrt(both[0] + both[1] + 1)
        assert (abs(both[0] - both[1]) < 5 * deviation).all(), (position, after)


def test_a_key_has_its_last_value() -> None:
    """`recall-8-8-2` is too large for an automaton: the machine itself, on strings by hand."""
    tested = language("recall-8-8-2")
    assert tested.automaton is None
    for text, member in {
        "a3h7#a3h7": True,
        "a3a4#a4a4": True,
        "a3a4#a3a4": False,
        "a3#b3a3": False,
        "a3#a3": False,
        "a3#a3a3a3": False,
        "#a3a3": False,
    }.items():
        assert tested.accepts(tested.encode(text)) == member, text
    legal = tested.legal(tested.encode("a3h7#"))[-1]
    assert [s for s, bit in zip((*tested.alphabet, "$"), legal, strict=True) if bit] == ["a", "h"]


def test_copies_longer_than_any_window() -> None:
    tested = language("copy-26")
    sample = tested.draw(1001, 20, np.random.default_rng(0))
    assert (sample[:, :500] == sample[:, 501:]).all()
    assert (sample[:, 500] == tested.encode("#")[0]).all()
    wrong = sample.copy()
    wrong[:, 700] = (wrong[:, 700] + 1) % 26
    assert not tested.accepts_batch(Strings.of(wrong)).any()
    legal = tested.legal_batch(Strings.of(wrong))
    assert legal[:, :701].any(axis=2).all()
    assert not legal[:, 701:].any()
