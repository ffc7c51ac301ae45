"""Counter languages: shuffles of Dyck-1, Boolean expressions, equal blocks.

All are read by unbounded integer counters. Labels come from cumulative sums, counts and uniform
draws from the structure of each language (Bhattamishra et al. 2020 define them).
"""

from __future__ import annotations

from itertools import pairwise
from math import comb, log

import numpy as np
from numpy.typing import NDArray

from starfree.errors import InputError
from starfree.languages.language import Growth, Language
from starfree.languages.regular import draw_letters
from starfree.languages.strings import BoolArray, Strings

PAIRS = ("()", "[]", "{}", "<>", "+-", "ab")
OPERATORS = ("~", "+", ">", "*", "^")


class CounterLanguage(Language):
    """What the counter languages share: no finite automaton, never predictively definite."""

    def definiteness(self, limit: int = 64) -> int | None:
        return None

    @property
    def growth(self) -> Growth:
        return "exponential"

    @property
    def nested(self) -> bool:
        return False

    def accepts_batch(self, strings: Strings) -> BoolArray:
        rows = self.legal_batch(strings)
        accepted: BoolArray = rows[np.arange(len(strings)), strings.lengths, self.end]
        return accepted


class Shuffle(CounterLanguage):
    """K independent balanced counters, any interleaving; K = 1 is Dyck-1.

    ``([)]`` is a member of `shuffle-2`: the pairs need not be nested in each other.
    """

    def __init__(self, name: str, pairs: int) -> None:
        self.name = name
        self.pairs = pairs
        if pairs <= len(PAIRS):
            self.alphabet = tuple("".join(PAIRS[:pairs]))
        else:
            self.alphabet = tuple(s for j in range(1, pairs + 1) for s in (f"({j}", f"{j})"))
        self._known_counts: list[list[int]] = [[] for _ in range(pairs)]

    def _depths(self, strings: Strings) -> NDArray[np.int32]:
        """Every counter after every prefix, ``[K, B, L+1]``; -1 where dead."""
        batch, width = strings.tokens.shape
        depths = np.zeros((self.pairs, batch, width + 1), dtype=np.int32)
        dead = np.zeros((batch, width + 1), dtype=np.bool_)
        for pair, depth in enumerate(depths):
            steps = np.zeros(len(self.alphabet), dtype=np.int32)
            steps[2 * pair : 2 * pair + 2] = 1, -1
            np.cumsum(steps[strings.tokens], axis=1, out=depth[:, 1:])
            dead |= depth < 0
        np.logical_or.accumulate(dead, axis=1, out=dead)
        depths[:, dead | strings.beyond()] = -1
        return depths

    def legal_batch(self, strings: Strings) -> BoolArray:
        depths = self._depths(strings)
        rows = np.empty((*depths.shape[1:], self.end + 1), dtype=np.bool_)
        rows[:, :, 0 : self.end : 2] = (depths[0] >= 0)[:, :, None]
        for pair, depth in enumerate(depths):
            rows[:, :, 2 * pair + 1] = depth > 0
        rows[:, :, self.end] = (depths == 0).all(axis=0)
        return rows

    def initial(self) -> tuple[int, ...]:
        return (0,) * self.pairs

    def successor(self, configuration: tuple[int, ...], token: int) -> tuple[int, ...] | None:
        pair, closes = divmod(token, 2)
        depth = configuration[pair] + (-1 if closes else 1)
        return (*configuration[:pair], depth, *configuration[pair + 1 :]) if depth >= 0 else None

    def is_final(self, configuration: tuple[int, ...]) -> bool:
        return not any(configuration)

    def _count(self, length: int) -> int:
        if length % 2:
            return 0
        return self._counts(length // 2)[-1][length // 2]

    def _counts(self, half: int) -> list[list[int]]:
        """Entry ``[k-1][m]``: members of shuffle-k of length 2m, by the product rule."""
        known = self._known_counts
        for m in range(len(known[0]), half + 1):
            known[0].append(comb(2 * m, m) // (m + 1))
            places = [comb(2 * m, 2 * i) for i in range(m + 1)]
            for fewer, more in pairwise(known):
                more.append(sum(places[i] * known[0][i] * fewer[m - i] for i in range(m + 1)))
        return known

    def _draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        remaining = 2 * self._allocate(length // 2, count, generator)
        depth = np.zeros((count, self.pairs), dtype=np.int64)
        # A random interleaving: positions in random order, the first 2*m_1 to pair 1, and so on.
        order = generator.random((count, length)).argsort(axis=1)
        bounds = remaining.cumsum(axis=1)
        pair = (order[:, :, None] >= bounds[:, None, :]).sum(axis=2)
        tokens = np.empty((count, length), dtype=np.int16)
        rows = np.arange(count)
        for t in range(length):
            j = pair[:, t]
            d, r = depth[rows, j], remaining[rows, j]
            # Of the ways to bring depth d to 0 in r steps, this share opens first (ballot numbers).
            opens = generator.random(count) * (2 * r * (d + 1)) < (d + 2) * (r - d)
            depth[rows, j] += np.where(opens, 1, -1)
            remaining[rows, j] -= 1
            tokens[:, t] = 2 * j + ~opens
        return tokens

    def _allocate(self, half: int, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """How many brackets each pair opens, ``[count, K]``."""
        logs = [np.array([log(value) for value in row]) for row in self._counts(half)]
        factorials = np.concatenate([[0.0], np.log(np.arange(1, 2 * half + 1)).cumsum()])
        shares = np.zeros((count, self.pairs), dtype=np.int64)
        left = np.full(count, half)
        for k in range(self.pairs - 1, 0, -1):
            for m in np.unique(left).tolist():
                i = np.arange(m + 1)
                # Places for this pair among those left, times its words, times the other pairs'.
                weights = (
                    logs[0][i] - factorials[2 * i] - factorials[2 * (m - i)] + logs[k - 1][m - i]
                )
                weights = np.exp(weights - weights.max())
                rows = np.flatnonzero(left == m)
                shares[rows, k] = generator.choice(m + 1, len(rows), p=weights / weights.sum())
            left -= shares[:, k]
        shares[:, 0] = left
        return shares

    def ambiguous_batch(self, strings: Strings, window: int) -> BoolArray:
        # The closing bit of a pair is open iff the count may have been 0 just now: iff it stands
        # at its lowest value within the window.
        depths = self._depths(strings)
        ambiguous: BoolArray = np.zeros(depths[0].shape, dtype=np.bool_)
        for depth in depths:
            ambiguous |= depth == trailing_minimum(depth, window)
        result: BoolArray = ambiguous & (depths[0] >= 0) & (np.arange(depths.shape[2]) >= window)
        return result


class BooleanExpressions(CounterLanguage):
    """Prefix expressions over 0, 1 and one operator of each arity 1..N; ``+ 0 ~ 1`` is a member."""

    def __init__(self, name: str, arity: int) -> None:
        if arity < 2:
            raise InputError(f"{name}: N must be at least 2 (for 1 write `regex:~*(0|1)` quoted)")
        self.name = name
        names = [*OPERATORS, *(f"o{i}" for i in range(len(OPERATORS) + 1, arity + 1))]
        self.alphabet = ("0", "1", *names[:arity])
        self.arity = arity
        self._log_completions = [np.array([0.0])]

    def _open(self, strings: Strings) -> NDArray[np.int32]:
        """Operands still owed after every prefix, ``[B, L+1]``; -1 where dead."""
        batch, width = strings.tokens.shape
        steps = np.array([-1, -1, *range(self.arity)], dtype=np.int32)
        owed = np.ones((batch, width + 1), dtype=np.int32)
        np.cumsum(steps[strings.tokens], axis=1, out=owed[:, 1:])
        owed[:, 1:] += 1
        done = np.zeros_like(owed, dtype=np.bool_)
        np.logical_or.accumulate(owed[:, :-1] <= 0, axis=1, out=done[:, 1:])
        owed[done | strings.beyond()] = -1
        return owed

    def legal_batch(self, strings: Strings) -> BoolArray:
        owed = self._open(strings)
        rows = np.empty((*owed.shape, self.end + 1), dtype=np.bool_)
        rows[:, :, : self.end] = (owed > 0)[:, :, None]
        rows[:, :, self.end] = owed == 0
        return rows

    def initial(self) -> int:
        return 1

    def successor(self, configuration: int, token: int) -> int | None:
        return configuration + (token - 2 if token > 1 else -1) if configuration else None

    def is_final(self, configuration: int) -> bool:
        return configuration == 0

    def _count(self, length: int) -> int:
        """By the cycle lemma: the coefficient of x^(L-1) in (2 + x + .. + x^N)^L, over L."""
        if length == 0:
            return 0
        coefficients = [2**length]
        for k in range(1, length):
            terms = (
                (i * length - (k - i)) * coefficients[k - i]
                for i in range(1, self.arity + 1)
                if i <= k
            )
            coefficients.append(sum(terms) // (2 * k))
        return int(coefficients[length - 1] // length)

    def _log_counts(self, length: int) -> list[NDArray[np.float64]]:
        """Entry r: log2 of the expressions of r symbols that c = 0..r operands owed allow."""
        known = self._log_completions
        while len(known) <= length:
            r = len(known)
            previous = np.concatenate([known[-1], np.full(self.arity + 1, -np.inf)])
            weights = [previous[0:r] + 1.0]  # two operands
            weights += [previous[i : r + i] for i in range(1, self.arity + 1)]
            known.append(np.concatenate([[-np.inf], np.logaddexp2.reduce(np.array(weights))]))
        return known

    def _draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        logs = self._log_counts(length)
        steps = np.array([-1, -1, *range(self.arity)])
        tokens = np.empty((count, length), dtype=np.int16)
        owed = np.ones(count, dtype=np.int32)
        for t in range(length):
            rest = np.concatenate([logs[length - t - 1], np.full(self.arity + 2, -np.inf)])
            reached = np.arange(length - t + 1)[:, None] + steps  # state 0 is never left
            tokens[:, t] = draw_letters(rest[reached], owed, generator)
            owed = (owed + steps[tokens[:, t]]).astype(np.int32)
        return tokens

    def ambiguous_batch(self, strings: Strings, window: int) -> BoolArray:
        # The expression may just have ended iff it now owes less than anywhere in the window.
        owed = self._open(strings)
        before = np.full_like(owed, owed.max(initial=0) + 1)
        if window:
            before[:, 1:] = trailing_minimum(owed, window - 1)[:, :-1]
        return (owed < before) & (owed >= 0) & (np.arange(owed.shape[1]) >= window)


class EqualBlocks(CounterLanguage):
    """a^n b^n .. with n >= 1 and `letters` blocks; ``aabbcc`` is a member of `anbncn`."""

    def __init__(self, name: str, letters: int) -> None:
        self.name = name
        self.alphabet = tuple("abcdefghijklmnopqrstuvwxyz"[:letters])

    @property
    def growth(self) -> Growth:
        return "bounded"

    def _blocks(self, strings: Strings) -> tuple[NDArray[np.int64], BoolArray]:
        """Length n of each leading block, ``[B, 1]``, and which prefixes are live, ``[B, L+1]``."""
        batch, width = strings.tokens.shape
        leads = np.logical_and.accumulate((strings.tokens == 0) & strings.real(), axis=1)
        leading = leads.sum(axis=1, keepdims=True)
        t = np.arange(width)
        expected = np.where(t < leading, 0, t // np.maximum(leading, 1))
        right = (strings.tokens == expected) & (expected < self.end)
        live = np.ones((batch, width + 1), dtype=np.bool_)
        np.logical_and.accumulate(right & (leading > 0), axis=1, out=live[:, 1:])
        return leading, live & ~strings.beyond()

    def legal_batch(self, strings: Strings) -> BoolArray:
        leading, live = self._blocks(strings)
        t = np.arange(live.shape[1])
        following = np.where(t <= leading, 0, t // np.maximum(leading, 1))
        rows = following[:, :, None] == np.arange(self.end + 1)
        rows[:, :, 1] |= (t >= 1) & (t <= leading)
        legal: BoolArray = rows & live[:, :, None]
        return legal

    def initial(self) -> tuple[int, int, int]:
        return 0, 0, 0

    def successor(
        self, configuration: tuple[int, int, int], token: int
    ) -> tuple[int, int, int] | None:
        """Configurations: the block being read, its symbols so far, the length of a block."""
        block, read, length = configuration
        if block == 0 and token == 0:
            return 0, read + 1, read + 1
        if token == block and read < length:
            return block, read + 1, length
        return (token, 1, length) if token == block + 1 and read == length > 0 else None

    def is_final(self, configuration: tuple[int, int, int]) -> bool:
        block, read, length = configuration
        return block == self.end - 1 and read == length

    def _count(self, length: int) -> int:
        return int(length > 0 and length % self.end == 0)

    def _draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        member = np.repeat(np.arange(self.end, dtype=np.int16), length // self.end)
        return np.tile(member, (count, 1))

    def ambiguous_batch(self, strings: Strings, window: int) -> BoolArray:
        leading, live = self._blocks(strings)
        t = np.arange(live.shape[1])
        if window == 0:
            return live
        # How much of the block being read, and of the block before it, the window shows. Of the
        # block length n it tells: at least what is shown, or all of it if a third block is shown.
        block = np.maximum(t - 1, 0) // np.maximum(leading, 1)
        read = np.minimum(t - block * leading, window)
        before = np.minimum(window - read, leading)
        known = read + before < window
        may_end = (before <= read) & ~known
        ambiguous: BoolArray = live & (t >= window) & (block > 0) & may_end
        return ambiguous


def trailing_minimum(values: NDArray[np.int32], window: int) -> NDArray[np.int32]:
    """Entry t: the least of ``values[:, t-window .. t]`` (of what exists, near the start)."""
    lowest = values.copy()
    for shift in range(1, min(window, values.shape[1] - 1) + 1):
        np.minimum(lowest[:, shift:], values[:, :-shift], out=lowest[:, shift:])
    return lowest
