"""The image orbit: all sets that words map a set of states to, as bitmask integers.

Two sets in one strongly connected component of the orbit have equal size and every word that leads
from one to the other is a bijection between them. The bijections that lead back to where they
started form the (right) Schützenberger group of that component: every such group divides the
transition monoid, and every maximal subgroup of the monoid is one of them. So the monoid itself,
which is far larger, need not be enumerated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starfree.languages.graphs import components, members, shortest_word

Permutation = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ImageOrbit:
    """The orbit of a set of states under the letters, possibly truncated.

    Attributes:
        successors: the automaton, ``[state][letter]`` -> state or -1.
        sets: bitmasks in order of discovery; the first is the set the orbit started from.
        edges: ``edges[set][letter]`` -> index of the image, -1 where it is empty (or not visited).
        complete: False if the limit stopped the search.

    """

    successors: Sequence[Sequence[int]]
    sets: tuple[int, ...]
    edges: tuple[tuple[int, ...], ...]
    complete: bool


@dataclass(frozen=True, eq=False)
class Loop:
    """A Schreier generator: a permutation of the points of a component's root set.

    Attributes:
        root: index of the root set in the orbit.
        permutation: ``permutation[i]`` is the place of the image of the root's i-th point.
        edge: the (set, letter) of the orbit that gives this generator.

    """

    root: int
    permutation: Permutation
    edge: tuple[int, int]


def bits(mask: int) -> list[int]:
    """The elements of a bitmask, ascending."""
    elements = []
    while mask:
        low = mask & -mask
        elements.append(low.bit_length() - 1)
        mask ^= low
    return elements


def image_orbit(successors: Sequence[Sequence[int]], start: int, limit: int) -> ImageOrbit:
    """Breadth-first orbit of the bitmask `start`, of at most `limit` sets."""
    letters = range(len(successors[0]) if successors else 0)
    image = [_Image([row[letter] for row in successors]) for letter in letters]
    index = {start: 0}
    sets = [start]
    edges: list[tuple[int, ...]] = []
    complete = True
    for current in sets:
        row = []
        for apply in image:
            target = apply(current)
            number = index.get(target, -1) if target else -1
            if number < 0 and target:
                if len(sets) < limit:
                    number = index[target] = len(sets)
                    sets.append(target)
                else:
                    complete = False
            row.append(number)
        edges.append(tuple(row))
    return ImageOrbit(successors, tuple(sets), tuple(edges), complete)


class _Image:
    """Image of a bitmask under one letter, eight states at a time, each byte computed once."""

    def __init__(self, targets: Sequence[int]) -> None:
        self.targets = targets
        self.known: list[dict[int, int]] = [{} for _ in range((len(targets) + 7) // 8)]

    def __call__(self, mask: int) -> int:
        result = 0
        chunk = 0
        while mask:
            byte = mask & 255
            if byte:
                known = self.known[chunk]
                part = known.get(byte)
                if part is None:
                    part = 0
                    for bit in bits(byte):
                        target = self.targets[8 * chunk + bit]
                        if target >= 0:
                            part |= 1 << target
                    known[byte] = part
                result |= part
            mask >>= 8
            chunk += 1
        return result


def schreier_loops(orbit: ImageOrbit) -> Iterator[list[Loop]]:
    """The distinct non-trivial Schreier generators of every component with sets of two or more.

    Yields one list for each component of the orbit; it is empty where the group is trivial.
    """
    sizes = [mask.bit_count() for mask in orbit.sets]
    level = [
        [t if t >= 0 and sizes[t] == size else -1 for t in row] if size > 1 else []
        for row, size in zip(orbit.edges, sizes, strict=True)
    ]
    for nodes in members(components(level)):
        if sizes[nodes[0]] > 1:
            yield _component_loops(orbit, level, nodes)


def loop_words(orbit: ImageOrbit, loop: Loop) -> Iterator[tuple[int, ...]]:
    """Three words that map the root set onto itself; at least one of them moves a point.

    With tree words t, return words b and the edge P -a-> P': if t(P) a b(P') and t(P') b(P') both
    fix every point, then the generator t(P) a t(P')^-1 is the identity.
    """
    node, letter = loop.edge
    target = orbit.edges[node][letter]
    tree = shortest_word(orbit.edges, loop.root, [node])
    yield (*tree, letter, *shortest_word(orbit.edges, target, [loop.root]))
    for end in (target, node):
        there = shortest_word(orbit.edges, loop.root, [end])
        yield (*there, *shortest_word(orbit.edges, end, [loop.root]))


def _component_loops(
    orbit: ImageOrbit, level: Sequence[Sequence[int]], nodes: Sequence[int]
) -> list[Loop]:
    root = nodes[0]
    inside = set(nodes)
    images: dict[int, tuple[int, ...]] = {root: tuple(bits(orbit.sets[root]))}
    queue = [root]
    for node in queue:
        for letter, target in enumerate(level[node]):
            if target in inside and target not in images:
                images[target] = _map(orbit.successors, images[node], letter)
                queue.append(target)
    found: dict[Permutation, Loop] = {}
    for node in nodes:
        for letter, target in enumerate(level[node]):
            if target not in inside:
                continue
            moved = _map(orbit.successors, images[node], letter)
            if moved == images[target]:
                continue
            position = {state: place for place, state in enumerate(images[target])}
            permutation = tuple(position[state] for state in moved)
            if permutation not in found:
                found[permutation] = Loop(root, permutation, (node, letter))
    return list(found.values())


def _map(
    successors: Sequence[Sequence[int]], states: tuple[int, ...], letter: int
) -> tuple[int, ...]:
    return tuple([successors[state][letter] for state in states])
