import itertools

import numpy as np
import pytest
from algebra_oracles import (
    SUITE,
    Map,
    bounded_dyck,
    brute_aperiodic,
    brute_monoid,
    brute_semigroup,
    omega,
    random_automaton,
    random_monotone_automaton,
    random_permutation_automaton,
    random_reset_cascade,
    times,
)

from starfree.algebra.classes import CLASSES, classify_monoid
from starfree.algebra.monoid import enumerate_monoid
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton


def word(*elements: Map) -> Map:
    product = elements[0]
    for element in elements[1:]:
        product = times(product, element)
    return product


def brute_classes(automaton: Automaton) -> dict[str, bool]:
    """Every identity as it stands in the textbook, over all elements."""
    m = brute_monoid(automaton)
    s = brute_semigroup(automaton)
    idempotents = [e for e in s if times(e, e) == e]
    pairs = list(itertools.product(m, repeat=2))
    r = all(word(omega(word(x, y)), x) == omega(word(x, y)) for x, y in pairs)
    l = all(word(y, omega(word(x, y))) == omega(word(x, y)) for x, y in pairs)
    return {
        "star_free": all(word(omega(x), x) == omega(x) for x in m),
        "definite": all(word(x, e) == e for e in idempotents for x in s),
        "locally_testable": all(
            word(e, x, e, x, e) == word(e, x, e) and word(e, x, e, y, e) == word(e, y, e, x, e)
            for e in idempotents
            for x, y in itertools.product(s, repeat=2)
        ),
        "j_trivial": r and l,
        "r_trivial": r,
        "l_trivial": l,
        "da": all(
            word(omega(word(x, y)), x, omega(word(x, y))) == omega(word(x, y)) for x, y in pairs
        ),
        "dot_depth_one": brute_knast(s, idempotents),
    }


def brute_knast(s: set[Map], idempotents: list[Map]) -> bool:
    for e, f in itertools.product(idempotents, repeat=2):
        there = {word(e, x, f) for x in s}
        back = {word(f, x, e) for x in s}
        loops = {(p, q): omega(word(p, q)) for p in there for q in back}
        for (p, _), first in loops.items():
            for (_, s2), second in loops.items():
                if word(first, p, s2, second) != word(first, second):
                    return False
    return True


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("tomita-1", "locally_testable j_trivial r_trivial l_trivial da dot_depth_one"),
        ("tomita-2", "locally_testable dot_depth_one"),
        ("tomita-4", "locally_testable dot_depth_one"),
        ("tomita-7", "j_trivial r_trivial l_trivial da dot_depth_one"),
        ("aabbccddee", "locally_testable j_trivial r_trivial l_trivial da dot_depth_one"),
        ("ab-d-bc", "j_trivial r_trivial l_trivial da dot_depth_one"),
        ("012-02", "l_trivial da"),
        *((name, "") for name in ("d-2", "d-3", "d-4", "d-12", "flipflop", "dyck-2-2")),
    ],
)
def test_suite(name: str, classes: str) -> None:
    answers = classify_monoid(SUITE[name], True, enumerate_monoid(SUITE[name]))
    assert answers == {key: key == "star_free" or key in classes.split() for key in CLASSES}


def test_r_trivial_in_the_suite() -> None:
    eleven = "tomita-1 tomita-2 tomita-4 tomita-7 d-2 d-3 d-4 d-12 aabbccddee ab-d-bc 012-02"
    found = {
        name for name in eleven.split() if classify_monoid(SUITE[name], True, None)["r_trivial"]
    }
    assert found == {"tomita-1", "tomita-7", "aabbccddee", "ab-d-bc"}


