"""Two-level logic minimisation: few disjoint cubes over variables of many values.

Exact minimisation is hard; this is the greedy method of ESPRESSO's expand step (Brayton et al.
1984): take an uncovered row, free whole variables, then enlarge value sets, and never touch a
forbidden row. The cubes that come out cover no row twice, because in a network the activations of
cubes add up.
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
    missing = required.copy()
    free = allowed.copy()
    orders = list(_orders(rows.shape[1]))
    cubes = []
    while missing.any():
        forbidden = rows[~free]
        candidates = np.flatnonzero(missing)
        picks = candidates[np.linspace(0, len(candidates) - 1, SEEDS).astype(int)]
        best: list[BoolArray] = []
        best_key = (-1, 0)
        for seed in dict.fromkeys(picks.tolist()):
            for order in orders:
                cube = _expand(rows[seed], forbidden, order, sizes)
                key = (
                    int((covered(cube, rows) & missing).sum()),
                    sum(bool(values.all()) for values in cube),
                )
                if key > best_key:
                    best, best_key = cube, key
        inside = covered(best, rows)
        missing &= ~inside
        free &= ~inside
        cubes.append(best)
    return cubes


def covered(cube: Sequence[BoolArray], rows: Rows) -> BoolArray:
    """Bool ``[rows]``: the rows whose every value the cube allows."""
    inside = np.ones(len(rows), dtype=np.bool_)
    for variable, values in enumerate(cube):
        inside &= values[rows[:, variable]]
    return inside


def _orders(variables: int) -> Iterator[list[int]]:
    """Orders in which variables are freed: the earlier ones tend to vanish from the cube."""
    yield list(range(variables))
    yield list(range(variables))[::-1]
    half = variables // 2
    yield [*range(half, variables), *range(half)]


def _expand(
    seed: NDArray[np.int32], forbidden: Rows, order: Sequence[int], sizes: Sequence[int]
) -> list[BoolArray]:
    cube = [np.zeros(size, dtype=np.bool_) for size in sizes]
    for values, value in zip(cube, seed, strict=True):
        values[value] = True
    differs = forbidden != seed  # [forbidden rows, variables]
    distance = differs.sum(axis=1)
    for variable in order:
        if not (differs[:, variable] & (distance == 1)).any():
            distance -= differs[:, variable]
            differs[:, variable] = False
            cube[variable][:] = True
    for variable in order:
        if cube[variable].all():
            continue
        blocked = np.zeros(sizes[variable], dtype=np.bool_)
        alone = differs[:, variable] & (distance == 1)
        blocked[forbidden[alone, variable]] = True
        cube[variable] |= ~blocked
        now_inside = differs[:, variable] & cube[variable][forbidden[:, variable]]
        distance -= now_inside
        differs[now_inside, variable] = False
    return cube
