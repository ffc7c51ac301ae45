"""What a machine does: every reachable step, as columns of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from starfree.algebra.circuit import Mode
from starfree.algebra.machine import Machine, reachable_steps
from starfree.languages.strings import BoolArray


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Every reachable step of a machine, one row each.

    The first row is the step on `^`, which changes nothing.

    Attributes:
        live: the units that ever change; the others are left out below.
        letters: int32 ``[rows]``; `^` is the number of letters.
        before, after: int32 ``[rows, live units]``, values renumbered without gaps.
        values: for each live unit, the machine's values that occur, ascending.
        permutations: for each live unit, the permutations of its values that occur.
        states: int32 ``[rows]``, the automaton's state after the step.
        illegal: bool ``[rows]``: the first illegal letter of a string (recogniser only).
        lost: bool ``[rows]``: that letter and all later ones; then `states` means nothing.
    """

    live: list[int]
    letters: NDArray[np.int32]
    before: NDArray[np.int32]
    after: NDArray[np.int32]
    values: list[list[int]]
    permutations: list[list[tuple[int, ...]]]
    states: NDArray[np.int32]
    illegal: BoolArray
    lost: BoolArray

    def keep(self, places: Sequence[int]) -> Behaviour:
        """Only these of the live units."""
        return replace(
            self,
            live=[self.live[place] for place in places],
            before=self.before[:, places],
            after=self.after[:, places],
            values=[self.values[place] for place in places],
            permutations=[self.permutations[place] for place in places],
        )


def explore(machine: Machine, letters: int, mode: Mode, max_states: int) -> Behaviour:
    """All reachable steps.

    Raises:
        ComplexityLimit: more than `max_states` states.
    """
    rows = [(letters, machine.initial, machine.initial, False, False)]
    permuted: list[set[tuple[int, ...]]] = [set() for _ in machine.sizes]
    for step in reachable_steps(machine, letters, max_states, beyond=mode == "recogniser"):
        rows.append((step.letter, step.before, step.after, step.illegal, step.lost))
        for found, action in zip(permuted, step.actions, strict=True):
            if action is not None and isinstance(action.value, tuple):
                found.add(action.value)
    letter_column = np.array([row[0] for row in rows], dtype=np.int32)
    before = np.array([row[1] for row in rows], dtype=np.int32).reshape(len(rows), -1)
    after_values = np.array([row[2] for row in rows], dtype=np.int32).reshape(len(rows), -1)
    states = np.array([machine.read(row[2]) for row in rows], dtype=np.int32)
    live = [unit for unit in range(len(machine.sizes)) if np.ptp(after_values[:, unit]) > 0]
    values = []
    permutations = []
    for unit in live:
        used, renumbered = np.unique(after_values[:, unit], return_inverse=True)
        number = {value: place for place, value in enumerate(used.tolist())}
        before[:, unit] = [number[value] for value in before[:, unit].tolist()]
        after_values[:, unit] = renumbered
        values.append(used.tolist())
        permutations.append(sorted({_restrict(p, number) for p in permuted[unit]}))
    return Behaviour(
        live,
        letter_column,
        before[:, live],
        after_values[:, live],
        values,
        permutations,
        states,
        np.array([row[3] for row in rows]),
        np.array([row[4] for row in rows]),
    )


def distinct(
    rows: NDArray[np.int32], sizes: Sequence[int]
) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.intp]]:
    """The different rows, where each occurs first, and the number of each row among them."""
    if math.prod(sizes) >= 2**63:
        found = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    else:  # one number a row sorts much faster
        keys = np.zeros(len(rows), dtype=np.int64)
        for column, size in zip(rows.T, sizes, strict=True):
            keys = keys * size + column
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        found = (rows[first], first, inverse)
    return found


def _restrict(permutation: tuple[int, ...], number: Mapping[int, int]) -> tuple[int, ...]:
    """The permutation of the values that occur; one that leads out of them goes to a free one."""
    moved = {number[v]: number[permutation[v]] for v in number if permutation[v] in number}
    free = [place for place in range(len(number)) if place not in moved.values()]
    return tuple(moved[v] if v in moved else free.pop() for v in range(len(number)))
