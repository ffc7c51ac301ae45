"""Stateless baselines against dictionaries of tuples, and against what is known of the languages."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from starfree.data.sampling import sample
from starfree.data.shortcuts import Positions, baselines, positions
from starfree.data.task import make_task
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


def window_oracle(train: Positions, test: Positions, k: int) -> list[bool]:
    """Majority answer of the longest known window of at most k symbols, by dictionaries."""
    votes: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for row, classes, length in zip(train.symbols, train.classes, train.lengths, strict=True):
        for t in range(length):
            for j in range(k + 1):
                before = (-1,) * max(0, j - t - 1)
                votes[before + tuple(row[max(0, t + 1 - j) : t + 1])][int(classes[t])] += 1
    right = []
    for row, classes, length in zip(test.symbols, test.classes, test.lengths, strict=True):
        correct = True
        for t in range(length):
            for j in range(k, -1, -1):
                before = (-1,) * max(0, j - t - 1)
                key = before + tuple(row[max(0, t + 1 - j) : t + 1])
                if key in votes:
                    most = max(votes[key].values())
                    answer = min(c for c, n in votes[key].items() if n == most)
                    correct &= answer == classes[t]
                    break
        right.append(bool(correct))
    return right


@pytest.mark.parametrize("name", ["d-2", "parity", "flipflop", "shuffle-2", "012-02"])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_window_agrees_with_dictionaries(name: str, k: int) -> None:
    train, test = make(name, 60, 12, seed=k)
    (found,) = [b for b in baselines(train, {"t": test})["t"] if b.kind == f"last {k} symbols"]
    assert found.right.tolist() == window_oracle(train, test, k)


@pytest.mark.parametrize("name", ["d-2", "tomita-7", "dyck-1"])
def test_longest_prefix_is_perfect_on_its_own_strings_only(name: str) -> None:
    train, test = make(name, 80, 14, seed=3)
    own = {b.kind: b for b in baselines(train, {"t": train})["t"]}
    assert own["longest prefix"].accuracy == 1.0
    other = {b.kind: b for b in baselines(train, {"t": test})["t"]}
    assert other["longest prefix"].accuracy < 1.0


def test_longest_prefix_agrees_with_a_dictionary() -> None:
    train, test = make("tomita-3", 100, 10, seed=5)
    known: dict[tuple[int, ...], int] = {}
    for row, classes, length in zip(train.symbols, train.classes, train.lengths, strict=True):
        for t in range(length):
            known[tuple(row[: t + 1])] = int(classes[t])
    right = []
    for row, classes, length in zip(test.symbols, test.classes, test.lengths, strict=True):
        correct = True
        for t in range(length):
            longest = max(n for n in range(1, t + 2) if tuple(row[:n]) in known)
            correct &= known[tuple(row[:longest])] == classes[t]
        right.append(bool(correct))
    (found,) = [b for b in baselines(train, {"t": test})["t"] if b.kind == "longest prefix"]
    assert found.right.tolist() == right


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
