"""Random star-free languages compile and are proven; random counting ones are refused."""

import numpy as np
import pytest

from starfree.algebra.refusals import NotStarFree
from starfree.compiler.compile import compile
from starfree.errors import InputError
from starfree.languages.automaton import Automaton
from starfree.languages.catalog import language
from starfree.languages.regular import RegularLanguage
from starfree.verification.certificate import certify

ALPHABET = ("a", "b", "c")


def reset_cascade(rng):
    """Two or three binary levels; each letter and upper state resets the next level or not."""
    sizes = [2] * int(rng.integers(2, 4))
    letters = int(rng.integers(2, 4))
    table = {}

    def step(state, letter):
        after = []
        for level, size in enumerate(sizes):
            key = (level, state[:level], letter)
            if key not in table:
                table[key] = int(rng.integers(-2, size))
            after.append(state[level] if table[key] < 0 else table[key])
        dead = ("dead", state, letter)
        if table.setdefault(dead, bool(rng.random() < 0.05)):
            return None
        return tuple(after)

    start = tuple(0 for _ in sizes)
    chosen = {}
    return Automaton.explore(
        ALPHABET[:letters], start, step, lambda state: chosen.setdefault(state, rng.random() < 0.5)
    )


def order_preserving(rng):
    """Letters are monotone maps of up to eight points."""
    points = int(rng.integers(4, 9))
    rows = np.sort(rng.integers(0, points, (2, points)), axis=1).T.astype(np.int32)
    start = int(rng.integers(points))
    return Automaton(ALPHABET[:2], rows, start, rng.random(points) < 0.5)


def formula(rng, depth=3):
    if depth == 0 or rng.random() < 0.15:
        return str(rng.choice(["a", "b", "c"]))
    operator = str(rng.choice(["!", "Y", "P", "H", "&", "|", "S", "S"]))
    if operator in ("!", "Y", "P", "H"):
        return f"{operator} ({formula(rng, depth - 1)})"
    return f"({formula(rng, depth - 1)}) {operator} ({formula(rng, depth - 1)})"


def languages(kind, count):
    """Random languages; of the automata every second one has at least five live states."""
    rng = np.random.default_rng(5)
    for number in range(count):
        if kind == "formula":
            yield language(f"pltl:{formula(rng)} @a,b,c")
        else:
            draw = reset_cascade if kind == "cascade" else order_preserving
            spoken = RegularLanguage(f"{kind} {number}", draw(rng))
            while number % 2 and spoken.automaton.states < 5:
                spoken = RegularLanguage(f"{kind} {number}", draw(rng))
            yield spoken


def check(kind, count):
    for spoken in languages(kind, count):
        for target in ("mamba", "paper"):
            found = certify(compile(spoken, target).model, spoken)
            assert found.status == "PROVEN_ALL_LENGTHS", spoken.name


@pytest.mark.parametrize("kind", ["cascade", "monotone", "formula"])
def test_star_free_languages_compile_and_are_proven(kind):
    check(kind, 10)


@pytest.mark.full
@pytest.mark.parametrize("kind", ["cascade", "monotone", "formula"])
def test_many_star_free_languages_compile_and_are_proven(kind):
    check(kind, 100)


def check_formulas_by_their_own_units(count):
    """Without the automaton: one unit an operator, right on every string, members or not."""
    units = 0
    for spoken in languages("formula", count):
        for target in ("mamba", "paper"):
            made = compile(spoken, target, route="formula")
            found = certify(made.model, spoken, domain="all")
            assert found.status == "PROVEN_ALL_LENGTHS", spoken.name
            units += len(made.circuit.units)
    assert units > 2 * count


def test_formulas_compile_by_their_own_units():
    check_formulas_by_their_own_units(20)


@pytest.mark.full
def test_many_formulas_compile_by_their_own_units():
    check_formulas_by_their_own_units(100)


def test_only_formulas_have_the_route_of_formulas():
    with pytest.raises(InputError, match="d-2: not a formula"):
        compile(language("d-2"), route="formula")


@pytest.mark.parametrize("seed", range(8))
def test_random_permutations_are_refused_with_a_checked_witness(seed):
    rng = np.random.default_rng(seed)
    states = int(rng.integers(2, 7))
    rows = np.stack([rng.permutation(states) for _ in range(2)], axis=1).astype(np.int32)
    rows[:, 0] = np.roll(np.arange(states), 1)
    automaton = Automaton(("a", "b"), rows, 0, np.arange(states) == 0)
    with pytest.raises(NotStarFree) as refused:
        compile(RegularLanguage("permutations", automaton))
    witness = refused.value.witness
    member = [automaton.accepts([*witness.u, *witness.w * n, *witness.v]) for n in range(60)]
    assert member[witness.period :] == member[: -witness.period]
    assert len(set(member)) == 2
