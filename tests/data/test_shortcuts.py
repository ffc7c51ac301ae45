"""Stateless baselines against dictionaries, and against what is known of the languages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from starfree.data.sampling import sample
from starfree.data.shortcuts import Positions, baselines, positions
from starfree.data.tasks import make_task
from starfree.languages.catalog import language


def make(name: str, count: int, high: int, seed: int) -> tuple[Positions, Positions]:
    spoken = language(name)
    task = make_task(spoken, "predict")
    splits = {
        "train": task.encode(sample(spoken, 1, high, count, seed)),
        "test": task.encode(sample(spoken, 1, 2 * high, count, seed + 1)),
    }
    found = positions(splits)
    return found["train"], found["test"]


Votes = dict[tuple[int, ...], Counter[int]]


def window(prefix: NDArray[np.int64], size: int) -> tuple[int, ...]:
    """The last symbols; -1 before the start."""
    return (-1,) * (size - len(prefix)) + tuple(prefix[max(0, len(prefix) - size) :].tolist())


def window_votes(train: Positions, k: int) -> Votes:
    votes: Votes = defaultdict(Counter)
    for row, classes, length in zip(train.symbols, train.classes, train.lengths, strict=True):
        for t in range(length):
            for size in range(k + 1):
                votes[window(row[: t + 1], size)][int(classes[t])] += 1
    return votes


def window_answer(votes: Votes, prefix: NDArray[np.int64], k: int) -> int:
    """Majority answer of the longest known window of at most k symbols."""
    known = next(votes[key] for j in range(k, -1, -1) if (key := window(prefix, j)) in votes)
    most = max(known.values())
    return min(answer for answer, count in known.items() if count == most)


def right_by(test: Positions, answer: Callable[[NDArray[np.int64]], int]) -> list[bool]:
    return [
        all(answer(row[: t + 1]) == classes[t] for t in range(length))
        for row, classes, length in zip(test.symbols, test.classes, test.lengths, strict=True)
    ]


@pytest.mark.parametrize("name", ["d-2", "parity", "flipflop", "shuffle-2", "012-02"])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_window_agrees_with_dictionaries(name: str, k: int) -> None:
    train, test = make(name, 60, 12, seed=k)
    (found,) = [b for b in baselines(train, {"t": test})["t"] if b.kind == f"last {k} symbols"]
    votes = window_votes(train, k)
    assert found.right.tolist() == right_by(test, lambda prefix: window_answer(votes, prefix, k))


@pytest.mark.parametrize("name", ["d-2", "tomita-7", "dyck-1"])
def test_longest_prefix_is_perfect_on_its_own_strings_only(name: str) -> None:
    train, test = make(name, 80, 14, seed=3)
    own = {b.kind: b for b in baselines(train, {"t": train})["t"]}
    assert own["longest prefix"].accuracy == 1.0
    other = {b.kind: b for b in baselines(train, {"t": test})["t"]}
    assert other["longest prefix"].accuracy < 1.0


def test_longest_prefix_is_a_dictionary_of_prefixes_then_four_symbols() -> None:
    train, test = make("tomita-3", 100, 10, seed=5)
    known: dict[tuple[int, ...], int] = {}
    for row, classes, length in zip(train.symbols, train.classes, train.lengths, strict=True):
        for t in range(length):
            known[tuple(row[: t + 1].tolist())] = int(classes[t])
    votes = window_votes(train, 4)

    def answer(prefix: NDArray[np.int64]) -> int:
        remembered = known.get(tuple(prefix.tolist()))
        return window_answer(votes, prefix, 4) if remembered is None else remembered

    (found,) = [b for b in baselines(train, {"t": test})["t"] if b.kind == "longest prefix"]
    assert found.right.tolist() == right_by(test, answer)


def test_definite_languages_are_solved_by_their_window() -> None:
    train, test = make("tomita-4", 300, 30, seed=1)
    found = {b.kind: b.accuracy for b in baselines(train, {"t": test})["t"]}
    assert found["last 2 symbols"] == 1.0
    assert found["last 1 symbols"] < 0.5


def test_counts_decide_parity_at_seen_lengths() -> None:
    spoken = language("parity")
    task = make_task(spoken, "predict")
    splits = {
        "train": task.encode(sample(spoken, 1, 20, 4000, 0)),
        "test": task.encode(sample(spoken, 1, 20, 200, 1)),
    }
    found = positions(splits)
    by_kind = {b.kind: b for b in baselines(found["train"], {"t": found["test"]})["t"]}
    assert by_kind["counts + last 4"].accuracy > 0.95
    assert by_kind["last 4 symbols"].accuracy < 0.5


def test_positions_name_answers_alike_in_all_splits() -> None:
    train, test = make("d-3", 50, 10, seed=2)
    spoken = language("d-3")
    task = make_task(spoken, "predict")
    rows = task.encode(sample(spoken, 1, 10, 50, 2)).targets
    answer = {tuple(rows[i, 0]): int(train.classes[i, 0]) for i in range(50)}
    assert len(answer) == 1
    assert set(np.unique(test.classes[test.counted])) <= set(range(4))
