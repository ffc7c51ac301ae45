import itertools
import math

import numpy as np
import pytest
from algebra_oracles import (
    SUITE,
    Map,
    brute_monoid,
    monotone_maps,
    random_permutation_automaton,
    times,
    word_problem,
)

from starfree.algebra.groups import describe, groups
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton


def maximal_subgroups(automaton: Automaton) -> list[set[Map]]:
    """The group of units of eMe for every idempotent e, those of order 2 and more."""
    monoid = brute_monoid(automaton)
    found = []
    for e in monoid:
        if times(e, e) == e:
            local = [m for m in monoid if times(e, m) == m == times(m, e)]
            units = {m for m in local if any(times(m, k) == e == times(k, m) for k in local)}
            if len(units) > 1:
                found.append(units)
    return found


@pytest.mark.parametrize(
    ("name", "orders", "abelian", "derived_length", "exponent", "binary_length"),
    [
        ("parity", [2], True, 1, 2, 1),
        ("tomita-3", [2, 2], True, 1, 2, 1),
        ("tomita-5", [4], True, 1, 2, 1),
        ("tomita-6", [3], True, 1, 3, None),
        ("aaaa-star", [4], True, 1, 4, 2),
        ("abab-star", [2], True, 1, 2, 1),
        ("s3", [6], False, 2, 6, None),
        ("a5", [60], False, None, 30, None),
        ("s5", [120], False, None, 60, None),
    ],
)
def test_suite(
    name: str,
    orders: list[int],
    abelian: bool,
    derived_length: int | None,
    exponent: int,
    binary_length: int | None,
) -> None:
    found = groups(SUITE[name])
    assert [group.order for group in found] == orders
    for group in found:
        assert group.abelian == abelian
        assert group.derived_length == derived_length
        assert group.solvable == (derived_length is not None)
        assert group.exponent == exponent
        assert group.is_2_group == (binary_length is not None)
        assert group.binary_length == binary_length


def test_star_free_languages_have_none() -> None:
    assert groups(SUITE["d-4"]) == ()
    assert groups(SUITE["flipflop"]) == ()


@pytest.mark.parametrize(
    ("generators", "order", "derived_length", "binary_length"),
    [
        (((1, 2, 0, 3), (1, 0, 3, 2)), 12, 2, None),  # A4
        (((1, 0, 2, 3), (1, 2, 3, 0)), 24, 3, None),  # S4
        (((1, 2, 3, 0), (0, 3, 2, 1)), 8, 2, 2),  # the symmetries of the square
        (((1, 2, 3, 4, 5, 6, 7, 0),), 8, 1, 3),  # Z8
        (((1, 0, 2, 3), (0, 1, 3, 2)), 4, 1, 1),  # Z2 x Z2
    ],
)
def test_lengths_of_series(
    generators: tuple[Map, ...], order: int, derived_length: int, binary_length: int | None
) -> None:
    group = describe(generators)
    assert (group.order, group.derived_length) == (order, derived_length)
    assert group.binary_length == binary_length
    (found,) = groups(word_problem(*generators))
    assert found.order == order


def test_random_automata_against_maximal_subgroups() -> None:
    rng = np.random.default_rng(5)
    nontrivial = 0
    for _ in range(80):
        automaton = random_permutation_automaton(rng, 5)
        expected = maximal_subgroups(automaton)
        found = groups(automaton)
        assert bool(found) == bool(expected)
        nontrivial += bool(found)
        orders = {group.order for group in found}
        for subgroup in expected:
            exponent = math.lcm(*(order_of(g, subgroup) for g in subgroup))
            assert len(subgroup) in orders
            commute = all(
                times(g, h) == times(h, g) for g, h in itertools.product(subgroup, repeat=2)
            )
            assert any(
                (g.order, g.exponent, g.abelian) == (len(subgroup), exponent, commute)
                for g in found
            )
    assert 20 < nontrivial < 80


def order_of(element: Map, subgroup: set[Map]) -> int:
    power, count = element, 1
    while times(power, power) != power:
        power, count = times(power, element), count + 1
    return count


def test_limit() -> None:
    with pytest.raises(
        ComplexityLimit, match="100 image sets of the whole automaton visited; raise max_images"
    ):
        groups(monotone_maps(8), max_images=100)
