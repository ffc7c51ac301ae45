import json
import time

import numpy as np
import pytest
from algebra_oracles import (
    STAR_FREE,
    SUITE,
    bounded_dyck,
    corner_cases,
    random_automaton,
    random_monotone_automaton,
    random_permutation_automaton,
    random_reset_cascade,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from starfree.algebra.cascade import cascade
from starfree.algebra.circuit import Circuit, verify
from starfree.algebra.holonomy import Holonomy
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton


def sizes(circuit: Circuit) -> list[list[int]]:
    return [[unit.size for unit in level] for level in circuit.levels]


def causes(circuit: Circuit) -> list[int]:
    return [sum(len(unit.rules) for unit in level) for level in circuit.levels]


def output_cubes(circuit: Circuit) -> int:
    return sum(len(output.cubes) for output in circuit.outputs)


def agree_on_random_strings(circuit: Circuit, automaton: Automaton, seed: int) -> None:
    """Outputs against the automaton, letter by letter, without `verify`."""
    automaton = automaton.minimise()
    rng = np.random.default_rng(seed)
    symbols = len(automaton.alphabet)
    for _ in range(20):
        state = automaton.start
        word = []
        for _ in range(12):
            row = automaton.transitions[state].tolist() if state >= 0 else [-1] * symbols
            choices = [a for a, target in enumerate(row) if target >= 0]
            if circuit.mode == "recogniser" and (not choices or rng.random() < 0.1):
                choices = list(range(symbols))
            if not choices:
                break
            word.append(int(rng.choice(choices)))
            state = row[word[-1]]
        for length, (_, bits) in enumerate(circuit.run(word)):
            end = automaton.run(word[:length])
            legal = [target >= 0 for target in automaton.transitions[end]] if end >= 0 else []
            expected = [*legal, bool(automaton.accepting[end])] if end >= 0 else [False] * len(bits)
            assert list(bits) == expected


@pytest.mark.parametrize("mode", ["predictive", "recogniser"])
@pytest.mark.parametrize("name", SUITE)
def test_suite(name: str, mode: str) -> None:
    circuit = cascade(SUITE[name], mode)  # verified inside
    kinds = {unit.kind for unit in circuit.units}
    assert (kinds <= {"reset"}) == (name in STAR_FREE)
    agree_on_random_strings(circuit, SUITE[name], seed=1)
    assert Circuit.from_json(json.loads(json.dumps(circuit.to_json()))) == circuit


@pytest.mark.parametrize(
    ("name", "levels", "most_causes", "most_output_cubes"),
    [
        ("tomita-1", [], [], 0),
        ("tomita-2", [[2]], [2], 3),
        ("tomita-4", [[2], [2]], [2, 2], 3),
        ("tomita-7", [[2]] * 3, [2, 2, 2], 3),
        ("d-2", [[2]] * 2, [2] * 2, 3),
        ("d-4", [[2]] * 4, [2] * 4, 9),
        ("d-12", [[2]] * 12, [2] * 12, 25),
        ("aabbccddee", [[6]], [5], 9),
        ("ab-d-bc", [[2]], [2], 4),
        ("012-02", [[2]], [2], 1),
        ("flipflop", [[5], [2], [2]], [4, 2, 2], 8),
        ("dyck-2-4", [[3]] * 4, [3, 3, 5, 5], 15),
        ("dyck-3-3", [[4]] * 3, [4, 4, 16], 20),
    ],
)
def test_sizes(
    name: str, levels: list[list[int]], most_causes: list[int], most_output_cubes: int
) -> None:
    circuit = cascade(SUITE[name])
    assert sizes(circuit) == levels
    assert all(own <= most for own, most in zip(causes(circuit), most_causes, strict=True))
    assert output_cubes(circuit) <= most_output_cubes


def test_sizes_of_large_stacks() -> None:
    start = time.process_time()
    circuit = cascade(bounded_dyck(2, 7))
    assert sizes(circuit) == [[3]] * 7
    assert sum(causes(circuit)) <= 33
    circuit = cascade(bounded_dyck(8, 3))
    assert sizes(circuit) == [[9]] * 3
    assert all(own <= most for own, most in zip(causes(circuit), [9, 9, 65], strict=True))
    assert time.process_time() - start < 20


def test_levels_with_groups() -> None:
    assert [u.kind for u in cascade(SUITE["parity"]).units] == ["cyclic"]
    assert sizes(cascade(SUITE["tomita-3"])) == [[2], [2], [2]]
    abab = cascade(SUITE["abab-star"])  # the letter tells what no unit has to
    assert [(u.kind, len(u.rules)) for u in abab.units] == [("cyclic", 1)]
    assert sizes(cascade(SUITE["s5"])) == [[120]]


@pytest.mark.parametrize("mode", ["predictive", "recogniser"])
@pytest.mark.parametrize("case", corner_cases())
def test_corner_cases(case: str, mode: str) -> None:
    automaton = corner_cases()[case]
    circuit = cascade(automaton, mode)
    agree_on_random_strings(circuit, automaton, seed=2)
    verify(circuit, automaton)
    if case in ("empty language", "all strings"):
        assert circuit.levels == ()


MAKERS = (
    random_automaton,
    random_permutation_automaton,
    random_monotone_automaton,
    random_reset_cascade,
)


@given(seed=st.integers(0, 2**32), maker=st.sampled_from(MAKERS))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_random_automata(seed: int, maker: object) -> None:
    automaton = maker(np.random.default_rng(seed))  # type: ignore[operator]
    for mode in ("predictive", "recogniser"):
        circuit = cascade(automaton, mode)
        agree_on_random_strings(circuit, automaton, seed)
        if maker in (random_monotone_automaton, random_reset_cascade):
            assert all(unit.kind == "reset" for unit in circuit.units)


@pytest.mark.full
def test_2000_random_automata() -> None:
    rng = np.random.default_rng(9)
    for number in range(2000):
        automaton = MAKERS[number % 4](rng)
        for mode in ("predictive", "recogniser"):
            agree_on_random_strings(cascade(automaton, mode), automaton, number)


def test_limits() -> None:
    with pytest.raises(ComplexityLimit, match="more than 50 image sets"):
        Holonomy(bounded_dyck(2, 4), max_sets=50)
    with pytest.raises(ComplexityLimit, match="more than 20 reachable states"):
        cascade(bounded_dyck(2, 4), max_states=20)
    with pytest.raises(ComplexityLimit, match="12 levels, more than 11"):
        cascade(SUITE["d-12"], max_levels=11)
    with pytest.raises(ComplexityLimit, match="13 live states, more than 12 image sets"):
        cascade(SUITE["d-12"], max_sets=12)
