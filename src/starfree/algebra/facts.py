"""What the verdicts need to know of a language, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from starfree.algebra.aperiodicity import DEFAULT_IMAGE_LIMIT, Witness, decide
from starfree.algebra.bounds import StackBits, stack_bits
from starfree.algebra.classes import CLASSES, classify_monoid
from starfree.algebra.coordinates import reflections
from starfree.algebra.groups import Group, groups
from starfree.algebra.monoid import Monoid, enumerate_monoid
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton
from starfree.languages.catalog import language
from starfree.languages.counters import CounterLanguage
from starfree.languages.graphs import components, members
from starfree.languages.language import Language
from starfree.languages.recall import AssociativeRecall
from starfree.languages.stack import BoundedDyck

LARGE_STACK = 1_000
"""States of Dyck(K, h) above which its class is taken from its definition."""


@dataclass(frozen=True, eq=False)
class Facts:
    """A language's algebra. None stands for undecided, or for "has no automaton".

    Attributes:
        regular: it has a finite automaton, built or not.
        counter: a counter language, by its definition.
        star_free: by the image orbit; by definition where no automaton is built.
        groups: non-trivial groups; empty iff star-free; None if undecided.
        definiteness: predictive k.
        classes: see `classes.CLASSES`.
        monoid: size of the syntactic monoid.
        reflections: Householder reflections a letter, if letters permute the states: enough, by
            a faithful action on few points.
        forgets: softmax attention without position code cannot keep apart what prediction needs.
        merges: a word leads two different states back to themselves, so that gates below 1 merge
            them when it is repeated.
        parity, flipflop: it is that language up to the names of letters.
        stack: memory of the two layers that do Dyck(K, h), and of any model that does.
        undecided: for each search that reached its limit, what was visited and what is known.
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
    flipflop: bool = False
    stack: StackBits | None = None
    counter: bool = False
    undecided: tuple[str, ...] = ()

    @property
    def counts_in_crasp(self) -> bool | None:
        """Whether C-RASP, the logic that predicts length generalisation, has it; None: unknown.

        The flip-flop is not in it (Yang, Veseli, Hahn et al. 2026). The counter languages of the
        catalog are; and the R-trivial ones, for `once` is "at least one" (Yang and Chiang 2024).
        """
        if self.flipflop:
            return False
        return True if self.counter or self.classes["r_trivial"] else None


def facts(asked: Language, max_images: int = DEFAULT_IMAGE_LIMIT) -> Facts:
    """Compute the facts; what exceeds a limit is None, and said in `undecided`."""
    if isinstance(asked, BoundedDyck) and asked.live_states > LARGE_STACK:
        return _stack_facts(asked)
    if isinstance(asked, AssociativeRecall):
        return _recall_facts(asked)
    automaton = asked.automaton
    if automaton is None:
        return _not_regular_facts(asked)
    undecided: list[str] = []
    star_free: bool | None = None
    witness: Witness | None = None
    found: tuple[Group, ...] | None = ()
    monoid: Monoid | None = None
    try:
        verdict = decide(automaton, max_images)
        star_free, witness = verdict.star_free, verdict.witness
    except ComplexityLimit as limit:
        undecided.append(str(limit))
    try:
        found = () if star_free else groups(automaton, max_images)
    except ComplexityLimit as limit:
        found = None
        undecided.append(str(limit))
    try:
        monoid = enumerate_monoid(automaton)
    except ComplexityLimit as limit:
        undecided.append(str(limit))
    return Facts(
        regular=True,
        star_free=star_free,
        witness=witness,
        groups=found,
        definiteness=asked.definiteness(),
        classes=classify_monoid(automaton, star_free, monoid),
        monoid=None if monoid is None else len(monoid),
        letters=len(asked.alphabet),
        states=automaton.states,
        sink=not automaton.is_complete,
        reflections=_reflections(automaton),
        forgets=_forgets(automaton),
        merges=_merges(automaton),
        parity=_is_parity(automaton),
        flipflop=_is_flipflop(automaton),
        stack=stack_bits(asked) if isinstance(asked, BoundedDyck) else None,
        undecided=tuple(undecided),
    )


def _stack_facts(asked: BoundedDyck) -> Facts:
    """Dyck(K, h) with h > 1: star-free, of dot-depth h, whatever K."""
    return Facts(
        regular=True,
        star_free=True,
        witness=None,
        groups=(),
        definiteness=asked.definiteness(),
        classes=dict.fromkeys(CLASSES, asked.depth == 1) | {"star_free": True},
        monoid=None,
        letters=len(asked.alphabet),
        states=asked.live_states,
        sink=True,
        forgets=True,
        stack=stack_bits(asked),
    )


def _recall_facts(asked: AssociativeRecall) -> Facts:
    """Registers that letters reset: star-free, whatever K, V and Q; else as `recall-2-2` is."""
    return Facts(
        regular=True,
        star_free=True,
        witness=None,
        groups=(),
        definiteness=None,
        classes=dict.fromkeys(CLASSES, False) | {"star_free": True},
        monoid=None,
        letters=len(asked.alphabet),
        sink=True,
    )


def _not_regular_facts(asked: Language) -> Facts:
    return Facts(
        regular=False,
        star_free=False,
        witness=None,
        groups=(),
        definiteness=asked.definiteness(),
        classes=dict.fromkeys(CLASSES, False),
        monoid=None,
        letters=len(asked.alphabet),
        forgets=True,
        merges=isinstance(asked, CounterLanguage),
        counter=isinstance(asked, CounterLanguage),
    )


def _reflections(automaton: Automaton) -> int | None:
    states = automaton.states
    columns = [tuple(column) for column in automaton.transitions.T.tolist()]
    if not states or any(len({-1, *column}) <= states for column in columns):
        return None
    return reflections(columns)


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


def _is_flipflop(automaton: Automaton) -> bool:
    """The catalog's `flipflop`, its letters in any order."""
    model = language("flipflop").automaton
    if model is None or automaton.transitions.shape != model.transitions.shape:
        return False
    renamed = (
        Automaton(
            model.alphabet, automaton.transitions[:, order], automaton.start, automaton.accepting
        ).minimise()
        for order in permutations(range(len(model.alphabet)))
    )
    return any(
        (other.transitions == model.transitions).all()
        and (other.accepting == model.accepting).all()
        for other in renamed
    )
