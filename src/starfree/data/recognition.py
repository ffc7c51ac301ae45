"""Non-members for task `recognise`: random strings, edits of members, near misses.

    random      independent uniform symbols
    edited      a member of the split with 1 to 3 symbols inserted, deleted or replaced
    near miss   every prefix is live, but the string is no member: a member of the split cut short

A third of each kind, as far as the language has them; all different. Each split gets as many
non-members as it has members. Where a window has too few (one length out of two of `aa-star`, say),
they are shared out 3 : 1 : 1 over training, validation and test, like scarce members.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import BoolArray, Strings

Window = tuple[int, int]

_BATCH = 500
_YIELD = 0.05
"""A kind of non-member that turns up more seldom than this is left to the other kinds."""

_CUT = 8
"""At most so many symbols are cut off a member to make a near miss."""

Kind = Callable[[Language, Strings, Window, int, np.random.Generator], Strings]


def with_non_members(
    language: Language,
    splits: Mapping[str, Strings],
    windows: Mapping[str, Window],
    seed: int,
) -> tuple[dict[str, Strings], dict[str, BoolArray]]:
    """Add non-members to every split, in random order, and say which strings are members.

    Raises:
        InputError: no non-member was found at the lengths of a split.
    """
    mixed: dict[str, Strings] = {}
    labels: dict[str, BoolArray] = {}
    for index, window in enumerate(dict.fromkeys(windows.values())):
        generator = np.random.default_rng([seed, 1_000 + index])
        names = [name for name in splits if windows[name] == window]
        members = Strings.concatenate([splits[name] for name in names])
        found = non_members(language, members, window, generator)
        for name, part in _share_out(found, {name: len(splits[name]) for name in names}).items():
            if not len(part):
                raise InputError(
                    f"{language.name}: too few strings of length {window[0]}..{window[1]} are not "
                    "members; task `recognise` needs some, choose another window or task"
                )
            both = Strings.concatenate([splits[name], part])
            order = generator.permutation(len(both))
            mixed[name] = both.select(order)
            labels[name] = order < len(splits[name])
    return mixed, labels


def non_members(
    language: Language, members: Strings, window: Window, generator: np.random.Generator
) -> Strings:
    """Up to as many different non-members as there are members, in random order.

    Args:
        language: of the members.
        members: what edits and near misses are made from.
        window: smallest and largest length of a non-member.
        generator: the source of randomness.
    """
    count = len(members)
    found: dict[bytes, np.ndarray] = {}

    def collect(kind: Kind, wanted: int) -> None:
        while wanted > 0:
            drawn = kind(language, members, window, max(_BATCH, 2 * wanted), generator)
            before = len(found)
            strangers = drawn.select(~language.accepts_batch(drawn))
            for key, row in zip(strangers.keys(), strangers, strict=True):
                if len(found) - before < wanted:
                    found.setdefault(key, row)
            new = len(found) - before
            if new < _YIELD * len(drawn):
                return
            wanted -= new

    kinds = (_near_misses, _edited, _random)
    for kind in kinds:
        collect(kind, math.ceil(count / len(kinds)))
    for kind in kinds:  # what one kind lacks, the others make up for
        collect(kind, count - len(found))
    rows = list(found.values())
    return Strings.of([rows[index] for index in generator.permutation(len(rows))[:count]])


def _random(
    language: Language,
    members: Strings,
    window: Window,
    count: int,
    generator: np.random.Generator,
) -> Strings:
    lengths = generator.integers(window[0], window[1] + 1, count).astype(np.int32)
    tokens = generator.integers(len(language.alphabet), size=(count, window[1])).astype(np.int16)
    return _blank(Strings(tokens, lengths))


def _edited(
    language: Language,
    members: Strings,
    window: Window,
    count: int,
    generator: np.random.Generator,
) -> Strings:
    rows = []
    for member in members.select(generator.integers(len(members), size=count)):
        row = member.tolist()
        for _ in range(int(generator.integers(1, 4))):
            edit = int(generator.integers(3)) if row else 0  # insert, delete, replace
            place = int(generator.integers(len(row) + (edit == 0)))
            symbol = int(generator.integers(len(language.alphabet)))
            row[place : place + (edit > 0)] = [] if edit == 1 else [symbol]
        if window[0] <= len(row) <= window[1]:
            rows.append(row)
    return Strings.of(rows)


def _near_misses(
    language: Language,
    members: Strings,
    window: Window,
    count: int,
    generator: np.random.Generator,
) -> Strings:
    whole = members.select(generator.integers(len(members), size=count))
    kept = whole.lengths - generator.integers(1, _CUT + 1, count).astype(np.int32)
    inside = kept >= window[0]
    return _blank(Strings(whole.tokens[inside], kept[inside]))


def _blank(strings: Strings) -> Strings:
    """Zeros behind the end of each string."""
    return Strings(np.where(strings.real(), strings.tokens, 0).astype(np.int16), strings.lengths)


def _share_out(found: Strings, sizes: Mapping[str, int]) -> dict[str, Strings]:
    """As many strings as the sizes say; 3 for training to 1 for every other split if too few."""
    shares = dict(sizes)
    if len(found) < sum(sizes.values()):
        weights = {name: 3 if name == "train" else 1 for name in sizes}
        unit = len(found) / sum(weights.values())
        shares = {name: min(sizes[name], int(weights[name] * unit)) for name in sizes}
    ends = np.cumsum(list(shares.values()))
    return {
        name: found.select(slice(int(end) - share, int(end)))
        for (name, share), end in zip(shares.items(), ends, strict=True)
    }
