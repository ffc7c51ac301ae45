"""How each kind of unit is held in numbers, for the targets in the paper's form.

============ ============================================= =====================================
kind         state                                         gates
============ ============================================= =====================================
reset        one-hot of the value                          0 (set) and 1 (keep)
counter      the count                                     0 and 1
cyclic(2)    1 for value 0, -1 for value 1 (signed)        -1 (add), 0, 1
cyclic(n)    one-hot                                       turns: cyclic shifts, whose eigenvalues
                                                           are the n-th roots of one (rotation)
permutation  one-hot                                       transpositions, Householder reflections
                                                           along e_i - e_j (reflection)
============ ============================================= =====================================

All numbers are small integers: nothing is ever rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from starfree.algebra.circuit import Action, Unit
from starfree.errors import InputError

Gates = Literal["paper", "signed", "rotation", "reflection"]
Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Move:
    """What a rule does: ``h -> scale h + turn h + add``, after the transpositions."""

    scale: Numbers  # [state], added to a gate of one
    add: Numbers  # [state]
    turn: Numbers | None = None  # [state, state], added to the diagonal gate
    swaps: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Held:
    """A unit in numbers: its start, one move a rule, and its one-hot read-out.

    The read-out is ``relu(h W + b) V``.
    """

    start: Numbers  # [state]
    moves: tuple[Move, ...]
    W: Numbers  # [state, hats]
    b: Numbers  # [hats]
    V: Numbers  # [hats, size]


def held(unit: Unit, gates: Gates) -> Held:
    """The unit in numbers.

    Raises:
        InputError: the gates cannot do it.
    """
    if unit.kind == "counter":
        return _counter(unit)
    if unit.kind == "cyclic" and unit.size == 2 and gates == "signed":
        return _sign(unit)
    allowed = {"paper": 0, "signed": 0, "rotation": 1, "reflection": 2}[gates]
    needed = {"reset": 0, "cyclic": 1, "permutation": 2}[unit.kind]
    if needed > allowed:
        raise InputError(
            f"unit {unit.name} is a {unit.kind} of {unit.size} values, which the target {gates} "
            "cannot hold; choose signed, rotation or reflection"
        )
    return _one_hot(unit, gates)


def _one_hot(unit: Unit, gates: Gates) -> Held:
    size = unit.size
    identity = np.eye(size, dtype=np.float32)
    nothing = np.zeros(size, dtype=np.float32)

    def move(action: Action) -> Move:
        if action.verb == "set":
            return Move(nothing - 1, identity[action.apply(0, size, unit.kind)])
        images = [action.apply(value, size, unit.kind) for value in range(size)]
        if gates == "reflection":
            return Move(nothing, nothing, swaps=_transpositions(images))
        return Move(nothing, nothing, turn=identity[:, images].T - identity)

    moves = tuple(move(rule.action) for rule in unit.rules)
    return Held(identity[unit.initial], moves, identity, nothing, identity)


def _transpositions(images: list[int]) -> tuple[tuple[int, int], ...]:
    """Swaps of places, in the order they are done, after which value v lies at ``images[v]``."""
    swaps = []
    where = list(images)
    for place in range(len(where)):
        while where[place] != place:
            goal = where[place]
            swaps.append((place, goal))
            where[place], where[goal] = where[goal], where[place]
    return tuple(swaps)


def _sign(unit: Unit) -> Held:
    def move(action: Action) -> Move:
        if action.verb == "set":
            return Move(_row(-1), _row(1 - 2 * action.apply(0, 2, "cyclic")))
        return Move(_row(-2 * (action.apply(0, 2, "cyclic"))), _row(0))

    return Held(
        _row(1 - 2 * unit.initial),
        tuple(move(rule.action) for rule in unit.rules),
        np.array([[1, -1]], dtype=np.float32),
        _row(0, 0),
        np.eye(2, dtype=np.float32),
    )


def _counter(unit: Unit) -> Held:
    """Read-out: value v is the hat relu(h-v+1) - 2 relu(h-v) + relu(h-v-1), open at both ends."""

    def move(action: Action) -> Move:
        amount = action.apply(0, unit.size, "counter")
        return Move(_row(-1 if action.verb == "set" else 0), _row(amount))

    last = unit.size - 1
    if last == 0:
        read = _row(0), _row(1), np.ones((1, 1), dtype=np.float32)
    else:
        # stairs[k] = relu(h - low - k) - relu(h - low - k - 1) is 1 where h > low + k, else 0
        V = np.zeros((last + 2, unit.size), dtype=np.float32)
        for step in range(last):
            V[step, step] -= 1
            V[step + 1, step] += 1
            V[step, step + 1] += 1
            V[step + 1, step + 1] -= 1
        V[last + 1, 0] = 1
        b = _row(*(-unit.low - step for step in range(last + 1)), 1)
        read = _row(*(1 for _ in range(last + 1)), 0), b, V
    moves = tuple(move(rule.action) for rule in unit.rules)
    return Held(_row(unit.initial), moves, read[0][None], read[1], read[2])


def _row(*numbers: float) -> Numbers:
    return np.array(numbers, dtype=np.float32)
