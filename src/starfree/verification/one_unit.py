"""One unit of a recurrence, ``h <- a h``, alone: what repeated ignoring does to a stored 1.

In exact rationals a gate inside (0, 1) takes every margin away and never the sign. In fixed point
and in floats rounding decides: to nearest, a state stays for ever where rounding gives back what
the gate took (``1 - a <= 2^-(p+1)`` keeps 1.0; smaller states near ``2^-(p+1) / (1 - a)``), and
truncation goes on to 0. States here are integers over 2^p, fractions, or numbers of a dtype, one
rounding an update; nothing is approximated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import TypeVar

import numpy as np
import torch

from starfree.verification.number_formats import DTYPES, FLUSHED, SMALLEST_NORMAL, FixedFormat

State = TypeVar("State", int, float)


@dataclass(frozen=True)
class Trace:
    """A state under repeated updates.

    Attributes:
        values: after 0, 1, 2, .. updates, as far as it was followed.
        settled: the first number of updates after which it never changes again; None if it was
            still changing when it was left.
    """

    values: tuple[float, ...]
    settled: int | None

    def at(self, updates: int) -> float:
        """After so many updates, for ever once it has settled.

        Raises:
            IndexError: it was not followed so far.
        """
        if self.settled is not None and updates > self.settled:
            return self.values[self.settled]
        return self.values[updates]


def fixed_trace(gate: Fraction, start: Fraction, form: FixedFormat, most: int) -> Trace:
    """In fixed point, by integers.

    >>> fixed_trace(Fraction(99, 100), Fraction(1), FixedFormat(8), 5000).at(5000)
    0.1953125
    """
    scale = 1 << form.bits
    round_ = int if form.truncate else _nearest

    def states() -> Iterator[int]:
        state = round_(start * scale)
        while True:
            yield state
            state = round_(gate * state)

    return _follow(states(), lambda state: state / scale, most)


def float_trace(gate: float, start: float, name: str, most: int) -> Trace:
    """In a float format (`DTYPES`, or `FLUSHED`), by torch, one multiplication an update."""
    dtype = DTYPES["float32" if name == FLUSHED else name]
    factor = torch.tensor(gate, dtype=dtype)

    def states() -> Iterator[float]:
        state = torch.tensor(start, dtype=dtype)
        while True:
            if name == FLUSHED and abs(float(state)) < SMALLEST_NORMAL:
                state = torch.zeros_like(state)
            yield float(state)
            state = factor * state

    return _follow(states(), float, most)


def exact_margin(gate: Fraction, start: Fraction, margin: Fraction, most: int) -> int | None:
    """The first number of updates after which ``|h|`` is below the margin; None up to `most`.

    The sign needs no search: a positive gate never changes it.
    """
    state = abs(start)
    for updates in range(most + 1):
        if state < margin:
            return updates
        state *= gate
    return None


def last_count(name: str) -> int:
    """The largest integer that counting up by ones reaches in a float format; measured.

    >>> last_count("bfloat16"), last_count("float16")
    (256, 2048)

    Raises:
        ValueError: float64, which would take years.
    """
    if name == "float64":
        raise ValueError("float64 counts to 2^53")
    if name == "float32":
        ones = np.ones(2**24 + 16, dtype=np.float32)
        return int(np.add.accumulate(ones)[-1])  # one after another, in float32
    count, one = torch.zeros((), dtype=DTYPES[name]), torch.ones((), dtype=DTYPES[name])
    while (count + one) != count:
        count = count + one
    return int(count)


def _nearest(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def _follow(states: Iterator[State], read: Callable[[State], float], most: int) -> Trace:
    values: list[float] = []
    last: State | None = None
    for updates, state in enumerate(states):
        if updates and state == last:
            return Trace(tuple(values), updates - 1)
        values.append(read(state))
        if updates == most:
            break
        last = state
    return Trace(tuple(values), None)
