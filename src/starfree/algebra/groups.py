"""The groups inside a language's transition monoid: what kind of counting it needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starfree.algebra.aperiodicity import DEFAULT_IMAGE_LIMIT
from starfree.algebra.orbit import Permutation, image_orbit, schreier_loops
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton

EXPONENT_LIMIT = 20_000


@dataclass(frozen=True)
class Group:
    """A Schützenberger group, by its invariants.

    Attributes:
        order: number of elements, at least 2.
        derived_length: steps of the derived series down to 1; None if not solvable. It is the
            minimum number of complex diagonal layers (Shakerinava, Khavari et al. 2026).
        exponent: least common multiple of the elements' orders; None above 20,000 elements.
        binary_length: for a 2-group, the shortest series with elementary abelian factors: the
            minimum number of layers with gates of both signs; None otherwise.
        generators: permutations that generate it, on the points of its set.

    """

    order: int
    abelian: bool
    solvable: bool
    derived_length: int | None
    exponent: int | None
    is_2_group: bool
    binary_length: int | None
    generators: tuple[Permutation, ...]

    def to_json(self) -> dict[str, int | bool | None]:
        """The fields of `classify --json`."""
        return {
            "order": self.order,
            "abelian": self.abelian,
            "solvable": self.solvable,
            "derived_length": self.derived_length,
            "exponent": self.exponent,
            "is_2_group": self.is_2_group,
        }


def groups(automaton: Automaton, max_images: int = DEFAULT_IMAGE_LIMIT) -> tuple[Group, ...]:
    """The non-trivial Schützenberger groups, one for each component of the image orbit.

    The list is empty iff the language is star-free.

    Raises:
        ComplexityLimit: the orbit has more than `max_images` sets.

    """
    rows = automaton.minimise().transitions.tolist()
    if not rows:
        return ()
    orbit = image_orbit(rows, (1 << len(rows)) - 1, max_images)
    if not orbit.complete:
        raise ComplexityLimit(
            f"groups undecided: {max_images:,} image sets of the whole automaton visited; "
            "raise max_images"
        )
    found = [
        describe(tuple(loop.permutation for loop in loops))
        for loops in schreier_loops(orbit)
        if loops
    ]
    return tuple(sorted(found, key=lambda group: group.order))


def describe(generators: Sequence[Permutation]) -> Group:
    """The invariants of the group that the permutations generate."""
    from sympy.combinatorics import Permutation as SympyPermutation
    from sympy.combinatorics import PermutationGroup

    kept: list[Permutation] = []
    group: Any = None
    for generator in generators:
        element = SympyPermutation(list(generator))
        if group is None or not group.contains(element):
            kept.append(generator)
            group = PermutationGroup([SympyPermutation(list(g)) for g in kept])
    order = int(group.order())
    solvable = bool(group.is_solvable)
    is_2_group = order & (order - 1) == 0
    return Group(
        order=order,
        abelian=bool(group.is_abelian),
        solvable=solvable,
        derived_length=len(group.derived_series()) - 1 if solvable else None,
        exponent=_exponent(group, order),
        is_2_group=is_2_group,
        binary_length=_binary_length(group) if is_2_group else None,
        generators=tuple(kept),
    )


def _exponent(group: Any, order: int) -> int | None:
    if group.is_abelian:
        return math.lcm(*(_element_order(generator) for generator in group.generators))
    if order > EXPONENT_LIMIT:
        return None
    return math.lcm(*{_element_order(element) for element in group.generate()})


def _element_order(element: Any) -> int:
    """The least common multiple of the lengths of a permutation's cycles."""
    moved = element.array_form
    lengths = set()
    seen = [False] * len(moved)
    for point in range(len(moved)):
        length = 0
        while not seen[point]:
            seen[point] = True
            point = moved[point]
            length += 1
        lengths.add(max(length, 1))
    return math.lcm(*lengths)


def _binary_length(group: Any) -> int:
    """Length of the series G, G'G^2, ... of a 2-group: each factor is elementary abelian.

    G'G^2 is the Frattini subgroup, the least normal subgroup with such a factor, so the series
    that takes it again and again is the shortest.
    """
    from sympy.combinatorics import PermutationGroup

    length = 0
    while not group.is_trivial:
        squares = [generator**2 for generator in group.generators]
        commutators = list(group.derived_subgroup().generators)
        group = group.normal_closure(PermutationGroup([*squares, *commutators]))
        length += 1
    return length
