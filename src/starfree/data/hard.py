"""Hard strings: members with a position that its last k symbols do not decide.

A position is k-confusable if another prefix of a member ends in the same k symbols and has another
legal set. Whoever looks at the last k symbols only (a convolution of width k, the k-window
baselines) must be wrong on one of the two. A language has hard_k strings iff it is not predictively
k-definite.

For a finite automaton the hard members are a regular language themselves, so they are counted and
drawn exactly, like any other. Counter and stack machines have no such automaton; nearly all of
their longer members are hard, and uniform members that are not are thrown away.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from starfree.data.drawing import Source, Tokens, all_members, as_strings
from starfree.errors import ComplexityLimit, InputError
from starfree.languages.automaton import Automaton
from starfree.languages.language import Language
from starfree.languages.regular import RegularLanguage, legal_table

_LIMIT = 50_000
_LARGE = 1_000
_COUNTABLE = 2_000
_TRIAL = 200

# A node of the search: the state, and the sets of states (as bits) that the last 0, 1, .. k symbols
# leave open, longest window last; None once a confusable position has been passed.
_Node = tuple[int, tuple[int, ...] | None]


def hard_members(language: Language, window: int) -> Source:
    """The members with a k-confusable position, k = `window`, to be counted and drawn.

    Raises:
        InputError: the language is predictively k-definite, so no string is hard.
    """
    definite = language.definiteness(limit=window)
    if definite is not None:
        raise InputError(
            f"{language.name}: the last {definite} symbols decide every legal set (predictively "
            f"{definite}-definite), so no string is hard for a window of {window}"
        )
    name = f"{language.name}, hard for a window of {window}"
    if language.automaton is not None and language.automaton.states <= _LARGE:
        try:
            return RegularLanguage(name, hard_automaton(language.automaton, window))
        except ComplexityLimit:
            pass  # the windows leave too many sets open: draw as for a counter machine
    return FilteredMembers(name, language, window)


def hard_automaton(automaton: Automaton, window: int) -> Automaton:
    """The members of a minimal automaton that contain a `window`-confusable position.

    Raises:
        ComplexityLimit: too many combinations of state and window knowledge.
    """
    table = automaton.transitions.tolist()
    same_legal = _same_legal_set(automaton)
    images: dict[tuple[int, int], int] = {}

    def image(states: int, token: int) -> int:
        key = (states, token)
        if key not in images:
            targets = {table[q][token] for q in range(len(table)) if states >> q & 1} - {-1}
            images[key] = sum(1 << target for target in targets)
        return images[key]

    def node(state: int, chain: tuple[int, ...]) -> _Node:
        if len(chain) == window + 1 and chain[-1] & ~same_legal[state]:
            return state, None
        return state, chain

    def successor(at: _Node, token: int) -> _Node | None:
        state, chain = at
        target = table[state][token]
        if target < 0 or chain is None:
            return None if target < 0 else (target, None)
        longer = [everything]
        for states in chain[:window]:
            if longer[-1].bit_count() == 1:
                break  # the state is known; longer windows add nothing
            longer.append(image(states, token))
        return node(target, tuple(longer))

    everything = (1 << automaton.states) - 1
    return Automaton.explore(
        automaton.alphabet,
        node(automaton.start, (everything,)),
        successor,
        lambda at: at[1] is None and bool(automaton.accepting[at[0]]),
        _LIMIT,
    )


def passing(automaton: Automaton, transitions: Set[tuple[int, int]]) -> Automaton:
    """The members that use at least one of these transitions (state, token)."""
    table = automaton.transitions.tolist()

    def successor(at: tuple[int, bool], token: int) -> tuple[int, bool] | None:
        state, passed = at
        target = table[state][token]
        return (target, passed or (state, token) in transitions) if target >= 0 else None

    return Automaton.explore(
        automaton.alphabet,
        (automaton.start, False),
        successor,
        lambda at: at[1] and bool(automaton.accepting[at[0]]),
    )


def _same_legal_set(automaton: Automaton) -> list[int]:
    """For each state, the states with the same legal set, as bits."""
    keys = [row.tobytes() for row in legal_table(automaton)]
    bits = dict.fromkeys(keys, 0)
    for state, key in enumerate(keys):
        bits[key] |= 1 << state
    return [bits[key] for key in keys]


class FilteredMembers:
    """Uniform members of a language, those without a confusable position thrown away."""

    def __init__(self, name: str, language: Language, window: int) -> None:
        self.name = name
        self.language = language
        self.window = window
        self._counts: dict[int, int] = {}

    def count(self, length: int) -> int:
        """How many; beyond `_COUNTABLE` members a bound: all, or 0 if hard ones are rare."""
        if length not in self._counts:
            total = self.language.count(length)
            if 0 < total <= _COUNTABLE:
                total = len(self._keep(all_members(self.language, length)))
            elif total:
                trial = self.language.draw(length, _TRIAL, np.random.default_rng(0))
                total = total if len(self._keep(trial)) else 0
            self._counts[length] = total
        return self._counts[length]

    def draw(self, length: int, count: int, generator: np.random.Generator) -> Tokens:
        """Independent uniform hard members of this length, ``[count, length]``."""
        if not self.count(length):
            raise InputError(f"{self.name}: (nearly) no member of length {length} is hard")
        parts = [np.zeros((0, length), dtype=np.int16)]
        found = drawn = 0
        while found < count:
            batch = max(16, (count - found) * (drawn + 1) // (found + 1))
            batch = min(batch, 4 * count + 64)
            parts.append(self._keep(self.language.draw(length, batch, generator)))
            found += len(parts[-1])
            drawn += batch
        return np.concatenate(parts)[:count]

    def _keep(self, members: Tokens) -> Tokens:
        ambiguous = self.language.ambiguous_batch(as_strings(members), self.window)
        return members[ambiguous.any(axis=1)]
