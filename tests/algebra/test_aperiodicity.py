import itertools
import time

import numpy as np
import pytest
from algebra_oracles import (
    STAR_FREE,
    SUITE,
    bounded_dyck,
    brute_aperiodic,
    corner_cases,
    monotone_maps,
    random_automaton,
    random_monotone_automaton,
    random_permutation_automaton,
    random_reset_cascade,
)

from starfree.algebra.aperiodicity import (
    Aperiodicity,
    Witness,
    check_witness,
    decide,
    make_witness,
)
from starfree.algebra.orbit import image_orbit
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton
from starfree.languages.graphs import components


def membership_of_powers(automaton: Automaton, witness: Witness) -> list[bool]:
    """Members among u w^n v for n of three periods, asked of the automaton itself."""
    powers = range(3 * witness.period)
    return [automaton.accepts((*witness.u, *witness.w * n, *witness.v)) for n in powers]


def assert_is_witness(automaton: Automaton, verdict: Aperiodicity) -> None:
    assert verdict.witness is not None
    members = membership_of_powers(automaton, verdict.witness)
    period = verdict.witness.period
    assert members[:period] == members[period : 2 * period] == members[2 * period :]
    assert len(set(members)) == 2


@pytest.mark.parametrize("name", SUITE)
def test_suite(name: str) -> None:
    start = time.process_time()
    verdict = decide(SUITE[name])
    assert time.process_time() - start < 2  # 0.2 s unloaded
    assert verdict.star_free == (name in STAR_FREE)
    if not verdict.star_free:
        assert_is_witness(SUITE[name], verdict)


@pytest.mark.parametrize(
    ("name", "word", "period"),
    [("parity", "1", 2), ("tomita-3", "0", 2), ("tomita-5", "0", 2), ("tomita-6", "0", 3),
     ("aaaa-star", "a", 4), ("abab-star", "ab", 2)],
)  # fmt: skip
def test_witnesses_are_short(name: str, word: str, period: int) -> None:
    automaton = SUITE[name]
    witness = decide(automaton).witness
    assert witness is not None
    assert "".join(automaton.alphabet[letter] for letter in witness.w) == word
    assert witness.period == period


@pytest.mark.parametrize(
    ("name", "count"),
    [("tomita-1", 2), ("tomita-2", 4), ("tomita-4", 6), ("tomita-7", 6), ("tomita-3", 10),
     ("abab-star", 4), ("parity", 1), ("d-2", 7), ("d-3", 11), ("d-4", 16), ("d-12", 92),
     ("aabbccddee", 7), ("ab-d-bc", 4), ("012-02", 3), ("dyck-2-5", 121), ("dyck-3-3", 59),
     ("s5", 1)],
)  # fmt: skip
def test_image_sets_of_the_complete_automaton(name: str, count: int) -> None:
    complete = SUITE[name].complete()
    orbit = image_orbit(complete.transitions.tolist(), (1 << complete.states) - 1, 1000)
    assert len(orbit.sets) == count


def check_against_brute_force(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers = []
    for _ in range(count):
        make = random_permutation_automaton if rng.random() < 0.4 else random_automaton
        automaton = make(rng)
        verdict = decide(automaton)
        assert verdict.star_free == brute_aperiodic(automaton)
        if not verdict.star_free:
            assert_is_witness(automaton, verdict)
        answers.append(verdict.star_free)
    assert 0.2 < np.mean(answers) < 0.8


def test_random_automata_against_the_monoid() -> None:
    check_against_brute_force(250, seed=1)


@pytest.mark.full
def test_2000_random_automata_against_the_monoid() -> None:
    check_against_brute_force(2000, seed=2)


def second_test(automaton: Automaton) -> bool:
    """Aperiodic iff no tuple of different states reaches a rotation of itself (any period)."""
    rows = automaton.transitions.tolist()
    for period in range(2, automaton.states + 1):
        nodes = list(itertools.permutations(range(automaton.states), period))
        number = {node: place for place, node in enumerate(nodes)}
        edges = [
            [number.get(tuple(rows[q][a] for q in node), -1) for a in range(len(rows[0]))]
            for node in nodes
        ]
        component = components(edges)
        for node in nodes:
            rotated = (*node[1:], node[0])
            if component[number[node]] == component[number[rotated]]:
                return False
    return True


def test_against_a_search_over_tuples_of_states() -> None:
    rng = np.random.default_rng(3)
    answers = []
    for _ in range(120):
        automaton = random_permutation_automaton(rng, 5)
        answers.append(decide(automaton).star_free)
        assert answers[-1] == second_test(automaton)
    assert 0 < sum(answers) < len(answers)


def test_aperiodic_by_construction() -> None:
    rng = np.random.default_rng(4)
    for _ in range(100):
        assert decide(random_reset_cascade(rng)).star_free
        assert decide(random_monotone_automaton(rng)).star_free


def test_monotone_maps_on_16_points() -> None:
    automaton = monotone_maps(16)
    start = time.process_time()
    verdict = decide(automaton)
    assert time.process_time() - start < 10
    assert verdict.star_free
    assert verdict.image_sets == 2**16 - 1


def test_the_limit_never_says_star_free() -> None:
    with pytest.raises(ComplexityLimit, match=r"1,000 image sets visited.*raise max_images"):
        decide(monotone_maps(12), max_images=1000)
    assert decide(monotone_maps(12), max_images=5000).star_free


def test_a_witness_found_before_the_limit_counts() -> None:
    assert not decide(SUITE["tomita-6"], max_images=1).star_free


def test_large_automaton_without_pair_test() -> None:
    verdict = decide(bounded_dyck(8, 3))
    assert verdict.star_free
    assert verdict.method == "image orbit"


def test_a_false_witness_is_seen() -> None:
    automaton = SUITE["parity"]
    assert check_witness(automaton, Witness((), (1,), (), (0, 1)))
    assert not check_witness(automaton, Witness((), (0,), (), (0, 1)))
    assert not check_witness(automaton, Witness((1,), (1,), (), (0, 1)))
    assert not check_witness(SUITE["d-2"], Witness((), (0, 1), (), (0,)))
    with pytest.raises(ValueError, match="permutes no states"):
        make_witness(SUITE["d-2"], (0,))


@pytest.mark.parametrize("case", corner_cases())
def test_corner_cases(case: str) -> None:
    assert decide(corner_cases()[case]).star_free
