"""Two-level logic minimisation: few disjoint cubes over variables of many values.

Exact minimisation is hard; this is the greedy method of ESPRESSO's expand step (Brayton et al.
1984): take an uncovered row, free whole variables, then enlarge value sets, and never touch a
forbidden row. The cubes that come out cover no row twice, because in a network the activations of
cubes add up.

Sets of rows are bitmask integers, one bit a row: intersections of thousands of rows at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from starfree.languages.strings import BoolArray

Rows = NDArray[np.int32]

SEEDS = 6
"""Uncovered rows that are each tried as the start of the next cube."""


def cover(
    rows: Rows, required: BoolArray, allowed: BoolArray, sizes: Sequence[int]
) -> list[list[BoolArray]]:
    """Disjoint cubes that cover every required row and no forbidden one.

    Args:
        rows: int32 ``[rows, variables]``, the combinations of values that occur.
        required: bool ``[rows]``: must be covered.
        allowed: bool ``[rows]``: may be covered; holds wherever `required` does.
        sizes: number of values of each variable.

    Returns:
        cubes; each is one bool array of allowed values for each variable. No row lies in two.

    """
    having = [
        [_mask(column == value) for value in range(size)]
        for column, size in zip(rows.T, sizes, strict=True)
    ]
    everything = (1 << len(rows)) - 1
    missing, forbidden = _mask(required), everything & ~_mask(allowed)
    uncovered = required.copy()
    orders = list(_orders(len(sizes)))
    cubes = []
    while missing:
        candidates = np.flatnonzero(uncovered)
        picks = candidates[np.linspace(0, len(candidates) - 1, SEEDS).astype(int)]
        best: list[BoolArray] = []
        best_key = (-1, 0)
        best_rows = 0
        for seed in dict.fromkeys(picks.tolist()):
            for order in orders:
                cube, inside = _expand(rows[seed].tolist(), forbidden, order, having, everything)
                key = ((inside & missing).bit_count(), sum(all(values) for values in cube))
                if key > best_key:
                    best = [np.array(values, dtype=np.bool_) for values in cube]
                    best_key, best_rows = key, inside
        missing &= ~best_rows
        forbidden |= best_rows
        uncovered &= ~covered(best, rows)
        cubes.append(best)
    return cubes


def covered(cube: Sequence[BoolArray], rows: Rows) -> BoolArray:
    """Bool ``[rows]``: the rows whose every value the cube allows."""
    inside = np.ones(len(rows), dtype=np.bool_)
    for variable, values in enumerate(cube):
        if not values.all():
            inside &= values[rows[:, variable]]
    return inside


def _mask(flags: BoolArray) -> int:
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _orders(variables: int) -> Iterator[list[int]]:
    """Orders in which variables are freed: the earlier ones tend to vanish from the cube."""
    yield list(range(variables))
    yield list(range(variables))[::-1]
    half = variables // 2
    yield [*range(half, variables), *range(half)]


def _expand(
    seed: Sequence[int],
    forbidden: int,
    order: Sequence[int],
    having: Sequence[Sequence[int]],
    everything: int,
) -> tuple[list[list[bool]], int]:
    """The cube around a row, as allowed values of each variable, and the rows that it covers.

    ``having[variable][value]`` is the set of rows with that value.
    """
    inside = [masks[value] for masks, value in zip(having, seed, strict=True)]
    freed = set()
    kept = everything  # rows that agree with the variables decided on so far
    for variable, undecided in _each_with_the_rest(order, inside, everything):
        if forbidden & kept & undecided:
            kept &= inside[variable]
        else:
            freed.add(variable)
            inside[variable] = everything
    cube = [
        [variable in freed or value == own for value in range(len(masks))]
        for variable, (masks, own) in enumerate(zip(having, seed, strict=True))
    ]
    kept = everything
    bound = [variable for variable in order if variable not in freed]
    for variable, undecided in _each_with_the_rest(bound, inside, everything):
        close = forbidden & kept & undecided  # differ from the cube in this variable at most
        for value, rows in enumerate(having[variable]):
            if not cube[variable][value] and not close & rows:
                cube[variable][value] = True
                inside[variable] |= rows
        kept &= inside[variable]
    return cube, kept


def _each_with_the_rest(
    order: Sequence[int], inside: Sequence[int], everything: int
) -> list[tuple[int, int]]:
    """Every variable with the rows that agree with all variables after it."""
    pairs = []
    rest = everything
    for variable in reversed(order):
        pairs.append((variable, rest))
        rest &= inside[variable]
    return pairs[::-1]