def check_against_identities(count: int, seed: int, largest: int) -> None:
    rng = np.random.default_rng(seed)
    makers = [
        lambda: random_automaton(rng, 4),
        lambda: random_monotone_automaton(rng, 4),
        lambda: random_reset_cascade(rng, 2),
        lambda: random_automaton(rng, 5, holes=1.5),
    ]
    seen = {name: {True: 0, False: 0} for name in CLASSES}
    tested = 0
    while tested < count:
        automaton = makers[tested % len(makers)]()
        if len(brute_monoid(automaton)) > largest:
            continue
        tested += 1
        star_free = brute_aperiodic(automaton)
        answers = classify_monoid(automaton, star_free, enumerate_monoid(automaton))
        expected = brute_classes(automaton)
        assert answers == expected, automaton.transitions
        for name, answer in expected.items():
            seen[name][answer] += 1
    assert all(min(counts.values()) > count / 40 for counts in seen.values()), seen


def test_random_automata_against_the_identities() -> None:
    check_against_identities(240, seed=6, largest=14)


@pytest.mark.full
def test_2000_random_automata_against_the_identities() -> None:
    check_against_identities(2000, seed=7, largest=24)


@pytest.mark.parametrize(
    ("name", "size"),
    [("tomita-1", 2), ("tomita-2", 6), ("tomita-4", 12), ("tomita-7", 9), ("tomita-3", 26),
     ("tomita-5", 4), ("tomita-6", 3), ("parity", 2), ("aa-star", 2), ("aaaa-star", 4),
     ("abab-star", 10), ("d-2", 15), ("d-3", 31), ("d-4", 56), ("d-12", 820), ("aabbccddee", 17),
     ("ab-d-bc", 5), ("012-02", 3), ("flipflop", 81), ("dyck-2-2", 60), ("dyck-2-3", 285),
     ("dyck-2-4", 1246), ("dyck-2-5", 5215), ("dyck-3-3", 1787), ("s3", 6), ("a5", 60),
     ("s5", 120)],
)  # fmt: skip
def test_monoid_sizes(name: str, size: int) -> None:
    assert len(enumerate_monoid(SUITE[name])) == size


def check_monoids(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for number in range(count):
        make = random_permutation_automaton if number % 4 == 0 else random_automaton
        automaton = make(rng)
        if not automaton.states:
            continue
        monoid = enumerate_monoid(automaton)
        assert set(map(tuple, monoid.elements.tolist())) == set(brute_monoid(automaton))
        assert len(monoid) == len(set(map(tuple, monoid.elements.tolist())))
        last = tuple(monoid.elements[-1].tolist())
        for letter, after in enumerate(monoid.left[-1].tolist()):
            first = tuple(monoid.elements[monoid.right[0, letter]].tolist())
            assert tuple(monoid.elements[after].tolist()) == times(first, last)


def test_monoids_of_random_automata() -> None:
    check_monoids(100, seed=8)


@pytest.mark.full
def test_monoids_of_2000_random_automata() -> None:
    check_monoids(2000, seed=18)


def test_small_languages_have_small_monoids() -> None:
    empty = Automaton(("a", "b"), np.array([[-1, -1]], np.int32), 0, np.array([False]))
    everything = Automaton(("a", "b"), np.array([[0, 0]], np.int32), 0, np.array([True]))
    nothing = Automaton(("a", "b"), np.array([[-1, -1]], np.int32), 0, np.array([True]))
    assert [len(enumerate_monoid(a)) for a in (empty, everything, nothing)] == [1, 1, 2]
    for automaton in (empty, everything, nothing):
        answers = classify_monoid(automaton, True, enumerate_monoid(automaton))
        assert all(answers.values())


def test_limits_leave_classes_undecided() -> None:
    automaton = bounded_dyck(2, 5)
    with pytest.raises(ComplexityLimit, match="more than"):
        enumerate_monoid(automaton, max_entries=10_000)
    answers = classify_monoid(automaton, True, None)
    assert answers["r_trivial"] is False
    assert answers["j_trivial"] is False
    assert answers["da"] is None
    assert answers["dot_depth_one"] is None
    assert classify_monoid(automaton, None, None)["star_free"] is None
