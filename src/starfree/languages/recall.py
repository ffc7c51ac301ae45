"""Associative recall as a machine: pairs of a key and a value, then keys that ask for theirs."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from starfree.errors import InputError
from starfree.languages.language import Growth, Language
from starfree.languages.regular import draw_letters
from starfree.languages.strings import BoolArray, Strings

SEPARATOR = "#"
_KEYS, _VALUES = "abcdefghijklmnopqrstuvwxyz", "0123456789"

# What is expected next: a key or `#`, the value of a pair; a key that was seen, its value; nothing.
KEY, VALUE, ASKED, ANSWER, DEAD = range(5)

Configuration = tuple[int, tuple[int, ...], int]


@dataclass(frozen=True)
class _Run:
    """What the machine knows after every prefix.

    Attributes:
        phase: what is expected, ``[B, L+1]``.
        asked: queries answered, ``[B, L+1]``.
        pending: the key whose value comes next, ``[B, L+1]``.
        values: the last value of each key, -1 without one, ``[B, L+1, K]``.
    """

    phase: NDArray[np.int8]
    asked: NDArray[np.int32]
    pending: NDArray[np.int16]
    values: NDArray[np.int16]


class AssociativeRecall(Language):
    """(key value)^m # (key value)^Q with m >= 1: after `#` a key seen before, and its last value.

    ``a1b0a0#a0`` is a member of `recall-2-2` (two keys, two values, one query). A key may come
    again, and then has its new value: the machine is a register a key, and star-free.
    """

    def __init__(self, name: str, keys: int, values: int, queries: int = 1) -> None:
        if keys < 2 or values < 2 or queries < 1:
            raise InputError(f"{name}: K and V must be at least 2, Q at least 1")
        self.name = name
        self.keys = keys
        self.values = values
        self.queries = queries
        self.separator = keys + values
        if keys <= len(_KEYS) and values <= len(_VALUES):
            named = (*_KEYS[:keys], *_VALUES[:values])
        else:
            named = (
                *(f"k{number}" for number in range(1, keys + 1)),
                *(f"v{number}" for number in range(1, values + 1)),
            )
        self.alphabet = (*named, SEPARATOR)
        self._known_weights: list[list[int]] = [[s**queries for s in range(keys + 1)]]

    @property
    def live_states(self) -> int:
        """At most so many live states has the automaton (whether built or not)."""
        tables = (self.values + 1) ** self.keys
        return int(tables * (1 + self.queries) + self.keys * tables * (1 + self.queries) + 1)

    def initial(self) -> Configuration:
        return KEY, (-1,) * self.keys, 0

    def successor(self, configuration: Configuration, token: int) -> Configuration | None:
        """Configurations: what is expected, the values by key, and a number.

        The number is the pending key of a pair; after `#` it is the queries answered, and within a
        query K times these plus the pending key.
        """
        phase, table, number = configuration
        value = token - self.keys
        is_key, is_value = token < self.keys, 0 <= value < self.values
        if phase == KEY:
            if is_key:
                return VALUE, table, token
            started = token == self.separator and max(table) >= 0
            return (ASKED, table, 0) if started else None
        if phase == VALUE:
            changed = (*table[:number], value, *table[number + 1 :])
            return (KEY, changed, 0) if is_value else None
        if phase == ASKED:
            fits = is_key and number < self.queries and table[token] >= 0
            return (ANSWER, table, number * self.keys + token) if fits else None
        asked, key = divmod(number, self.keys)
        return (ASKED, table, asked + 1) if is_value and table[key] == value else None

    def is_final(self, configuration: Configuration) -> bool:
        phase, _, number = configuration
        return phase == ASKED and number == self.queries

    def _run(self, strings: Strings) -> _Run:
        batch, width = strings.tokens.shape
        phase = np.zeros((width + 1, batch), dtype=np.int8)
        asked = np.zeros((width + 1, batch), dtype=np.int32)
        pending = np.zeros((width + 1, batch), dtype=np.int16)
        values = np.full((width + 1, batch, self.keys), -1, dtype=np.int16)
        rows = np.arange(batch)
        for t, token in enumerate(strings.tokens.T.astype(np.int16, order="C")):
            is_key, value = token < self.keys, token - self.keys
            is_value = (value >= 0) & (value < self.values)
            here, key = phase[t], np.where(is_key, token, 0)
            seen = values[t, rows, key] >= 0
            stored = values[t, rows, pending[t]]
            choices = (here == KEY, here == VALUE, here == ASKED, here == ANSWER)
            begun = (token == self.separator) & (values[t] >= 0).any(axis=1)
            after = (
                np.where(is_key, VALUE, np.where(begun, ASKED, DEAD)),
                np.where(is_value, KEY, DEAD),
                np.where(is_key & seen & (asked[t] < self.queries), ANSWER, DEAD),
                np.where(is_value & (stored == value), ASKED, DEAD),
            )
            phase[t + 1] = np.select(choices, after, DEAD)
            values[t + 1] = values[t]
            writes = np.flatnonzero((here == VALUE) & is_value)
            values[t + 1, writes, pending[t, writes]] = value[writes]
            pending[t + 1] = np.where(is_key, token, pending[t])
            asked[t + 1] = asked[t] + ((here == ANSWER) & (phase[t + 1] == ASKED))
        phase[strings.beyond().T] = DEAD
        return _Run(phase.T, asked.T, pending.T, values.transpose(1, 0, 2))

    def keys_seen(self, strings: Strings) -> NDArray[np.int64]:
        """How many different keys have a value after every prefix, ``[B, L+1]``."""
        seen: NDArray[np.int64] = (self._run(strings).values >= 0).sum(axis=2)
        return seen

    def legal_batch(self, strings: Strings) -> BoolArray:
        run = self._run(strings)
        rows = np.zeros((*run.phase.shape, self.end + 1), dtype=np.bool_)
        seen = run.values >= 0
        key, asked = run.phase == KEY, run.phase == ASKED
        more = asked & (run.asked < self.queries)
        rows[:, :, : self.keys] = key[:, :, None] | (more[:, :, None] & seen)
        stored = np.take_along_axis(run.values, run.pending[:, :, None].astype(np.int64), axis=2)
        answer = (run.phase == ANSWER)[:, :, None] & (stored == np.arange(self.values))
        rows[:, :, self.keys : self.separator] = (run.phase == VALUE)[:, :, None] | answer
        rows[:, :, self.separator] = key & seen.any(axis=2)
        rows[:, :, self.end] = asked & (run.asked == self.queries)
        return rows

    def accepts_batch(self, strings: Strings) -> BoolArray:
        rows = self.legal_batch(strings)
        accepted: BoolArray = rows[np.arange(len(strings)), strings.lengths, self.end]
        return accepted

    def _weights(self, pairs: int) -> list[list[int]]:
        """Entry ``[m][s]``: keys of m more pairs and of all queries when s keys were seen."""
        known = self._known_weights
        while len(known) <= pairs:
            last = known[-1]
            known.append(
                [
                    s * last[s] + ((self.keys - s) * last[s + 1] if s < self.keys else 0)
                    for s in range(self.keys + 1)
                ]
            )
        return known

    def _pairs(self, length: int) -> int:
        """Of a member of this length; 0 if there is none."""
        symbols = length - 1 - 2 * self.queries
        return symbols // 2 if symbols > 0 and symbols % 2 == 0 else 0

    def _count(self, length: int) -> int:
        pairs = self._pairs(length)
        return int(self.values**pairs * self._weights(pairs)[pairs][0]) if pairs else 0

    def _draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        pairs = self._pairs(length)
        weights = self._weights(pairs)
        # The s-th key to be seen is `order[s]`: new keys are uniform among the unseen ones.
        order = generator.random((count, self.keys)).argsort(axis=1).astype(np.int16)
        seen = np.zeros(count, dtype=np.int32)
        table = np.zeros((count, self.keys), dtype=np.int16)
        rows = np.arange(count)
        tokens = np.empty((count, length), dtype=np.int16)
        for t in range(pairs):
            new = draw_letters(self._log_ways(weights[pairs - t - 1]), seen, generator) == 1
            old = (generator.random(count) * seen).astype(np.int32)
            key = order[rows, np.where(new, seen, old)]
            value = generator.integers(self.values, size=count, dtype=np.int16)
            table[rows, key] = value
            tokens[:, 2 * t], tokens[:, 2 * t + 1] = key, self.keys + value
            seen = (seen + new).astype(np.int32)
        tokens[:, 2 * pairs] = self.separator
        for t in range(2 * pairs + 1, length, 2):
            key = order[rows, (generator.random(count) * seen).astype(np.int32)]
            tokens[:, t], tokens[:, t + 1] = key, self.keys + table[rows, key]
        return tokens

    def _log_ways(self, rest: list[int]) -> NDArray[np.float64]:
        """log2 of the ways through a key seen before and through a new one, ``[K + 1, 2]``."""
        old = [s * rest[s] for s in range(self.keys + 1)]
        new = [(self.keys - s) * rest[s + 1] for s in range(self.keys)] + [0]
        return np.array(
            [[log2(n) if n else -np.inf for n in ways] for ways in zip(old, new, strict=True)]
        )

    def ambiguous_batch(self, strings: Strings, window: int) -> BoolArray:
        run = self._run(strings)
        live: BoolArray = run.phase != DEAD
        t = np.arange(run.phase.shape[1])
        if window == 0:
            return live
        seen = _Sight(self, strings.tokens, window)
        is_open = np.zeros_like(live)
        # Without the separator in sight, pairs look like queries if they agree with one another,
        # and queries always look like pairs.
        fits = seen.consistent & (seen.values <= self.queries - (run.phase == VALUE))
        is_open |= ((run.phase == KEY) | (run.phase == VALUE)) & fits
        asks = (run.phase == ASKED) | (run.phase == ANSWER)
        is_open |= asks & (seen.separator < 0)
        # With the separator in sight it is known how many queries there were. Open may be which
        # keys were seen before it, and the value of one that nothing in sight tells.
        told = asks & (seen.separator >= 0)
        alone = seen.before == 1  # nothing but the value of the last pair
        found = seen.known.sum(axis=2)
        # That value is the last of its own key: of one that was asked for, or of another.
        another = alone & ~seen.answered
        is_open |= (
            told & (run.phase == ASKED) & (run.asked < self.queries) & (found + another < self.keys)
        )
        key = run.pending[:, :, None].astype(np.int64)
        own = np.take_along_axis(seen.known, key, axis=2)[:, :, 0]
        only = another & (found == self.keys - 1)
        is_open |= told & (run.phase == ANSWER) & ~own & ~only
        ambiguous: BoolArray = is_open & (t >= window) & live
        return ambiguous

    def definiteness(self, limit: int = 64) -> int | None:
        return None  # any number of pairs may stand between a key and its query

    @property
    def growth(self) -> Growth:
        return "exponential"

    @property
    def nested(self) -> bool:
        return False


class _Sight:
    """What the last symbols before every place show, each ``[B, L+1]``.

    Attributes:
        separator: symbols since `#`, -1 if it is out of sight.
        before: symbols in sight before `#`.
        known: keys whose value is in sight, ``[B, L+1, K]``.
        values: how many values are in sight.
        consistent: no key in sight has two values, and the first value, if its key is out of
            sight, can be that of some key.
        answered: the value right before `#`, its key being out of sight, was given to a query.
    """

    def __init__(self, language: AssociativeRecall, tokens: NDArray[np.int16], window: int) -> None:
        batch, width = tokens.shape
        shape = (batch, width + 1)
        keys = language.keys
        self.separator = np.full(shape, -1)
        self.before = np.zeros(shape, dtype=np.int64)
        self.known = np.zeros((*shape, keys), dtype=np.bool_)
        self.values = np.zeros(shape, dtype=np.int64)
        self.consistent = np.zeros(shape, dtype=np.bool_)
        self.answered = np.zeros(shape, dtype=np.bool_)
        for t in range(window, width + 1):
            table = np.full((batch, keys), -1)
            clash = np.zeros(batch, dtype=np.bool_)
            pending = np.full(batch, -1)
            loose = np.full(batch, -1)  # a value whose key is out of sight
            for place in range(t - window, t):
                token = tokens[:, place].astype(np.int64)
                value = token - keys
                is_key = token < keys
                is_value = (value >= 0) & (value < language.values)
                is_separator = token == language.separator
                if place == t - window:
                    loose[is_value] = value[is_value]
                self.separator[:, t] += is_separator | (self.separator[:, t] >= 0)
                self.before[is_separator, t] = place - (t - window)
                stored = np.flatnonzero(is_value & (pending >= 0))
                old = table[stored, pending[stored]]
                clash[stored] |= (old >= 0) & (old != value[stored])
                table[stored, pending[stored]] = value[stored]
                self.values[:, t] += is_value
                pending = np.where(is_key, token, -1)
            self.known[:, t] = table >= 0
            same = table == loose[:, None]
            free = (loose < 0) | same.any(axis=1) | (table < 0).any(axis=1)
            self.consistent[:, t] = ~clash & free
            self.answered[:, t] = (loose >= 0) & same.any(axis=1)
