"""The stack machine of the flip-flop with undo, against the automaton of the same language."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.languages.strings import Strings
from starfree.languages.undo import UndoFlipFlop


@pytest.fixture(params=[1, 2, 3, 5])
def height(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def random_strings(height: int) -> Strings:
    """Members, all words of four symbols, and members with one symbol changed."""
    generator = np.random.default_rng(height)
    finite = language(f"undo-flipflop-{height}")
    members = [finite.draw(length, 60, generator) for length in (2, 10, 24, 40)]
    changed = members[2].copy()
    changed[np.arange(60), generator.integers(24, size=60)] = generator.integers(6, size=60)
    words = np.array(list(product(range(6), repeat=4)), dtype=np.int16)
    return Strings.concatenate([Strings.of(part) for part in (*members, changed, words, [[]])])


def test_like_the_automaton(height: int) -> None:
    finite, machine = language(f"undo-flipflop-{height}"), UndoFlipFlop("undo", height)
    strings = random_strings(height)
    assert (machine.legal_batch(strings) == finite.legal_batch(strings)).all()
    assert (machine.accepts_batch(strings) == finite.accepts_batch(strings)).all()
    for window in range(14):
        expected = finite.ambiguous_batch(strings, window)
        assert (machine.ambiguous_batch(strings, window) == expected).all(), window
    assert machine.definiteness() == finite.definiteness()
    assert (machine.growth, machine.nested) == (finite.growth, finite.nested)
    assert [machine.count(n) for n in range(30)] == [finite.count(n) for n in range(30)]
    assert finite.automaton is not None
    assert machine.live_states == finite.automaton.states


def test_draws_have_the_distribution_of_the_automaton(height: int) -> None:
    """Each instruction, height and bit at each place as often, within five deviations."""
    finite, machine = language(f"undo-flipflop-{height}"), UndoFlipFlop("undo", height)
    draws = 20_000
    first = finite.draw(12, draws, np.random.default_rng(0))
    second = machine.draw(12, draws, np.random.default_rng(1))
    assert finite.accepts_batch(Strings.of(second)).all()
    for position in range(12):
        for after in range(position, 12):
            both = [
                np.bincount(6 * s[:, position] + s[:, after], minlength=36) for s in (first, second)
            ]
            deviation = np.sqrt(both[0] + both[1] + 1)
            assert (abs(both[0] - both[1]) < 5 * deviation).all(), (position, after)


def test_high_stacks() -> None:
    machine = language("undo-flipflop-60")
    assert machine.automaton is None
    sample = machine.draw(1000, 50, np.random.default_rng(0))
    assert machine.accepts_batch(Strings.of(sample)).all()
    assert (sample == machine.draw(1000, 50, np.random.default_rng(0))).all()
    text = "w1 " * 30 + "w0 " + "u1 " * 30 + "r1"
    assert machine.accepts(machine.encode(text.replace(" ", "")))
    assert not machine.accepts(machine.encode(text.replace(" ", "")[:-1] + "0"))
    with pytest.raises(InputError, match="no finite automaton"):
        machine.state_batch(Strings.of(sample))
    with pytest.raises(InputError, match="no member has length 0"):
        machine.draw(0, 1, np.random.default_rng(0))
