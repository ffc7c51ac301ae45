"""Data sets: training and validation strings, test bins, and a manifest that says what they are.

The sound protocol, the default: all strings are members (plus as many non-members for task
`recognise`), all different, no string in two splits, every longer bin strictly longer than the one
before. Lengths are spread evenly over the feasible ones. Where a length has fewer members than its
share, they are split 3 : 1 : 1 over training, validation and test, and what is missing is drawn at
longer lengths.

Half of the training strings are hard (`hard.py`) where uniform ones would leave transitions unseen:
for counters, D_n and Dyck(K, h) always, for other automata if a transition occurs fewer than
`IDENTIFIABLE` times. Transitions that are rare even then get a quarter of the training strings.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import numpy as np

from starfree.data.coverage import IDENTIFIABLE, coverage, transitions
from starfree.data.hard import hard_members, passing
from starfree.data.lines import to_lines
from starfree.data.recognition import with_non_members
from starfree.data.sampling import (
    Distribution,
    Source,
    Tokens,
    all_members,
    as_strings,
    check_window,
    draw_distinct,
    feasible_lengths,
)
from starfree.data.task import TaskKind
from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.regular import RegularLanguage
from starfree.languages.stack import BoundedDyck
from starfree.languages.strings import BoolArray, Strings

Protocol = Literal["sound", "published"]
Window = tuple[int, int]

TRAIN_WINDOW: Window = (1, 50)
TEST_WINDOWS: tuple[Window, ...] = ((1, 50), (51, 100), (101, 150), (451, 500))
HARD_WINDOW = 10
"""The receptive field of three Mamba layers without recurrence: 3 a layer, plus 1."""

_RARE_GROUPS = 32


@dataclass(frozen=True, eq=False)
class DataSet:
    """What a model is trained, selected and tested on.

    Attributes:
        language: whose strings they are.
        train: training strings, in random order.
        validation: for selection only; None under the published protocol, which has none.
        bins: test strings by window, `51-100`; a repeated published window is `101-150#2`.
        labels: membership of every split (`train`, `validation`, bins) for task `recognise`.
        manifest: seed, windows, sizes, coverage and SHA-256, ready for JSON.
    """

    language: Language
    train: Strings
    validation: Strings | None
    bins: Mapping[str, Strings]
    labels: Mapping[str, BoolArray] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)


def make_splits(
    language: Language,
    protocol: Protocol = "sound",
    seed: int = 0,
    task: TaskKind = "predict",
    train_size: int = 10_000,
    validation_size: int = 2_000,
    bin_size: int = 1_000,
    train_window: Window = TRAIN_WINDOW,
    test_windows: Sequence[Window] = TEST_WINDOWS,
    train_distribution: Distribution | Literal["mixed"] = "mixed",
    test_distribution: Distribution = "uniform",
    hard_window: int = HARD_WINDOW,
) -> DataSet:
    """Make a data set; the same arguments make the same strings.

    Args:
        language: what to draw from.
        protocol: `sound`, or `published`, whose windows, sizes and distributions are the authors'
            (the arguments after `task` then have no effect).
        seed: the data seed.
        task: `recognise` adds non-members; the other tasks take the same strings.
        train_size: training strings.
        validation_size: validation strings, of the training window and distribution `uniform`.
        bin_size: test strings a bin.
        train_window: smallest and largest length in training and validation.
        test_windows: smallest and largest length of every bin.
        train_distribution: `mixed` is uniform, half hard where that is needed (see above).
        test_distribution: of the bins.
        hard_window: k of the hard strings.

    Raises:
        InputError: a window has no member; nothing is hard; the authors did not use the language.
    """
    if protocol == "published":
        from starfree.data.published import published_splits

        return published_splits(language, seed, task)
    if protocol != "sound":
        raise InputError(f"protocol {protocol!r} is unknown; sound or published")
    for window in (train_window, *test_windows):
        check_window(*window)
    drawer = _Drawer(language, hard_window)
    in_length = train_window in test_windows and test_distribution == "uniform"
    generator = np.random.default_rng([seed, 0])
    first = _partition(
        drawer, train_window, (train_size, validation_size, bin_size * in_length), generator
    )
    if train_distribution == "mixed":
        train, parts = _mix(drawer, first, train_window, train_size, generator)
    elif train_distribution == "uniform":
        train = first.train.strings()
        parts = {"uniform": len(train)}
    else:
        drawer.release(first.train)
        train = drawer.draw(train_distribution, train_window, train_size, generator)
        parts = {train_distribution: len(train)}
    bins = {}
    for index, window in enumerate(test_windows, start=1):
        if in_length and window == train_window:
            bins[bin_name(window)] = first.test.strings()
        else:
            bins[bin_name(window)] = drawer.draw(
                test_distribution, window, bin_size, np.random.default_rng([seed, index])
            )
    train = train.select(generator.permutation(len(train)))
    splits = {"train": train, "validation": first.validation.strings(), **bins}
    windows = {"train": train_window, "validation": train_window}
    windows |= {bin_name(window): window for window in test_windows}
    labels: dict[str, BoolArray] = {}
    if task == "recognise":
        splits, labels = with_non_members(language, splits, windows, seed)
    manifest = describe(language, "sound", task, seed, splits, windows)
    manifest["train"] |= {"parts": parts, "hard_window": hard_window}
    manifest["test_distribution"] = test_distribution
    train, validation = splits.pop("train"), splits.pop("validation")
    return DataSet(language, train, validation, splits, labels, manifest)


def bin_name(window: Window) -> str:
    """`51-100`."""
    return f"{window[0]}-{window[1]}"


def describe(
    language: Language,
    protocol: Protocol,
    task: TaskKind,
    seed: int,
    splits: Mapping[str, Strings],
    windows: Mapping[str, Window],
) -> dict[str, Any]:
    """The manifest of these splits: `train`, perhaps `validation`, and the bins."""

    def entry(name: str) -> dict[str, Any]:
        strings = splits[name]
        lengths = strings.lengths.tolist()
        return {
            "window": list(windows[name]),
            "strings": len(strings),
            "lengths": [min(lengths), max(lengths)] if lengths else None,
            "sha256": sha256(language, strings),
        }

    bins = {name: splits[name] for name in splits if name not in ("train", "validation")}
    members = {
        name: strings.select(language.accepts_batch(strings)) if task == "recognise" else strings
        for name, strings in {**bins, "train": splits["train"]}.items()
    }
    return {
        "format": 1,
        "language": language.name,
        "alphabet": list(language.alphabet),
        "protocol": protocol,
        "task": task,
        "seed": seed,
        "predictive_definiteness": language.definiteness(),
        "train": entry("train"),
        "validation": entry("validation") if "validation" in splits else None,
        "bins": {name: entry(name) for name in bins},
        "coverage": coverage(language, members.pop("train"), members),
    }


def sha256(language: Language, strings: Strings) -> str:
    """Of the strings one a line with newlines between them: of the file that holds them."""
    text = "\n".join(to_lines(language, strings))
    return hashlib.sha256(text.encode()).hexdigest()


class _Rows:
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
class _Partition:
    """The splits of the training window, and the lengths of which all members are in them."""

    train: _Rows
    validation: _Rows
    test: _Rows
    scarce: set[int]


class _Drawer:
    """Draws strings that were not drawn before."""

    def __init__(self, language: Language, hard_window: int) -> None:
        self.language = language
        self.hard_window = hard_window
        self.used: dict[int, set[bytes]] = defaultdict(set)

    def take(self, rows: Tokens) -> None:
        """Never draw these."""
        self.used[rows.shape[1]].update(row.tobytes() for row in rows)

    def release(self, rows: _Rows) -> None:
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
    ) -> _Rows:
        """Up to `count` new strings, lengths even; what a length lacks is drawn at longer ones."""
        lengths = _lengths(source, window)
        rows = _Rows()
        for index, length in enumerate(lengths):
            share = round(count / (len(lengths) - index))
            drawn = draw_distinct(source, length, share, generator, self.used[length])
            self.take(drawn)
            rows.add(drawn)
            count -= len(drawn)
        return rows

    def _from_stream(self, window: Window, count: int, generator: np.random.Generator) -> Strings:
        from starfree.data.published import stream

        def new() -> Iterator[Tokens]:
            # The streams of small languages repeat for ever: stop when nothing new comes.
            source = stream(self.language, *window, generator)
            while batch := list(islice(source, 20 * count)):
                fresh = 0
                for row in batch:
                    if row.tobytes() not in self.used[len(row)]:
                        self.take(row[None])
                        fresh += 1
                        yield row
                if not fresh:
                    return

        return Strings.of(list(islice(new(), count)))


def _lengths(source: Source, window: Window) -> list[int]:
    lengths: list[int] = feasible_lengths(source, *window).tolist()
    if not lengths:
        raise InputError(f"{source.name}: no member has a length in {window[0]}..{window[1]}")
    return lengths


def _partition(
    drawer: _Drawer, window: Window, sizes: tuple[int, int, int], generator: np.random.Generator
) -> _Partition:
    """Uniform members of the training window for training, validation and its test bin."""
    language = drawer.language
    split = _Partition(_Rows(), _Rows(), _Rows(), set())
    parts = (split.train, split.validation, split.test)
    left = list(sizes)
    places = _three_one_one(generator)
    lengths = _lengths(language, window)
    for index, length in enumerate(lengths):
        shares = [round(count / (len(lengths) - index)) for count in left]
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


def _mix(
    drawer: _Drawer,
    split: _Partition,
    window: Window,
    size: int,
    generator: np.random.Generator,
) -> tuple[Strings, dict[str, int]]:
    """Training strings as the sound protocol wants them, and how many are of which kind."""
    language = drawer.language
    uniform = split.train.strings()
    definite = language.definiteness(limit=drawer.hard_window) is not None
    if not _rare(language, uniform) and (definite or not _is_deep(language)):
        return uniform, {"uniform": len(uniform)}
    kept, spare = _halve(split)
    drawer.release(spare)
    parts = {"uniform": kept.strings()}
    missing = size - len(parts["uniform"])
    if not definite:
        source = hard_members(language, drawer.hard_window)
        hard = drawer.spread(source, window, missing, generator)
        if _rare(language, Strings.concatenate([parts["uniform"], hard.strings()])):
            drawer.release(hard)
            hard = drawer.spread(source, window, missing // 2, generator)
        parts["hard"] = hard.strings()
    rare = _rare(language, Strings.concatenate(list(parts.values())))
    if rare:
        count = size // 4 if "hard" in parts else missing
        parts["rare transitions"] = _through(drawer, rare, window, count, generator)
    # Where the language has no more such strings, uniform ones come back.
    missing = size - sum(map(len, parts.values()))
    if missing > 0:
        again = drawer.spread(language, window, missing, generator).strings()
        parts["uniform"] = Strings.concatenate([parts["uniform"], again])
    counts = {name: len(strings) for name, strings in parts.items()}
    return Strings.concatenate(list(parts.values())), counts


def _halve(split: _Partition) -> tuple[_Rows, _Rows]:
    """Half of the training strings of every length and the others; scarce lengths stay whole."""
    kept, spare = _Rows(), _Rows()
    for length, parts in split.train.by_length.items():
        for rows in parts:
            half = len(rows) if length in split.scarce else len(rows) // 2
            kept.add(rows[:half])
            spare.add(rows[half:])
    return kept, spare


def _through(
    drawer: _Drawer,
    rare: list[tuple[int, int]],
    window: Window,
    count: int,
    generator: np.random.Generator,
) -> Strings:
    """Strings through rare transitions: an equal share for each, or for each group of them."""
    automaton = drawer.language.automaton
    assert automaton is not None
    groups = [
        rare[first :: min(len(rare), _RARE_GROUPS)] for first in range(min(len(rare), _RARE_GROUPS))
    ]
    drawn = []
    for group in groups:
        source = RegularLanguage(drawer.language.name, passing(automaton, frozenset(group)))
        if len(feasible_lengths(source, *window)):
            share = count // len(groups)
            drawn.append(drawer.spread(source, window, share, generator).strings())
    return Strings.concatenate(drawn)


def _rare(language: Language, strings: Strings) -> list[tuple[int, int]]:
    """Transitions (state, letter) of the automaton that these strings hardly show."""
    if language.automaton is None:
        return []
    counts = transitions(language, strings).counts()
    live = language.automaton.transitions.ravel() >= 0
    cells = np.flatnonzero(live & (counts < IDENTIFIABLE)).tolist()
    return [divmod(cell, len(language.alphabet)) for cell in cells]


def _is_deep(language: Language) -> bool:
    """Counters, stacks and D_n: uniform strings seldom go deep."""
    bounded = isinstance(language, BoundedDyck) or re.fullmatch(r"d-\d+", language.name)
    return language.automaton is None or bool(bounded)
