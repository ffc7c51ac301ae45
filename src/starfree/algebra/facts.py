"""What the verdicts need to know of a language, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from starfree.algebra.aperiodicity import DEFAULT_IMAGE_LIMIT, Witness, decide
from starfree.algebra.classes import CLASSES, classify_monoid, syntactic_monoid
from starfree.algebra.groups import Group, groups
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton
from starfree.languages.graphs import components, members
from starfree.languages.language import Language
from starfree.languages.stack import BoundedDyck

LARGE_STACK = 1_000
"""States of Dyck(K, h) above which its class is taken from its definition."""


@dataclass(frozen=True, eq=False)
class Facts:
    """A language's algebra. None stands for undecided, or for "has no automaton".

    Attributes:
        regular: False for the counter languages.
        star_free: by the image orbit; by definition where no automaton is built.
        groups: non-trivial groups; empty iff star-free; None if undecided.
        definiteness: predictive k.
        classes: see `classes.CLASSES`.
        monoid: size of the syntactic monoid.
        reflections: Householder reflections a letter needs, if letters permute the states.
        forgets: softmax attention without position code cannot keep apart what prediction needs.
        merges: a word leads two different states back to themselves, so that gates below 1 merge
            them when it is repeated.
        parity: the language is parity up to the names of letters.
    """

    regular: bool
    star_free: bool | None
    witness: Witness | None
    groups: tuple[Group, ...] | None
    definiteness: int | None
    classes: Mapping[str, bool | None]
    monoid: int | None
    letters: int
    states: int | None = None
    sink: bool | None = None
    reflections: int | None = None
    forgets: bool = False
    merges: bool = True
    parity: bool = False


def facts(language: Language, max_images: int = DEFAULT_IMAGE_LIMIT) -> Facts:
    """Compute the facts; what exceeds a limit is None."""
    if isinstance(language, BoundedDyck) and language.live_states > LARGE_STACK:
        return _stack_facts(language)
    automaton = language.automaton
    if automaton is None:
        return _counter_facts(language)
    try:
        verdict = decide(automaton, max_images)
        star_free, witness = verdict.star_free, verdict.witness
    except ComplexityLimit:
        star_free, witness = None, None
    monoid = syntactic_monoid(automaton)
    return Facts(
        regular=True,
        star_free=star_free,
        witness=witness,
        groups=_groups(automaton, star_free, max_images),
        definiteness=language.definiteness(),
        classes=classify_monoid(automaton, star_free, monoid),
        monoid=None if monoid is None else len(monoid),
        letters=len(language.alphabet),
        states=automaton.states,
        sink=not automaton.is_complete,
        reflections=_reflections(automaton),
        forgets=_forgets(automaton),
        merges=_merges(automaton),
        parity=_is_parity(automaton),
    )


def _stack_facts(language: BoundedDyck) -> Facts:
    """Dyck(K, h) with h > 1: star-free, of dot-depth h, whatever K."""
    return Facts(
        regular=True,
        star_free=True,
        witness=None,
        groups=(),
        definiteness=language.definiteness(),
        classes=dict.fromkeys(CLASSES, language.depth == 1) | {"star_free": True},
        monoid=None,
        letters=len(language.alphabet),
        states=language.live_states,
        sink=True,
        forgets=True,
    )


def _counter_facts(language: Language) -> Facts:
    return Facts(
        regular=False,
        star_free=False,
        witness=None,
        groups=(),
        definiteness=language.definiteness(),
        classes=dict.fromkeys(CLASSES, False),
        monoid=None,
        letters=len(language.alphabet),
        forgets=True,
    )


def _groups(
    automaton: Automaton, star_free: bool | None, max_images: int
) -> tuple[Group, ...] | None:
    if star_free:
        return ()
    try:
        return groups(automaton, max_images)
    except ComplexityLimit:
        return None


def _reflections(automaton: Automaton) -> int | None:
    """Most transpositions that a letter's permutation of the states needs."""
    states = automaton.states
    columns = automaton.transitions.T.tolist()
    if not states or any(sorted(column) != list(range(states)) for column in columns):
        return None
    return max(states - len(set(components([[target] for target in c]))) for c in columns)


def _forgets(automaton: Automaton) -> bool:
    """Whether past logic with one operator, and the last letter, cannot tell the legal sets.

    An R-trivial monoid maps x^n s to one element for large n and all s over the letters of x. So
    if x loops at a state, then all states that such s lead to look alike from there on, up to the
    last letter: they must have equal legal sets after each letter.
    """
    table = automaton.transitions
    rows: list[list[int]] = table.tolist()
    legal = np.column_stack([table >= 0, automaton.accepting])
    component = components(rows)
    for states in members(component):
        content = {
            letter
            for state in states
            for letter, target in enumerate(rows[state])
            if target >= 0 and component[target] == component[state]
        }
        reached = list(states)
        for state in reached:
            reached += dict.fromkeys(
                rows[state][a] for a in content if rows[state][a] not in (-1, *reached)
            )
        for letter in range(len(automaton.alphabet)) if content else ():
            targets = [rows[state][letter] for state in reached if rows[state][letter] >= 0]
            if len(np.unique(legal[targets], axis=0)) > 1:
                return True
    return False


def _merges(automaton: Automaton) -> bool:
    """Whether some pair of different states is led round a cycle by one word."""
    alive = ~np.eye(automaton.states, dtype=np.bool_)
    while True:
        follows = np.zeros_like(alive)
        for column in automaton.transitions.T:
            sources = np.flatnonzero(column >= 0)
            follows[np.ix_(sources, sources)] |= alive[np.ix_(column[sources], column[sources])]
        if not (alive & ~follows).any():
            return bool(alive.any())
        alive &= follows


def _is_parity(automaton: Automaton) -> bool:
    columns = {tuple(column) for column in automaton.transitions.T.tolist()}
    return columns == {(0, 1), (1, 0)}
