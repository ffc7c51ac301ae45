"""Random regular languages: the star-free ones are found so, the others refused with a witness."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from algebra_oracles import (
    brute_aperiodic,
    random_automaton,
    random_monotone_automaton,
    random_permutation_automaton,
    random_reset_cascade,
)

from starfree.algebra.cascade import cascade
from starfree.algebra.classify import classify
from starfree.algebra.refusals import NotStarFree
from starfree.algebra.verdict import NONNEGATIVE
from starfree.languages.automaton import Automaton
from starfree.languages.regular import RegularLanguage


def counting(rng: np.random.Generator) -> Iterator[Automaton]:
    """Minimal automata whose monoid, written out, has a group."""
    makers = (random_permutation_automaton, random_automaton)
    while True:
        automaton = makers[int(rng.random() < 0.3)](rng, 6)
        if not brute_aperiodic(automaton):
            yield automaton


def check_refusals(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    periods = set()
    for number, automaton in zip(range(count), counting(rng), strict=False):
        with pytest.raises(NotStarFree) as refusal:
            cascade(automaton, gates="nonnegative")
        told = refusal.value.witness
        check_powers(automaton, told.u, told.w, told.v, told.period)
        periods.add(told.period)
        if number % 5 == 0:
            found = classify(RegularLanguage("random", automaton))
            assert found.star_free is False
            assert found.verdicts[0].architecture == NONNEGATIVE
            assert found.verdicts[0].answer == "cannot"
            written = found.to_json()["witness"]
            u, w, v = (tuple(map(automaton.alphabet.index, written[part])) for part in "uwv")
            check_powers(automaton, u, w, v, written["period"])
    assert len(periods) > 1


def check_powers(
    automaton: Automaton, u: Sequence[int], w: Sequence[int], v: Sequence[int], period: int
) -> None:
    """Run u w^n v for every n < 60: whether it is a member repeats and is never constant."""
    rows = automaton.transitions.tolist()
    members = []
    for n in range(60):
        state = automaton.start
        for letter in (*u, *tuple(w) * n, *v):
            state = rows[state][letter] if state >= 0 else -1
        members.append(state >= 0 and bool(automaton.accepting[state]))
    assert members[: 60 - period] == members[period:]
    assert len(set(members)) == 2


def test_counting_languages_are_refused_with_a_witness() -> None:
    check_refusals(30, seed=21)


@pytest.mark.full
def test_200_counting_languages_are_refused_with_a_witness() -> None:
    check_refusals(200, seed=22)


def check_star_free(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes: list[int] = []
    makers = (random_reset_cascade, random_monotone_automaton)
    while len(sizes) < count:
        automaton = makers[len(sizes) % 2](rng)
        few = 2 * sum(size < 5 for size in sizes) >= len(sizes)
        if not (5 if few else 1) <= automaton.states <= 8:
            continue
        sizes.append(automaton.states)
        found = classify(RegularLanguage("random", automaton))
        assert found.star_free is True
        assert found.witness is None
        assert found.groups == ()
        verdict = found.verdicts[0]
        assert verdict.answer == "can"
        assert verdict.layers_upper is not None
        circuit = cascade(automaton, gates="nonnegative")  # proven equal inside
        assert verdict.layers_upper == max(len(circuit.levels), 1)
        assert verdict.units == ({"reset": len(circuit.units)} if circuit.units else {})
    assert sum(size >= 5 for size in sizes) >= count / 2


def test_star_free_languages_are_never_refused() -> None:
    check_star_free(30, seed=23)


@pytest.mark.full
def test_200_star_free_languages_are_never_refused() -> None:
    check_star_free(200, seed=24)
