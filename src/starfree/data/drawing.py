"""Drawing strings of a language, or a part of one, by length: uniform, all, or different ones."""

from __future__ import annotations

import math
import warnings
from collections.abc import Set
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from starfree.errors import InputError
from starfree.languages.strings import Strings

Tokens = NDArray[np.int16]

_ENUMERABLE = 200_000


class Source(Protocol):
    """What strings can be drawn from: a language, or a part of one.

    Attributes:
        name: for messages.
    """

    @property
    def name(self) -> str: ...

    def count(self, length: int) -> int:
        """How many strings have this length."""

    def draw(self, length: int, count: int, generator: np.random.Generator) -> Tokens:
        """Independent uniform strings of this length, ``[count, length]``."""


class SampleNotice(UserWarning):
    """Something about a sample that its reader should know; the command line prints it."""


def draw_window(
    source: Source, low: int, high: int, count: int, generator: np.random.Generator
) -> Strings:
    """`count` strings with lengths uniform over the feasible ones, or all if there are fewer."""
    lengths = feasible_lengths(source, low, high)
    if not len(lengths):
        raise InputError(f"{source.name}: no member has a length in {low}..{high}")
    total = 0
    for length in lengths:
        total += source.count(int(length))
        if total >= count:
            return draw_lengths(source, generator.choice(lengths, size=count), generator)
    warnings.warn(
        SampleNotice(
            f"{source.name}: lengths {low}..{high} have {total} members, fewer than the {count} "
            "asked for; these are all of them"
        ),
        stacklevel=3,
    )
    return Strings.concatenate([as_strings(all_members(source, int(n))) for n in lengths])


def check_window(low: int, high: int) -> None:
    """Raise InputError unless ``0 <= low <= high``."""
    if not 0 <= low <= high:
        raise InputError(f"length window {low}..{high} is empty; write LOW:HIGH with LOW <= HIGH")


def feasible_lengths(source: Source, low: int, high: int) -> NDArray[np.int64]:
    """The lengths in ``low .. high`` that some member has, ascending."""
    # Longest first: tables of counts are then built once.
    feasible = [length for length in range(high, low - 1, -1) if source.count(length)]
    return np.array(feasible[::-1], dtype=np.int64)


def draw_lengths(
    source: Source, lengths: NDArray[np.int64], generator: np.random.Generator
) -> Strings:
    """One uniform member of each of these lengths, in their order."""
    tokens = np.zeros((len(lengths), int(lengths.max(initial=0))), dtype=np.int16)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        tokens[rows, :length] = source.draw(int(length), len(rows), generator)
    return Strings(tokens, lengths.astype(np.int32))


def all_members(source: Source, length: int) -> Tokens:
    """Every member of this length, once, in lexicographic order, ``[count, length]``.

    Draws until all `count` members were seen, so it needs nothing but the contract.
    """
    total = source.count(length)
    if total > _ENUMERABLE:
        raise InputError(
            f"{source.name}: {total} members of length {length} are too many to enumerate"
        )
    generator = np.random.default_rng(0)
    seen = np.zeros((0, length), dtype=np.int16)
    while len(seen) < total:
        missing = total - len(seen)
        draws = math.ceil(total * (math.log(missing) + 1)) + 1
        seen = _unique(np.concatenate([seen, source.draw(length, draws, generator)]))
    return seen[np.lexsort(seen.T[::-1])] if length else seen


def draw_distinct(
    source: Source,
    length: int,
    count: int,
    generator: np.random.Generator,
    exclude: Set[bytes] = frozenset(),
) -> Tokens:
    """Up to `count` different members of one length, uniform without replacement.

    Args:
        source: what to draw from.
        length: of every string.
        count: how many; fewer come back only if fewer are left.
        generator: the source of randomness.
        exclude: keys (`Strings.keys`) of strings of this length that must not be drawn.
    """
    total = source.count(length)
    if total <= _ENUMERABLE and total <= 4 * (count + len(exclude)):
        members = all_members(source, length)
        left = members[[row.tobytes() not in exclude for row in members]]
        return generator.permutation(left)[:count]
    chosen: dict[bytes, Tokens] = {}
    while len(chosen) < count:
        for row in source.draw(length, count - len(chosen) + 8, generator):
            key = row.tobytes()
            if key not in exclude and len(chosen) < count:
                chosen.setdefault(key, row)
    return np.array(list(chosen.values()), dtype=np.int16).reshape(len(chosen), length)


def as_strings(rows: Tokens) -> Strings:
    """A batch of strings of one length, ``[count, length]``."""
    return Strings(rows, np.full(len(rows), rows.shape[1], dtype=np.int32))


def _unique(rows: Tokens) -> Tokens:
    """Different rows, in some order; `np.unique` on axis 0 is ten times slower."""
    if not rows.shape[1]:
        return rows[:1]
    packed = np.ascontiguousarray(rows).view(
        np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))
    )
    return rows[np.unique(packed.ravel(), return_index=True)[1]]
