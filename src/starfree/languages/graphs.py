"""Strongly connected components and shortest words in finite labelled graphs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

Successors = Sequence[Sequence[int]]
"""``successors[node][letter]`` is a node, or -1 where there is no edge."""


def components(successors: Sequence[Iterable[int]]) -> list[int]:
    """Strongly connected component of every node, by Tarjan's algorithm without recursion.

    Components are numbered in reverse topological order: an edge never leads to a component with
    a higher number. Negative successors are no edges.
    """
    count = len(successors)
    order = [-1] * count
    low = [0] * count
    component = [-1] * count
    stack: list[int] = []
    clock = 0
    found = 0
    for root in range(count):
        if order[root] >= 0:
            continue
        order[root] = low[root] = clock
        clock += 1
        stack.append(root)
        work = [(root, iter(successors[root]))]
        while work:
            node, edges = work[-1]
            for target in edges:
                if target < 0:
                    continue
                if order[target] < 0:
                    order[target] = low[target] = clock
                    clock += 1
                    stack.append(target)
                    work.append((target, iter(successors[target])))
                    break
                if component[target] < 0 and order[target] < low[node]:
                    low[node] = order[target]
            else:
                work.pop()
                if work and low[node] < low[work[-1][0]]:
                    low[work[-1][0]] = low[node]
                if low[node] == order[node]:
                    while True:
                        member = stack.pop()
                        component[member] = found
                        if member == node:
                            break
                    found += 1
    return component


def members(component: Sequence[int]) -> list[list[int]]:
    """The nodes of every component, ascending."""
    lists: list[list[int]] = [[] for _ in range(max(component, default=-1) + 1)]
    for node, number in enumerate(component):
        lists[number].append(node)
    return lists


def shortest_word(successors: Successors, source: int, targets: Iterable[int]) -> tuple[int, ...]:
    """Letters along a shortest path from `source` into `targets` (empty if it is one of them).

    Raises:
        LookupError: no path exists.

    """
    goals = set(targets)
    if source in goals:
        return ()
    parent: dict[int, tuple[int, int]] = {source: (-1, -1)}
    queue = deque([source])
    while queue:
        node = queue.popleft()
        for letter, target in enumerate(successors[node]):
            if target < 0 or target in parent:
                continue
            parent[target] = (node, letter)
            if target in goals:
                word = []
                while target != source:
                    target, letter = parent[target]
                    word.append(letter)
                return tuple(reversed(word))
            queue.append(target)
    raise LookupError(f"no path from {source} to {sorted(goals)}")
