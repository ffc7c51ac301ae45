"""Groups in coordinates: one permutation unit as several simpler ones.

A unit whose value v is permuted is replaced by a group element g with v = g(base): a permutation p
makes g into pg. Along a series G > G1 > .. > 1 of normal subgroups with abelian factors the element
is a product t1 t2 .. of coset representatives, and each coordinate is moved by an amount that
depends on the letter and on earlier coordinates only (Frobenius and Lagrange). So every abelian
factor is one level of cyclic units.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Literal

import numpy as np

from starfree.algebra.circuit_units import Action
from starfree.algebra.machine import Actions, Machine, State
from starfree.algebra.orbit import Permutation, bits
from starfree.errors import ComplexityLimit

Style = Literal["signed", "rotation", "reflection"]
"""Factors of order 2; cyclic factors; permutations of as few points as possible."""

ORDER_LIMIT = 5_000
ACTION_LIMIT = 1_000
"""Elements of a group for which an action on fewer points is looked for."""

_STRIDE = 64


class Split(Machine):
    """A machine with one unit in coordinates.

    Attributes:
        inner: the machine, whose unit `place` is replaced.
        coordinates: the group's, in which `base` is a state of the unit.
    """

    def __init__(
        self, inner: Machine, place: int, permutations: Iterable[Permutation], style: Style
    ) -> None:
        self.inner = inner
        self.place = place
        start = inner.initial[place]
        self.coordinates = _coordinates(list(permutations), start, style)
        sub_levels = self.coordinates.levels
        own = self.coordinates.sizes
        before, after = slice(None, place), slice(place + 1, None)
        self.slice = slice(place, place + len(own))
        self.counts = True
        self.sizes = (*inner.sizes[before], *own, *inner.sizes[after])
        levels = [level * _STRIDE for level in inner.levels]
        levels[place : place + 1] = [levels[place] + sub for sub in sub_levels]
        names = tuple(tuple(str(value) for value in range(size)) for size in own)
        self.labels = (*inner.labels[before], *names, *inner.labels[after])
        self.levels = tuple(levels)
        values = self.coordinates.of_value[start]
        self.initial = (*inner.initial[before], *values, *inner.initial[after])

    def defined(self, state: State, letter: int) -> bool:
        return self.inner.defined(self._inner(state), letter)

    def actions(self, state: State, letter: int) -> Actions:
        found = self.inner.actions(self._inner(state), letter)
        own = state[self.slice]
        action = found[self.place]
        moved: Actions
        if action is None:
            moved = (None,) * len(own)
        elif isinstance(action.value, tuple):
            moved = self.coordinates.permute(own, action.value)
        else:
            moved = tuple(Action("set", v) for v in self.coordinates.of_value[action.value])
        return (*found[: self.place], *moved, *found[self.place + 1 :])

    def read(self, state: State) -> int:
        return self.inner.read(self._inner(state))

    def _inner(self, state: State) -> State:
        value = self.coordinates.value[state[self.slice]]
        return (*state[: self.slice.start], value, *state[self.slice.stop :])


class _Coordinates:
    """Tables between group elements, tuples of coordinates, and values of the unit.

    Values that no permutation connects to the base are reached from other bases; then a first
    coordinate holds the base.
    """

    def __init__(self, elements: list[Permutation], start: int) -> None:
        degree = len(elements[0])
        bases = [start]
        reached = {element[start] for element in elements}
        for value in range(degree):
            if value not in reached:
                bases.append(value)
                reached |= {element[value] for element in elements}
        self.bases = bases
        self.elements = elements
        self.tuple_of: dict[Permutation, State] = {}
        self.acts: dict[Permutation, Permutation] = {}

    def finish(self, sizes: list[int], levels: list[int], cyclic: bool) -> None:
        """Fill the tables once `tuple_of` is known."""
        several = len(self.bases) > 1
        self.cyclic = cyclic
        self.sizes = (*([len(self.bases)] if several else []), *sizes)
        self.levels = (*([0] if several else []), *levels)
        self.value: dict[State, int] = {}
        self.element: dict[State, Permutation] = {}
        self.of_value: dict[int, State] = {}
        for number, base in enumerate(self.bases):
            for element, own in self.tuple_of.items():
                full = (number, *own) if several else own
                self.value[full] = element[base]
                self.element[full] = element
                self.of_value.setdefault(element[base], full)

    def permute(self, state: State, permutation: Permutation) -> Actions:
        """What makes g into (permutation)(g)."""
        element = self.element[state]
        after = self.tuple_of[_times(permutation, element)]
        skip = len(state) - len(after)
        moves: list[Action | None] = [None] * skip
        for place, (old, new) in enumerate(zip(state[skip:], after, strict=True)):
            size = self.sizes[skip + place]
            moves.append(self._move(old, new, size, permutation))
        return tuple(moves)

    def _move(self, old: int, new: int, size: int, permutation: Permutation) -> Action | None:
        if self.cyclic:
            step = (new - old) % size
            rotation = tuple((value + step) % size for value in range(size))
        else:
            rotation = self.acts[permutation]
        return None if rotation == tuple(range(size)) else Action("permute", rotation)


def _coordinates(permutations: list[Permutation], start: int, style: Style) -> _Coordinates:
    elements = generate(permutations)
    tables = _Coordinates(elements, start)
    if style == "reflection":
        _points(tables)
        return tables
    chain = _series(permutations, style)
    factors = [_Factor(chain[i], chain[i + 1]) for i in range(len(chain) - 1)]
    for element in elements:
        rest = element
        own: list[int] = []
        for factor in factors:
            representative = factor.representative[rest]
            own += factor.exponents[representative]
            rest = _times(_inverse(representative), rest)
        tables.tuple_of[element] = tuple(own)
    sizes = [order for factor in factors for order in factor.orders]
    levels = [number for number, factor in enumerate(factors) for _ in factor.orders]
    tables.finish(sizes, levels, cyclic=True)
    return tables


def generate(generators: Sequence[Permutation]) -> list[Permutation]:
    """All elements of the group, the identity first.

    Raises:
        ComplexityLimit: more than 5,000 elements.
    """
    identity = tuple(range(len(generators[0])))
    elements = [identity]
    known = {identity}
    for element in elements:
        for generator in generators:
            longer = _times(generator, element)
            if longer not in known:
                known.add(longer)
                elements.append(longer)
        if len(elements) > ORDER_LIMIT:
            raise ComplexityLimit(f"a group of more than {ORDER_LIMIT:,} elements in the cascade")
    return elements


def _series(generators: list[Permutation], style: Style) -> list[list[Permutation]]:
    """The derived series; for `signed` each subgroup also holds all squares."""
    chain = [generate(generators)]
    while len(chain[-1]) > 1:
        pairs = product(generators, repeat=2)
        smaller = [_times(_times(_inverse(a), _inverse(b)), _times(a, b)) for a, b in pairs]
        if style == "signed":
            smaller += [_times(a, a) for a in generators]
        below = _normal_closure(smaller, generators)
        if len(below) == len(chain[-1]):
            raise ValueError(f"no series of abelian factors for gates of kind {style}")
        chain.append(below)
        generators = below
        if len(below) > 1:
            generators = _few_generators(below)
    return chain


def _few_generators(elements: list[Permutation]) -> list[Permutation]:
    chosen: list[Permutation] = []
    known = {elements[0]}
    for element in elements:
        if element not in known:
            chosen.append(element)
            known = set(generate(chosen))
    return chosen


def _normal_closure(
    elements: list[Permutation], generators: list[Permutation]
) -> list[Permutation]:
    closed = list(dict.fromkeys(elements))
    known = set(closed)
    for element in closed:
        for g in generators:
            conjugate = _times(_times(_inverse(g), element), g)
            if conjugate not in known:
                known.add(conjugate)
                closed.append(conjugate)
    return generate(closed)


class _Factor:
    """An abelian factor group as a product of cyclic groups.

    Attributes:
        representative: element -> the representative of its coset.
        exponents: representative -> its coordinates.
        orders: order of each cyclic group.
    """

    def __init__(self, group: list[Permutation], normal: list[Permutation]) -> None:
        self.representative: dict[Permutation, Permutation] = {}
        for element in group:
            if element not in self.representative:
                for inner in normal:
                    self.representative[_times(element, inner)] = element
        identity = group[0]
        cosets = list(dict.fromkeys(self.representative.values()))
        self.orders: list[int] = []
        self.exponents: dict[Permutation, tuple[int, ...]] = {identity: ()}
        by_order = sorted(cosets, key=lambda coset: -len(self._powers(coset, identity)))
        for coset in by_order:
            powers = self._powers(coset, identity)
            if len(self.exponents) == len(cosets):
                break
            if any(power in self.exponents for power in powers[1:]):
                continue
            grown = {
                self.representative[_times(power, old)]: (*exponents, count)
                for old, exponents in self.exponents.items()
                for count, power in enumerate(powers)
            }
            if len(grown) == len(self.exponents) * len(powers) and len(cosets) % len(grown) == 0:
                self.exponents = grown
                self.orders.append(len(powers))
        if len(self.exponents) != len(cosets):
            raise AssertionError("a finite abelian group is a product of cyclic groups")

    def _powers(self, coset: Permutation, identity: Permutation) -> list[Permutation]:
        powers = [identity]
        power = coset
        while power != identity:
            powers.append(power)
            power = self.representative[_times(coset, power)]
        return powers


def reflections(letters: Sequence[Permutation]) -> int:
    """Householder reflections that do each of the permutations, at most.

    A permutation of k points with c cycles is a product of k - c transpositions, each of them a
    reflection; on the fewer points of another faithful action that can be less. S5 on its 120
    elements needs 60, on five points 4.
    """
    known = max(map(_transpositions, letters))
    degree = len(letters[0])
    if degree > ACTION_LIMIT:
        return known
    try:
        elements = generate(letters)
    except ComplexityLimit:
        return known
    if len(elements) != degree:
        return known  # the points are fewer than the elements already
    acts = _smallest_action(elements)
    return min(known, max(_transpositions(acts[letter]) for letter in letters))


def _transpositions(permutation: Permutation) -> int:
    unseen = set(range(len(permutation)))
    cycles = 0
    while unseen:
        cycles += 1
        point = min(unseen)
        while point in unseen:
            unseen.remove(point)
            point = permutation[point]
    return len(permutation) - cycles


def _points(tables: _Coordinates) -> None:
    """Coordinates g(b1), g(b2), .. where the group, regular so far, acts on fewer points."""
    elements = tables.elements
    acts = _smallest_action(elements)
    degree = len(acts[elements[0]])
    base: list[int] = []
    fixing = elements
    while len(fixing) > 1:
        point = max(range(degree), key=lambda p: len({acts[element][p] for element in fixing}))
        base.append(point)
        fixing = [element for element in fixing if acts[element][point] == point]
    for element in elements:
        tables.tuple_of[element] = tuple(acts[element][point] for point in base)
    tables.acts = acts
    tables.finish([degree] * len(base), [0] * len(base), cyclic=False)


def _smallest_action(elements: list[Permutation]) -> dict[Permutation, Permutation]:
    """A faithful action on few points: on the cosets of a large subgroup with two generators.

    An upper bound: a subgroup of more generators, or several orbits, can need fewer points.
    """
    table = _multiplication(elements)
    classes = _conjugacy_classes(table)

    def generated(generators: Iterable[int]) -> int:
        found = [0]
        subgroup = 1  # a bitmask of elements
        for element in found:
            for generator in generators:
                longer = table[generator][element]
                if not subgroup >> longer & 1:
                    subgroup |= 1 << longer
                    found.append(longer)
        return subgroup

    best = 1
    first_of_order = {generated([g]).bit_count(): g for g in reversed(range(len(elements)))}
    for first in first_of_order.values():
        for second in range(len(elements)):
            subgroup = generated([first, second])
            larger = best.bit_count() < subgroup.bit_count() < len(elements)
            # Faithful iff no normal subgroup is inside, that is, no whole class but that of 1.
            if larger and all(one & ~subgroup for one in classes):
                best = subgroup
    inside = bits(best)
    coset: dict[int, int] = {}
    representatives: list[int] = []
    for element in range(len(elements)):
        if element not in coset:
            coset |= {table[element][inner]: len(representatives) for inner in inside}
            representatives.append(element)
    return {
        elements[number]: tuple(coset[table[number][r]] for r in representatives)
        for number in range(len(elements))
    }


def _multiplication(elements: list[Permutation]) -> list[list[int]]:
    """Entry [one][other]: first the other, then the one."""
    images = np.array(elements, dtype=np.int32)
    index = {row.tobytes(): number for number, row in enumerate(images)}
    return [[index[row.tobytes()] for row in image[images]] for image in images]


def _conjugacy_classes(table: list[list[int]]) -> list[int]:
    """Bitmasks of all classes but that of the identity, element 0."""
    products = np.array(table)
    inverse = products.argmin(axis=1)
    found = []
    seen = 1
    for element in range(len(table)):
        if not seen >> element & 1:
            conjugates = products[products[inverse, element], np.arange(len(table))]
            found.append(sum(1 << other for other in set(conjugates.tolist())))
            seen |= found[-1]
    return found


def _times(second: Permutation, first: Permutation) -> Permutation:
    """First `first`, then `second`."""
    return tuple([second[point] for point in first])


def _inverse(permutation: Permutation) -> Permutation:
    inverse = [0] * len(permutation)
    for point, image in enumerate(permutation):
        inverse[image] = point
    return tuple(inverse)
