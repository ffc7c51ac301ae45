"""Drawing strings that were not drawn before, lengths spread evenly over a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from starfree.data.dataset import Window
from starfree.data.drawing import (
    Source,
    Tokens,
    all_members,
    as_strings,
    draw_distinct,
    feasible_lengths,
)
from starfree.data.hard import hard_members
from starfree.data.published import stream
from starfree.data.sampling import Distribution
from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import Strings

_REPEATS = 5_000
"""A generator that repeats itself so often in a row has nothing new to say."""


class Rows:
    """Strings of one split, length by length."""

    def __init__(self) -> None:
        self.by_length: dict[int, list[Tokens]] = defaultdict(list)

    def add(self, rows: Tokens) -> None:
        self.by_length[rows.shape[1]].append(rows)

    def strings(self) -> Strings:
        return Strings.concatenate(
            [as_strings(rows) for length in self.by_length.values() for rows in length]
        )


@dataclass
class Partition:
    """The splits of the training window, and the lengths of which all members are in them."""

    train: Rows
    validation: Rows
    test: Rows
    scarce: set[int]


class Drawer:
    """Draws strings that were not drawn before."""

    def __init__(self, language: Language, hard_window: int) -> None:
        self.language = language
        self.hard_window = hard_window
        self.used: dict[int, set[bytes]] = defaultdict(set)

    def take(self, rows: Tokens) -> None:
        """Never draw these."""
        self.used[rows.shape[1]].update(row.tobytes() for row in rows)

    def release(self, rows: Rows) -> None:
        """Allow these again."""
        for length, parts in rows.by_length.items():
            self.used[length].difference_update(row.tobytes() for part in parts for row in part)

    def draw(
        self,
        distribution: Distribution,
        window: Window,
        count: int,
        generator: np.random.Generator,
    ) -> Strings:
        """Up to `count` new strings of a distribution."""
        if distribution == "published":
            return self._from_stream(window, count, generator)
        source: Source = self.language
        if distribution == "hard":
            source = hard_members(self.language, self.hard_window)
        return self.spread(source, window, count, generator).strings()

    def spread(
        self, source: Source, window: Window, count: int, generator: np.random.Generator
    ) -> Rows:
        """Up to `count` new strings, lengths even; what a length lacks is drawn at longer ones."""
        lengths = _lengths(source, window)
        rows = Rows()
        for index, length in enumerate(lengths):
            share = round(count / (len(lengths) - index))
            drawn = draw_distinct(source, length, share, generator, self.used[length])
            self.take(drawn)
            rows.add(drawn)
            count -= len(drawn)
        return rows

    def _from_stream(self, window: Window, count: int, generator: np.random.Generator) -> Strings:
        rows: list[Tokens] = []
        repeats = 0
        for row in stream(self.language, *window, generator):
            if len(rows) == count or repeats == _REPEATS:
                break
            if row.tobytes() in self.used[len(row)]:
                repeats += 1
            else:
                repeats = 0
                rows.append(row)
                self.take(row[None])
        return Strings.of(rows)


def partition(
    drawer: Drawer, window: Window, sizes: tuple[int, int, int], generator: np.random.Generator
) -> Partition:
    """Uniform members of the training window for training, validation and its test bin."""
    language = drawer.language
    split = Partition(Rows(), Rows(), Rows(), set())
    parts = (split.train, split.validation, split.test)
    left = list(sizes)
    places = _three_one_one(generator)
    lengths = _lengths(language, window)
    for index, length in enumerate(lengths):
        shares = [max(0, round(count / (len(lengths) - index))) for count in left]
        if language.count(length) < sum(shares):
            split.scarce.add(length)
            rows = generator.permutation(all_members(language, length))
            place = np.array(list(islice(places, len(rows))))
            for part in (1, 2):  # no more than a share; the rest is for training
                place[np.flatnonzero(place == part)[shares[part] :]] = 0
        else:
            rows = draw_distinct(language, length, sum(shares), generator)
            place = np.repeat(np.arange(3), shares)
        drawer.take(rows)
        for part, target in enumerate(parts):
            target.add(rows[place == part])
            left[part] -= int((place == part).sum())
    return split


def _three_one_one(generator: np.random.Generator) -> Iterator[int]:
    """0 = training, 1 = validation, 2 = test: random order within every five."""
    while True:
        yield from generator.permutation([0, 0, 0, 1, 2]).tolist()


def _lengths(source: Source, window: Window) -> list[int]:
    lengths: list[int] = feasible_lengths(source, *window).tolist()
    if not lengths:
        raise InputError(f"{source.name}: no member has a length in {window[0]}..{window[1]}")
    return lengths
