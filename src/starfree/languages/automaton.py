"""Finite automata as integer tables: build, run, combine, minimise, compare."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from starfree.errors import ComplexityLimit, InputError
from starfree.languages.graphs import shortest_word
from starfree.languages.strings import BoolArray, IntArray, Strings

STATE_LIMIT = 20_000

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Automaton:
    """A deterministic automaton, complete or partial.

    The automaton of the empty language may have no state at all; then `start` is -1.

    Attributes:
        alphabet: the symbols; token i is ``alphabet[i]``.
        transitions: int32 ``[states, symbols]``, -1 where there is no transition.
        start: the start state, or -1.
        accepting: bool ``[states]``.
    """

    alphabet: tuple[str, ...]
    transitions: NDArray[np.int32]
    start: int
    accepting: BoolArray

    @classmethod
    def explore(
        cls,
        alphabet: Sequence[str],
        start: State,
        successor: Callable[[State, int], State | None],
        accepting: Callable[[State], bool],
        limit: int = STATE_LIMIT,
    ) -> Automaton:
        """The reachable part of a machine, states numbered breadth first in alphabet order.

        Args:
            alphabet: the symbols.
            start: any hashable description of the start state.
            successor: the state after a token, or None for no transition.
            accepting: whether a state accepts.
            limit: how many states may be built.

        Raises:
            ComplexityLimit: more than `limit` states are reachable.
        """
        states = [start]
        index = {start: 0}
        rows: list[list[int]] = []
        while len(rows) < len(states):
            row = []
            for token in range(len(alphabet)):
                state = successor(states[len(rows)], token)
                if state is None:
                    row.append(-1)
                    continue
                number = index.setdefault(state, len(states))
                if number == len(states):
                    states.append(state)
                row.append(number)
            rows.append(row)
            if len(states) > limit:
                raise ComplexityLimit(f"automaton grows beyond the limit of {limit} states")
        table = np.array(rows, dtype=np.int32).reshape(len(rows), len(alphabet))
        return cls(tuple(alphabet), table, 0, np.array([accepting(state) for state in states]))

    @classmethod
    def from_nfa(
        cls,
        alphabet: Sequence[str],
        successors: Sequence[Sequence[int]],
        start: int,
        accepting: int,
        limit: int = STATE_LIMIT,
    ) -> Automaton:
        """Subset construction; sets of states are bit masks.

        Args:
            alphabet: the symbols.
            successors: ``successors[state][token]`` is the set of next states.
            start: the set of start states.
            accepting: the set of accepting states.
            limit: how many deterministic states may be built.

        Raises:
            ComplexityLimit: more than `limit` states.
        """

        def successor(subset: int, token: int) -> int | None:
            union = 0
            while subset:
                lowest = subset & -subset
                union |= successors[lowest.bit_length() - 1][token]
                subset ^= lowest
            return union or None

        return cls.explore(alphabet, start, successor, lambda s: bool(s & accepting), limit)

    @property
    def states(self) -> int:
        """The number of states."""
        return len(self.accepting)

    @property
    def is_complete(self) -> bool:
        """Whether every state has a transition on every symbol."""
        return self.start >= 0 and bool((self.transitions >= 0).all())

    def run(self, tokens: Sequence[int] | IntArray) -> int:
        """The state after `tokens`, or -1."""
        state = self.start
        for token in tokens:
            if state < 0:
                break
            state = int(self.transitions[state, token])
        return state

    def accepts(self, tokens: Sequence[int] | IntArray) -> bool:
        """Membership of one string."""
        state = self.run(tokens)
        return state >= 0 and bool(self.accepting[state])

    def run_batch(self, strings: Strings) -> NDArray[np.int32]:
        """The state after every prefix, int32 ``[B, L+1]``.

        -1 after a missing transition and beyond a string's own length.
        """
        symbols, sink = len(self.alphabet), self.states
        # Flat: entry ``state * symbols + token`` is ``next state * symbols``; a sink comes last.
        table = np.full((sink + 1, symbols), sink, dtype=np.int32)
        table[:sink] = np.where(self.transitions < 0, sink, self.transitions)
        flat = (table * symbols).ravel()
        steps = strings.tokens.T.astype(np.int32, order="C")
        states = np.empty((len(steps) + 1, len(strings)), dtype=np.int32)
        states[0] = (self.start if self.start >= 0 else sink) * symbols
        for t, step in enumerate(steps):
            step += states[t]
            # Indices are in range by construction; "clip" spares numpy a check and a buffer.
            np.take(flat, step, out=states[t + 1], mode="clip")
        states //= symbols
        states[(states == sink) | strings.beyond().T] = -1
        return np.ascontiguousarray(states.T)

    def completions(self) -> Iterator[NDArray[np.object_]]:
        """Exact counts: the t-th item holds, per state, how many words of length t it accepts."""
        counts = np.append(self.accepting, False).astype(int).astype(object)
        while True:
            yield counts[:-1]
            counts = np.append(counts[self.transitions].sum(axis=1), 0)

    def count(self, length: int) -> int:
        """How many words of exactly `length` symbols are accepted (exact)."""
        if self.start < 0:
            return 0
        return int(next(islice(self.completions(), length, None))[self.start])

    def complete(self) -> Automaton:
        """The same language with a transition everywhere: adds one sink if one is missing."""
        if self.is_complete:
            return self
        sink = self.states
        table = np.vstack([self.transitions, np.full((1, len(self.alphabet)), -1, dtype=np.int32)])
        start = self.start if self.start >= 0 else sink
        accepting = np.append(self.accepting, False)
        return Automaton(self.alphabet, np.where(table < 0, sink, table), start, accepting)

    def trim(self) -> Automaton:
        """Keep the states that are reachable and can still accept, in their order."""
        forward = [[int(t) for t in row if t >= 0] for row in self.transitions]
        backward: list[list[int]] = [[] for _ in forward]
        for state, targets in enumerate(forward):
            for target in targets:
                backward[target].append(state)
        reachable = _closure([self.start] if self.start >= 0 else [], forward)
        live = _closure(np.flatnonzero(self.accepting).tolist(), backward)
        return self._renumber(sorted(reachable & live))

    def _renumber(self, kept: Sequence[int]) -> Automaton:
        """The automaton on the states `kept`, in this order; transitions to others are lost."""
        number = np.full(self.states + 1, -1, dtype=np.int32)
        number[list(kept)] = np.arange(len(kept), dtype=np.int32)
        table = number[self.transitions[list(kept)]].reshape(len(kept), len(self.alphabet))
        start = int(number[self.start]) if self.start >= 0 else -1
        return Automaton(self.alphabet, table, start, self.accepting[list(kept)])

    def minimise(self) -> Automaton:
        """The minimal trimmed partial automaton, numbered breadth first in alphabet order.

        Hopcroft's algorithm. Equal languages (over equal alphabets) give equal tables.
        """
        trimmed = self.trim()
        if trimmed.states == 0:
            return trimmed
        whole = trimmed.complete()
        classes = _equivalence_classes(whole.transitions.tolist(), whole.accepting.tolist())
        # Numbered anew: where every state accepts, one of the two first classes is empty.
        _, representatives, class_of = np.unique(classes, return_index=True, return_inverse=True)
        quotient = Automaton(
            self.alphabet,
            class_of[whole.transitions[representatives]].astype(np.int32),
            int(class_of[whole.start]),
            whole.accepting[representatives],
        ).trim()
        order = [quotient.start]
        seen = set(order)
        for state in order:
            for target in quotient.transitions[state].tolist():
                if target >= 0 and target not in seen:
                    seen.add(target)
                    order.append(target)
        return quotient._renumber(order)

    def complement(self) -> Automaton:
        """All words over the alphabet that this automaton rejects."""
        whole = self.complete()
        return Automaton(self.alphabet, whole.transitions, whole.start, ~whole.accepting)

    def product(
        self, other: Automaton, keep: Callable[[bool, bool], bool], limit: int = STATE_LIMIT
    ) -> Automaton:
        """The words w with ``keep(self accepts w, other accepts w)``, e.g. `operator.and_`.

        Raises:
            InputError: the alphabets differ.
            ComplexityLimit: more than `limit` pairs of states.
        """
        if self.alphabet != other.alphabet:
            raise InputError(
                f"automata over different alphabets: {' '.join(self.alphabet)} "
                f"and {' '.join(other.alphabet)}"
            )
        # A last row and column that list indices of -1 fall on: missing stays missing.
        left = [*self.transitions.tolist(), [-1] * len(self.alphabet)]
        right = [*other.transitions.tolist(), [-1] * len(self.alphabet)]
        left_accepts = [*self.accepting.tolist(), False]
        right_accepts = [*other.accepting.tolist(), False]
        dead = None if keep(False, False) else (-1, -1)

        def successor(pair: tuple[int, int], token: int) -> tuple[int, int] | None:
            following = (left[pair[0]][token], right[pair[1]][token])
            return None if following == dead else following

        return Automaton.explore(
            self.alphabet,
            (self.start, other.start),
            successor,
            lambda pair: keep(left_accepts[pair[0]], right_accepts[pair[1]]),
            limit,
        )

    def reverse(self) -> Automaton:
        """The words of this automaton read backwards (minimal)."""
        successors = [[0] * len(self.alphabet) for _ in range(self.states)]
        for state, row in enumerate(self.transitions.tolist()):
            for token, target in enumerate(row):
                if target >= 0:
                    successors[target][token] |= 1 << state
        start = sum(1 << int(state) for state in np.flatnonzero(self.accepting))
        accepting = 1 << self.start if self.start >= 0 else 0
        return Automaton.from_nfa(self.alphabet, successors, start, accepting).minimise()

    def over(self, alphabet: Sequence[str]) -> Automaton:
        """The same language over another alphabet that contains all of this one's symbols."""
        table = np.full((self.states, len(alphabet)), -1, dtype=np.int32)
        table[:, [tuple(alphabet).index(symbol) for symbol in self.alphabet]] = self.transitions
        return Automaton(tuple(alphabet), table, self.start, self.accepting)

    def distinguish(self, other: Automaton) -> tuple[int, ...] | None:
        """A shortest word (tokens) that exactly one of the two accepts; None if they are equal.

        Raises:
            InputError: the alphabets differ (see `over`).
        """
        difference = self.product(other, lambda left, right: left != right, limit=2_000_000)
        return difference.shortest_word()

    def shortest_word(self) -> tuple[int, ...] | None:
        """The first accepted word by length, then alphabet order; None for the empty language."""
        accepting = np.flatnonzero(self.accepting).tolist()
        try:
            return shortest_word(self.transitions.tolist(), self.start, accepting)
        except LookupError:
            return None


