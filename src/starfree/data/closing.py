"""What the bounded-Dyck evaluator expects after every prefix (Yao et al. 2021, their reporter).

The evaluator walks a stack of at most `bound` brackets beside the string. A push onto a full stack
is ignored, and so is a close that does not match the top: on strings nested deeper than `bound` its
stack is wrong from then on, and a perfect model does not score 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starfree.languages.strings import BoolArray, Strings


@dataclass(frozen=True, eq=False)
class Stacks:
    """The evaluator's stack after every prefix, the empty one first, ``[B, L+1]`` each.

    Attributes:
        top: bracket type on top, -1 where the stack is empty and beyond the string.
        distance: symbols read since that bracket was opened (0: it was just read), -1 likewise.
        full: the stack is as high as it may be.
        real: the prefix is one of the string.
    """

    top: NDArray[np.int16]
    distance: NDArray[np.int32]
    full: BoolArray
    real: BoolArray


def evaluator_stacks(strings: Strings, types: int, bound: int) -> Stacks:
    """Walk the evaluator's stack along strings of `types` bracket pairs.

    Opens are tokens 0 .. types-1, the matching closes types .. 2 types-1.
    """
    batch, width = strings.tokens.shape
    rows = np.arange(batch)
    tops = np.full((width + 1, batch), -1, dtype=np.int16)
    opened = np.zeros((width + 1, batch), dtype=np.int32)
    heights = np.zeros((width + 1, batch), dtype=np.int32)
    kinds = np.full((bound + 1, batch), -1, dtype=np.int16)  # row 0 is the floor
    places = np.zeros((bound + 1, batch), dtype=np.int32)
    height = np.zeros(batch, dtype=np.int32)
    for t, token in enumerate(strings.tokens.T, start=1):
        pushes = (token < types) & (height < bound)
        pops = (token >= types) & (kinds[height, rows] == token - types)
        height = height + pushes - pops
        pushed = np.flatnonzero(pushes)
        kinds[height[pushed], pushed] = token[pushed]
        places[height[pushed], pushed] = t
        heights[t] = height
        tops[t] = kinds[height, rows]
        opened[t] = places[height, rows]
    real = ~strings.beyond()
    top = np.where(real, tops.T, np.int16(-1))
    distance = np.where(top >= 0, np.arange(width + 1) - opened.T, -1).astype(np.int32)
    return Stacks(top, distance, np.equal(heights.T, bound) & real, real)


def ceiling(strings: Strings, types: int, bound: int) -> float:
    """The closing accuracy of a perfect model: how often the evaluator's top is the true one."""
    depth = int(max(_deepest(strings, types), bound))
    scored = evaluator_stacks(strings, types, bound).top
    true = evaluator_stacks(strings, types, depth).top
    asked = scored >= 0
    return float((scored[asked] == true[asked]).mean())


def _deepest(strings: Strings, types: int) -> int:
    steps = np.where(strings.real(), np.where(strings.tokens < types, 1, -1), 0)
    return int(steps.cumsum(axis=1, dtype=np.int32).max(initial=0))
