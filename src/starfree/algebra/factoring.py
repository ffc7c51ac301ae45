"""Products: an automaton as several smaller ones that run side by side.

A partition of the states that every letter respects (substitution property, Hartmanis and Stearns
1966) gives a smaller automaton. In a shuffle each letter moves one part only, and letters of
different parts commute; so the letters show the parts. Then k independent flip-flops cost k units,
where their 3^k image sets would cost many more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from starfree.languages.automaton import Automaton

Partition = tuple[int, ...]
"""The class of every state, classes numbered in order of appearance."""


def factors(automaton: Automaton) -> list[tuple[Automaton, Partition]] | None:
    """Factors of a trimmed, non-empty automaton, each with its state for every state of the whole.

    Letters that do not commute belong to one group; each factor forgets what all other groups do.
    Groups that leave nothing so move one part together. None if there are not two factors, or if
    the states are not all combinations of theirs.
    """
    groups = _letter_groups(automaton.transitions.tolist(), len(automaton.alphabet))
    kept = [_without_others(automaton, group) for group in groups]
    together = [g for g, partition in zip(groups, kept, strict=True) if max(partition) == 0]
    partitions = [partition for partition in kept if max(partition) > 0]
    if together:
        shared = _without_others(automaton, set().union(*together))
        partitions += [shared] if max(shared) > 0 else []
    if len(partitions) < 2:
        return None
    combinations = math.prod(max(partition) + 1 for partition in partitions)
    told_apart = len(set(zip(*partitions, strict=True)))
    if not told_apart == combinations == automaton.states:
        return None
    return [(_quotient(automaton, partition), partition) for partition in partitions]


def _without_others(automaton: Automaton, group: set[int]) -> Partition:
    """The least partition that merges whatever letters outside the group connect."""
    rows = automaton.transitions.tolist()
    others = [letter for letter in range(len(automaton.alphabet)) if letter not in group]
    pairs = [(q, row[a]) for q, row in enumerate(rows) for a in others if row[a] >= 0]
    return _merge(rows, pairs)


def _letter_groups(rows: list[list[int]], letters: int) -> list[set[int]]:
    """Connected components of the letters, where two that do not commute are linked."""
    columns = [[row[letter] for row in rows] for letter in range(letters)]

    def then(first: list[int], second: list[int]) -> list[int]:
        return [second[state] if state >= 0 else -1 for state in first]

    groups: list[set[int]] = []
    for letter, column in enumerate(columns):
        linked = {
            other
            for other in range(letter)
            if then(column, columns[other]) != then(columns[other], column)
        }
        touched = [group for group in groups if group & linked]
        groups = [group for group in groups if not group & linked]
        groups.append({letter}.union(*touched))
    return groups


def _merge(rows: list[list[int]], pairs: Iterable[tuple[int, int]]) -> Partition:
    """The least partition with the pairs in one class each that every letter respects."""
    parent = list(range(len(rows)))
    leads = [list(row) for row in rows]

    def root(state: int) -> int:
        while parent[state] != state:
            parent[state] = parent[parent[state]]
            state = parent[state]
        return state

    pending = list(pairs)
    while pending:
        first, second = map(root, pending.pop())
        if first == second:
            continue
        parent[second] = first
        for letter, target in enumerate(leads[second]):
            if target < 0:
                continue
            if leads[first][letter] < 0:
                leads[first][letter] = target
            else:
                pending.append((leads[first][letter], target))
    number: dict[int, int] = {}
    return tuple(number.setdefault(root(state), len(number)) for state in range(len(rows)))


def _quotient(automaton: Automaton, partition: Partition) -> Automaton:
    """Classes as states; acceptance is left to the whole."""
    classes = max(partition) + 1
    table = np.full((classes, len(automaton.alphabet)), -1, dtype=np.int32)
    place = np.array(partition, dtype=np.int32)
    for state, row in enumerate(automaton.transitions):
        defined = row >= 0
        table[partition[state], defined] = place[row[defined]]
    accepting = np.zeros(classes, dtype=np.bool_)
    return Automaton(automaton.alphabet, table, partition[automaton.start], accepting)