def _closure(start: Sequence[int], neighbours: Sequence[Sequence[int]]) -> set[int]:
    """All nodes reachable from `start`."""
    seen = set(start)
    stack = list(seen)
    while stack:
        for node in neighbours[stack.pop()]:
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return seen


def _equivalence_classes(transitions: list[list[int]], accepting: list[bool]) -> list[int]:
    """Nerode classes of a complete automaton (Hopcroft 1971), as one class number a state."""
    symbols = len(transitions[0])
    predecessors: list[list[list[int]]] = [[[] for _ in transitions] for _ in range(symbols)]
    for state, row in enumerate(transitions):
        for token, target in enumerate(row):
            predecessors[token][target].append(state)
    class_of = [int(accepts) for accepts in accepting]
    classes: list[set[Any]] = [
        {state for state, number in enumerate(class_of) if number == wanted} for wanted in (0, 1)
    ]
    pending = {0, 1}
    while pending:
        splitter = list(classes[pending.pop()])
        for before in predecessors:
            hit: dict[int, list[int]] = {}
            for state in splitter:
                for source in before[state]:
                    hit.setdefault(class_of[source], []).append(source)
            for number, members in hit.items():
                rest = classes[number]
                if len(members) == len(rest):
                    continue
                fresh = len(classes)
                rest.difference_update(members)
                classes.append(set(members))
                for member in members:
                    class_of[member] = fresh
                # Hopcroft's point: of two halves the smaller one is enough as a splitter.
                if number in pending or len(members) <= len(rest):
                    pending.add(fresh)
                else:
                    pending.add(number)
    return class_of
