"""How each kind of unit is held in numbers, for the targets in the paper's form.

============ ============================================= =====================================
kind         state                                         gates
============ ============================================= =====================================
reset        the value in binary, -1 and 1 for 0 and 1:    0 (set) and 1 (keep)
             ceil(log2 of the number of values) numbers
reset,       one number, whose digits are the last values  2^-m (set) and 1 (keep)
strict       (see below)
counter      the count                                     0 and 1
cyclic(2)    1 for value 0, -1 for value 1 (signed)        -1 (add), 0, 1
cyclic(n)    one-hot                                       turns: cyclic shifts, whose eigenvalues
                                                           are the n-th roots of one (rotation)
permutation  one-hot                                       transpositions, Householder reflections
                                                           along e_i - e_j (reflection)
============ ============================================= =====================================

All numbers are small integers, so that nothing is ever rounded; only a strict unit's tail is.

**Strict** units tell the value before a letter without a convolution. A set scales by 2^-m instead
of 0: ``h = v + h' / 2^m`` with 2^m >= 2 w for w values. If h' is in [v', v' + 1/2] then h is in
[v, v + 1/2], rounded or not, since the ends are floats: the integer part is the value now, and
``(h - v) 2^m`` tells the value before. The clip of the read-out removes the tails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from starfree.algebra.circuit_units import Action, Unit
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
class Read:
    """A one-hot read-out: ``clip(h W + g R + b) V + c`` with g, the unit's rules that fire."""

    W: Numbers  # [state, hats]
    b: Numbers  # [hats]
    V: Numbers  # [hats, size]
    c: Numbers  # [size]
    R: Numbers | None = None  # [rules, hats]


@dataclass(frozen=True)
class Held:
    """A unit in numbers.

    Attributes:
        start: the state before the first symbol.
        moves: one a rule.
        after: reads the value after this symbol.
        before: reads the value before it, if the unit is strict.
        names: of the numbers, without the unit's.
    """

    start: Numbers  # [state]
    moves: tuple[Move, ...]
    after: Read
    names: tuple[str, ...]
    before: Read | None = None


def held(unit: Unit, gates: Gates, strict: bool = False) -> Held:
    """The unit in numbers.

    Raises:
        InputError: the gates cannot do it.
    """
    if unit.kind == "counter":
        return _counter(unit)
    if unit.kind == "reset":
        return _digits(unit) if strict else _binary(unit)
    if unit.kind == "cyclic" and unit.size == 2 and gates == "signed":
        return _sign(unit)
    allowed = {"paper": 0, "signed": 0, "rotation": 1, "reflection": 2}[gates]
    needed = {"cyclic": 1, "permutation": 2}[unit.kind]
    if needed > allowed:
        raise InputError(
            f"unit {unit.name} is a {unit.kind} of {unit.size} values, which the target {gates} "
            "cannot hold; choose signed, rotation or reflection"
        )
    return _one_hot(unit, gates)


def _binary(unit: Unit) -> Held:
    """A value is read where all bits agree: their product with its own sum up to their number."""
    bits = max(1, (unit.size - 1).bit_length())
    values = np.arange(unit.size)[:, None] >> np.arange(bits) & 1
    codes = (2 * values - 1).astype(np.float32)
    moves = tuple(
        Move(np.full(bits, -1, np.float32), codes[rule.action.apply(0, unit.size, unit.kind)])
        for rule in unit.rules
    )
    one_hot = np.eye(unit.size, dtype=np.float32)
    nothing = np.zeros(unit.size, dtype=np.float32)
    read = Read(codes.T, nothing + (1 - bits), one_hot, nothing)
    names = tuple(f"bit{bit}" for bit in range(bits)) if bits > 1 else ("bit",)
    return Held(codes[unit.initial], moves, read, names)


def _digits(unit: Unit) -> Held:
    """Hats ``4 (v - k) + 1.5``: at least 1.5 from a threshold k on, at most -0.5 below k - 1/2.

    The value before is looked for by one row of hats for each target that a rule may set, open
    where that fires, and by one for the value now, open where none fires. A closed hat is at most
    0: its bias is the lowest that its weight on h needs.
    """
    size, targets = unit.size, [rule.action.apply(0, unit.size, "reset") for rule in unit.rules]
    shift = (2 * size - 1).bit_length()
    thresholds = np.arange(1, size, dtype=np.float32)
    now = np.full(size - 1, 4, np.float32)
    stairs = _stairs(size)
    after = Read(now[None], 1.5 - 4 * thresholds, stairs, _first(size))
    weights, biases = [now], [1.5 - 4 * thresholds]
    opening = [np.full((len(targets), size - 1), -4 * size, np.float32)]
    closed = np.float32(4 * 2**shift * (size - 0.5))
    for target in sorted(set(targets)):
        weights.append(now * 2**shift)
        biases.append(np.full(size - 1, -closed))
        fires = np.array([[own == target] for own in targets], dtype=np.float32)
        opening.append(fires * (closed + 1.5 - 4 * (2**shift * target + thresholds)))
    before = Read(
        np.concatenate(weights)[None],
        np.concatenate(biases),
        np.concatenate([stairs] * len(weights)),
        _first(size),
        np.concatenate(opening, axis=1),
    )
    moves = tuple(Move(_row(2.0**-shift - 1), _row(target)) for target in targets)
    return Held(_row(unit.initial), moves, after, ("digits",), before)


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
    read = Read(identity, nothing, identity, nothing)
    return Held(identity[unit.initial], moves, read, tuple(unit.labels))


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

    moves = tuple(move(rule.action) for rule in unit.rules)
    read = Read(_row(1, -1)[None], _row(0, 0), np.eye(2, dtype=np.float32), _row(0, 0))
    return Held(_row(1 - 2 * unit.initial), moves, read, ("sign",))


def _counter(unit: Unit) -> Held:
    """Read-out: the clip of h - low - k is 1 where h > low + k, however large h is."""

    def move(action: Action) -> Move:
        amount = action.apply(0, unit.size, "counter")
        return Move(_row(-1 if action.verb == "set" else 0), _row(amount))

    thresholds = unit.low + np.arange(unit.size - 1, dtype=np.float32)
    read = Read(
        np.ones((1, unit.size - 1), np.float32), -thresholds, _stairs(unit.size), _first(unit.size)
    )
    return Held(
        _row(unit.initial), tuple(move(rule.action) for rule in unit.rules), read, ("count",)
    )


def _stairs(size: int) -> Numbers:
    """From stairs (entry k: the value is above k) to one-hot, beside `_first`."""
    rows = np.arange(size - 1)
    V = np.zeros((size - 1, size), dtype=np.float32)
    V[rows, rows] = -1
    V[rows, rows + 1] = 1
    return V


def _first(size: int) -> Numbers:
    first: Numbers = np.eye(size, dtype=np.float32)[0]
    return first


def _row(*numbers: float) -> Numbers:
    return np.array(numbers, dtype=np.float32)
