"""A regular language: exact labels, counts and uniform draws from its minimal automaton."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton
from starfree.languages.graphs import components
from starfree.languages.language import Growth, Language
from starfree.languages.strings import BoolArray, Strings


class RegularLanguage(Language):
    """The language of a finite automaton, kept minimal and partial.

    All states of `automaton` are live (the empty language has none). Its state is the target of
    task `state`.
    """

    def __init__(self, name: str, automaton: Automaton) -> None:
        self.name = name
        self.alphabet = automaton.alphabet
        self._automaton = automaton.minimise()
        self._completions = [self.automaton.accepting.astype(int).astype(object)]
        self._log_completions = [_log2(self.automaton.accepting)]
        self._knowledge = WindowKnowledge(self.automaton)

    @property
    def automaton(self) -> Automaton:
        return self._automaton

    @cached_property
    def _legal_rows(self) -> BoolArray:
        """Legal sets, bool ``[states + 1, n + 1]``; the last row is empty, for state -1."""
        return np.concatenate([legal_table(self.automaton), np.zeros((1, self.end + 1), np.bool_)])

    def legal_batch(self, strings: Strings) -> BoolArray:
        rows: BoolArray = np.take(self._legal_rows, self.state_batch(strings), axis=0)
        return rows

    def accepts_batch(self, strings: Strings) -> BoolArray:
        last = self.state_batch(strings)[np.arange(len(strings)), strings.lengths]
        accepted: BoolArray = self._legal_rows[last, self.end]
        return accepted

    def state_batch(self, strings: Strings) -> NDArray[np.int32]:
        return self.automaton.run_batch(strings)

    def initial(self) -> int | None:
        return self.automaton.start if self.automaton.states else None

    def successor(self, configuration: int, token: int) -> int | None:
        target = int(self.automaton.transitions[configuration, token])
        return target if target >= 0 else None

    def is_final(self, configuration: int) -> bool:
        return bool(self.automaton.accepting[configuration])

    def _count(self, length: int) -> int:
        table = self.automaton.transitions
        while len(self._completions) <= length:
            # -1 picks the zero appended for "no transition".
            previous = np.append(self._completions[-1], 0)
            self._completions.append(previous[table].sum(axis=1))
        return int(self._completions[length][self.automaton.start]) if self.automaton.states else 0

    def _log_counts(self, length: int) -> list[NDArray[np.float64]]:
        """log2 of the number of completions of each state, for every length up to `length`."""
        table = self.automaton.transitions
        while len(self._log_completions) <= length:
            previous = np.append(self._log_completions[-1], -np.inf)
            self._log_completions.append(np.logaddexp2.reduce(previous[table], axis=1))
        return self._log_completions

    def _draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        logs = self._log_counts(length)
        table = self.automaton.transitions
        tokens = np.empty((length, count), dtype=np.int16)
        state = np.full(count, self.automaton.start, dtype=np.int32)
        for t in range(length):
            remaining = np.append(logs[length - t - 1], -np.inf)[table]
            tokens[t] = draw_letters(remaining, state, generator)
            state = table[state, tokens[t]]
        return np.ascontiguousarray(tokens.T)

    def ambiguous_batch(self, strings: Strings, window: int) -> BoolArray:
        states = self.state_batch(strings)
        ambiguous = np.zeros(states.shape, dtype=np.bool_)
        positions = states.shape[1] - window
        if positions <= 0:
            return ambiguous
        sets, open_sets = self._knowledge.table(window)
        tokens = strings.tokens
        known = np.zeros((len(strings), positions), dtype=np.int32)
        for age in range(window):
            known = sets[known, tokens[:, age : age + positions]]
        ambiguous[:, window:] = open_sets[known]
        return ambiguous & (states >= 0)

    def definiteness(self, limit: int = 64) -> int | None:
        # Pairs of states that some word of length k leads to states with different legal sets.
        patterns = _patterns(self.automaton)
        confusable = patterns[:, None] != patterns[None, :]
        for k in range(limit + 1):
            if not confusable.any():
                return k
            longer = np.zeros_like(confusable)
            for targets in self.automaton.transitions.T:
                sources = np.flatnonzero(targets >= 0)
                reached = targets[sources]
                longer[np.ix_(sources, sources)] |= confusable[np.ix_(reached, reached)]
            if np.array_equal(longer, confusable):
                return None
            confusable = longer
        return None

    @cached_property
    def growth(self) -> Growth:
        table = self.automaton.transitions.tolist()
        component = components(table)
        if not table:
            return "bounded"
        inner = [0] * (max(component) + 1)
        size = [0] * (max(component) + 1)
        for state, row in enumerate(table):
            size[component[state]] += 1
            inner[component[state]] += sum(
                1 for target in row if target >= 0 and component[target] == component[state]
            )
        if any(edges > states for edges, states in zip(inner, size, strict=True)):
            return "exponential"
        # Components are numbered so that edges lead to lower numbers: the most cycles on a path.
        cycles = [int(edges > 0) for edges in inner]
        longest = [0] * len(cycles)
        order = sorted(range(len(table)), key=lambda state: component[state])
        for state in order:
            here = component[state]
            below = [component[t] for t in table[state] if t >= 0 and component[t] != here]
            longest[here] = max(
                longest[here], cycles[here] + max((longest[c] for c in below), default=0)
            )
        return "polynomial" if max(longest) > 1 else "bounded"

    @cached_property
    def nested(self) -> bool:
        return bool(((self.automaton.transitions >= 0).sum(axis=1) <= 1).all())


class WindowKnowledge:
    """What the last symbols tell about the state: the sets of states that a window leaves open."""

    def __init__(self, automaton: Automaton, limit: int = 200_000) -> None:
        self.automaton = automaton
        self.limit = limit
        self._tables: dict[int, tuple[NDArray[np.int32], BoolArray]] = {}

    def table(self, window: int) -> tuple[NDArray[np.int32], BoolArray]:
        """The sets left open by words of up to `window` symbols after an unknown past.

        Returns:
            int32 ``[sets, symbols]``: from set to set (set 0 is "all live states"), and bool
            ``[sets]``: whether the states of the set have different legal sets.

        Raises:
            ComplexityLimit: too many sets.
        """
        if window not in self._tables:
            self._tables[window] = self._explore(window)
        return self._tables[window]

    def _explore(self, window: int) -> tuple[NDArray[np.int32], BoolArray]:
        unread = window
        table = self.automaton.transitions
        patterns = _patterns(self.automaton)
        everything = np.arange(self.automaton.states)
        number = {everything.tobytes(): 0}
        sets = [everything]
        rows: list[list[int]] = []
        layer_end = 1
        for index, states in enumerate(sets):
            if index == layer_end:
                unread -= 1
                layer_end = len(sets)
            row = []
            for token in range(table.shape[1]):
                if unread <= 0:
                    row.append(index)  # deeper than the window: never looked up
                    continue
                image = np.unique(table[states, token])
                image = image[image >= 0]
                key = image.tobytes()
                if key not in number:
                    if len(sets) >= self.limit:
                        raise ComplexityLimit(
                            f"windows of {window} symbols leave more than {self.limit} sets of "
                            "states open; take a shorter window"
                        )
                    number[key] = len(sets)
                    sets.append(image)
                row.append(number[key])
            rows.append(row)
        is_open = np.array([len(np.unique(patterns[states])) > 1 for states in sets])
        return np.array(rows, dtype=np.int32).reshape(len(sets), -1), is_open


def draw_letters(
    log_weights: NDArray[np.float64], state: NDArray[np.int32], generator: np.random.Generator
) -> NDArray[np.int16]:
    """One letter for each string, with probability proportional to ``2 ** log_weights[state]``.

    Args:
        log_weights: ``[states, symbols]``, -inf where a letter cannot come.
        state: ``[B]``.
        generator: the source of randomness; one number a string is drawn.
    """
    largest = log_weights.max(axis=1, keepdims=True)
    weights = np.exp2(log_weights - np.where(np.isfinite(largest), largest, 0.0))
    cumulative = weights.cumsum(axis=1)
    with np.errstate(invalid="ignore"):
        cumulative /= cumulative[:, -1:]  # letters after the last possible one get exactly 1.0
    uniform = generator.random(len(state))
    letters: NDArray[np.int16] = (
        (uniform[:, None] >= cumulative[state]).sum(axis=1).astype(np.int16)
    )
    return letters


def legal_table(automaton: Automaton) -> BoolArray:
    """The legal set of every state of a trimmed automaton, bool ``[states, symbols + 1]``."""
    return np.concatenate([automaton.transitions >= 0, automaton.accepting[:, None]], axis=1)


def _patterns(automaton: Automaton) -> NDArray[np.intp]:
    """A number for the legal set of every state, ``[states]``."""
    return np.unique(legal_table(automaton), axis=0, return_inverse=True)[1].ravel()


def _log2(values: BoolArray) -> NDArray[np.float64]:
    return np.where(values, 0.0, -np.inf)
