import itertools

import numpy as np
import pytest
from algebra_oracles import (
    SUITE,
    random_automaton,
    random_permutation_automaton,
    random_reset_cascade,
)

from starfree.algebra.cascade import cascade
from starfree.algebra.factoring import factors
from starfree.algebra.holonomy import Holonomy
from starfree.languages.automaton import Automaton


def flip_flops(count: int) -> Automaton:
    """Independent bits: letters s0, r0, s1, r1 .. set and reset them; members: all bits set."""
    states = list(itertools.product((0, 1), repeat=count))
    number = {state: place for place, state in enumerate(states)}
    rows = [
        [
            number[(*state[:bit], value, *state[bit + 1 :])]
            for bit in range(count)
            for value in (1, 0)
        ]
        for state in states
    ]
    alphabet = tuple(f"{verb}{bit}" for bit in range(count) for verb in "sr")
    accepting = np.array([all(state) for state in states])
    return Automaton(alphabet, np.array(rows, dtype=np.int32), 0, accepting)


@pytest.mark.parametrize("count", [2, 3, 5, 6])
def test_independent_bits_cost_one_unit_each(count: int) -> None:
    circuit = cascade(flip_flops(count))
    assert [[unit.size for unit in level] for level in circuit.levels] == [[2] * count]
    assert circuit.cubes == 2 * count + 1
    assert len({unit.name for unit in circuit.units}) == count


def test_without_factors_they_cost_more() -> None:
    assert len(Holonomy(flip_flops(3)).sizes) > 1
    assert len(Holonomy(flip_flops(3)).sets) >= 3**3


def product(left: Automaton, right: Automaton) -> Automaton:
    """Both at once, over disjoint alphabets, each letter moving one of the two."""
    rows = []
    for p, q in itertools.product(range(left.states), range(right.states)):
        first = [t * right.states + q if t >= 0 else -1 for t in left.transitions[p].tolist()]
        second = [p * right.states + t if t >= 0 else -1 for t in right.transitions[q].tolist()]
        rows.append(first + second)
    alphabet = tuple(f"l{a}" for a in left.alphabet) + tuple(f"r{a}" for a in right.alphabet)
    accepting = np.outer(left.accepting, right.accepting).ravel()
    start = left.start * right.states + right.start
    return Automaton(alphabet, np.array(rows, dtype=np.int32), start, accepting)


def test_shuffles_of_automata() -> None:
    for left, right in (("d-2", "012-02"), ("tomita-6", "d-3"), ("parity", "tomita-6")):
        together = product(SUITE[left], SUITE[right])
        found = factors(together.minimise())
        assert found is not None
        assert sorted(part.states for part, _ in found) == sorted(
            (SUITE[left].states, SUITE[right].states)
        )
        alone = [len(cascade(SUITE[name]).units) for name in (left, right)]
        assert len(cascade(together).units) == sum(alone)


def test_tomita_5_is_parity_twice() -> None:
    found = factors(SUITE["tomita-5"])
    assert found is not None
    assert [part.states for part, _ in found] == [2, 2]
    circuit = cascade(SUITE["tomita-5"])
    assert [[(unit.kind, unit.size) for unit in level] for level in circuit.levels] == [
        [("cyclic", 2), ("cyclic", 2)]
    ]
    assert factors(SUITE["tomita-6"]) is None  # its letters commute, but both count one thing


def test_factors_simulate_the_automaton() -> None:
    rng = np.random.default_rng(11)
    factored = 0
    makers = (random_automaton, random_permutation_automaton, random_reset_cascade)
    for number in range(150):
        parts = [makers[(number + k) % 3](rng, 2 + k) for k in range(2)]
        automaton = product(*parts).minimise()
        found = factors(automaton) if automaton.states else None
        if found is None:
            continue
        factored += 1
        places = [place for _, place in found]
        assert len(set(zip(*places, strict=True))) == automaton.states
        for part, place in found:
            assert part.states < automaton.states
            for state, row in enumerate(automaton.transitions.tolist()):
                for letter, target in enumerate(row):
                    if target >= 0:
                        assert part.transitions[place[state], letter] == place[target]
    assert factored > 10


def test_stacks_do_not_factor() -> None:
    # Parity of the depth respects the letters of D_5, but it counts: the whole must stay whole.
    circuit = cascade(SUITE["d-4"])
    assert all(unit.kind == "reset" for unit in circuit.units)
    assert len(circuit.levels) == 4
