"""Stateless baselines: how far the answers can be had without tracking any state.

Each predictor looks up a key of the prefix in a table of majority answers fitted on the training
strings. A key that training never showed falls back to a shorter one:

    last k symbols       what a convolution of that receptive field can see
    longest prefix       memorisation: the answer after this very prefix in training, then, where
                         the string leaves all training strings, the last `SIDE_WINDOW` symbols
    position + window    how many symbols were read, and the last `SIDE_WINDOW` of them
    counts + window      how often each symbol was read, and the last `SIDE_WINDOW` of them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starfree.data.task import Examples
from starfree.languages.strings import BoolArray

WINDOWS = (1, 2, 4, 7, 10)
SIDE_WINDOW = 4

Keys = NDArray[np.uint64]
Classes = NDArray[np.int64]

# Keys are polynomial hashes modulo 2^64; the base is odd and random-looking, so that two different
# prefixes practically never meet.
_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Positions:
    """Symbols and answers, position by position.

    Attributes:
        symbols: int64 ``[B, T]``.
        classes: int64 ``[B, T]``: the answer at each position, as a class 0, 1, ..
        counted: bool ``[B, T]``: where an answer is asked for.
        lengths: int32 ``[B]``: symbols of each row that are not padding.
    """

    symbols: NDArray[np.int64]
    classes: Classes
    counted: BoolArray
    lengths: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Baseline:
    """A stateless predictor's result on some strings.

    Attributes:
        kind: `last 4 symbols`, `longest prefix`, `position + last 4`, `counts + last 4`.
        right: bool ``[B]``: strings with no wrong answer.
        position_accuracy: share of the asked positions that are right.
    """

    kind: str
    right: BoolArray
    position_accuracy: float

    @property
    def accuracy(self) -> float:
        """Share of strings with no wrong answer."""
        return float(self.right.mean()) if len(self.right) else 0.0


def positions(examples: Mapping[str, Examples]) -> dict[str, Positions]:
    """The examples of a task with each answer as a class, the same classes for all splits."""
    answers = {name: _answers(split) for name, split in examples.items()}
    rows = [answer.reshape(-1, answer.shape[2]) for answer in answers.values()]
    codes = np.unique(np.concatenate(rows), axis=0, return_inverse=True)[1].ravel()
    found = {}
    start = 0
    for name, split in examples.items():
        size = split.weights.size
        classes = codes[start : start + size].reshape(split.weights.shape).astype(np.int64)
        start += size
        found[name] = Positions(split.inputs, classes, split.weights > 0, split.lengths)
    return found


def baselines(
    train: Positions, tests: Mapping[str, Positions], windows: Sequence[int] = WINDOWS
) -> dict[str, tuple[Baseline, ...]]:
    """All stateless predictors, fitted on `train`, on every test set."""
    fitted_windows = _fit_each(
        train, [_window_keys(train.symbols, j) for j in range(max(windows) + 1)]
    )
    prefixes = _fit(train, _prefix_keys(train.symbols))
    by_position = _fit(train, _position_keys(train.symbols))
    by_counts = _fit(train, _count_keys(train.symbols))
    results: dict[str, tuple[Baseline, ...]] = {}
    for name, test in tests.items():
        # Answers of the longest known window of at most j symbols, for j = 0, 1, ..
        answers = [np.zeros_like(test.classes)]
        for j, table in enumerate(fitted_windows):
            answers.append(_look_up(table, _window_keys(test.symbols, j), answers[-1]))
        answers = answers[1:]
        side = answers[min(SIDE_WINDOW, len(answers) - 1)]
        found = [_score(test, f"last {k} symbols", answers[k]) for k in windows]
        remembered = _look_up(prefixes, _prefix_keys(test.symbols), side)
        found.append(_score(test, "longest prefix", remembered))
        found.append(
            _score(
                test,
                f"position + last {SIDE_WINDOW}",
                _look_up(by_position, _position_keys(test.symbols), side),
            )
        )
        found.append(
            _score(
                test,
                f"counts + last {SIDE_WINDOW}",
                _look_up(by_counts, _count_keys(test.symbols), side),
            )
        )
        results[name] = tuple(found)
    return results


@dataclass(frozen=True, eq=False)
class _Table:
    """Majority answers by key, sorted by key."""

    keys: Keys
    answers: Classes


def _answers(examples: Examples) -> NDArray[np.uint8]:
    """Answers as rows of bytes ``[B, T, bytes]``."""
    if examples.targets.ndim == 3:
        return np.packbits(examples.targets.astype(np.bool_), axis=2)
    classes = np.ascontiguousarray(examples.targets, dtype=np.int64)
    return classes[:, :, None].view(np.uint8)


def _fit_each(train: Positions, keys: Sequence[Keys]) -> list[_Table]:
    return [_fit(train, each) for each in keys]


def _fit(train: Positions, keys: Keys) -> _Table:
    """The most frequent answer of every key (the smallest class among equals)."""
    pairs = keys[train.counted], train.classes[train.counted]
    known, index = np.unique(pairs[0], return_inverse=True)
    classes = int(train.classes.max(initial=0)) + 1
    votes, count = np.unique(index.astype(np.int64) * classes + pairs[1], return_counts=True)
    # Within a key the last of the ascending counts wins; ties go to the smaller class.
    order = np.lexsort((-(votes % classes), count, votes // classes))
    answers = np.zeros(len(known), dtype=np.int64)
    answers[votes[order] // classes] = votes[order] % classes
    return _Table(known, answers)


def _look_up(table: _Table, keys: Keys, otherwise: Classes) -> Classes:
    if not len(table.keys):
        return otherwise
    place = np.minimum(np.searchsorted(table.keys, keys), len(table.keys) - 1)
    return np.where(table.keys[place] == keys, table.answers[place], otherwise)


def _score(test: Positions, kind: str, answers: Classes) -> Baseline:
    wrong = (answers != test.classes) & test.counted
    asked = int(test.counted.sum())
    return Baseline(kind, ~wrong.any(axis=1), 1.0 - float(wrong.sum()) / max(asked, 1))


def _window_keys(symbols: NDArray[np.int64], window: int) -> Keys:
    """A key of the last `window` symbols at every position; before the start stands a 0."""
    codes = symbols.astype(np.uint64) + np.uint64(1)
    keys = np.zeros(symbols.shape, dtype=np.uint64)
    for age in range(min(window, symbols.shape[1])):
        keys[:, age:] += codes[:, : symbols.shape[1] - age] * _power(age)
    return keys


def _prefix_keys(symbols: NDArray[np.int64]) -> Keys:
    """A key of the whole prefix at every position."""
    codes = symbols.astype(np.uint64) + np.uint64(1)
    powers = np.array([_power(t) for t in range(symbols.shape[1])], dtype=np.uint64)
    return np.cumsum(codes * powers, axis=1, dtype=np.uint64)


def _position_keys(symbols: NDArray[np.int64]) -> Keys:
    position = np.arange(symbols.shape[1], dtype=np.uint64) + np.uint64(1)
    return _window_keys(symbols, SIDE_WINDOW) + position * _power(SIDE_WINDOW + 1)


def _count_keys(symbols: NDArray[np.int64]) -> Keys:
    powers = np.array([_power(64 + s) for s in range(int(symbols.max(initial=0)) + 1)], np.uint64)
    return _window_keys(symbols, SIDE_WINDOW) + np.cumsum(powers[symbols], axis=1, dtype=np.uint64)


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(int(_BASE), exponent + 1, 1 << 64))
