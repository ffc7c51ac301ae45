"""Fixed point with p fractional bits and an unbounded integer part, exactly.

Rounding to nearest is ``R_p(v) = floor(v 2^p + 1/2) / 2^p``, ties upwards; truncation is towards
zero. Values are doubles that hold such numbers exactly; ``a h + b`` is rounded once, as if it had
been computed with infinitely many digits: for that the product must be exact (a gate of 24
significant bits, a state of 29) and the rounding error of the sum decides ties.
"""

from __future__ import annotations

import torch
from torch import Tensor

from starfree.errors import StarfreeError

STATE_BITS = 53 - 24  # of a state, beside a gate in float32


def round_sum(high: Tensor, low: Tensor, scale: Tensor, truncate: Tensor) -> Tensor:
    """``high + low``, rounded.

    Args:
        high: float64, any shape.
        low: what rounding lost: at most half a unit in the last place of `high`.
        scale: 2^p, broadcast against them.
        truncate: bool: towards zero instead of to nearest.
    """
    scaled, rest = high * scale, low * scale  # exact: powers of two
    whole = scaled.round()
    over = scaled - whole  # in [-1/2, 1/2], exact
    nearest = whole + ((over == 0.5) & (rest >= 0)).double()
    nearest = nearest - ((over == -0.5) & (rest < 0)).double()
    towards = scaled.trunc()
    # An integer that the lost part brings nearer to zero loses its last unit.
    beyond = (scaled == towards) & (rest * scaled < 0)
    towards = towards - scaled.sign() * beyond.double()
    return torch.where(truncate, towards, nearest) / scale


def multiply_add(
    gate: Tensor, state: Tensor, increment: Tensor, scale: Tensor, truncate: Tensor
) -> Tensor:
    """``gate * state + increment``, rounded once; see `round_sum`.

    Args:
        gate: float32 numbers.
        state: float64, multiples of 1 / scale.
        increment: float64.
        scale: 2^p.
        truncate: bool.

    Raises:
        StarfreeError: a state is too large for its product with a gate to be exact.
    """
    large = (state * scale).abs() >= 2.0**STATE_BITS
    if bool((large & (gate != 0) & (gate.abs() != 1)).any()):
        raise StarfreeError(
            f"a state of more than {STATE_BITS} bits is multiplied by a gate: fixed point is "
            "emulated exactly up to there; take fewer fractional bits"
        )
    product = gate.double() * state
    total = product + increment
    # The error of the sum (Knuth's two-sum).
    taken = total - product
    low = (product - (total - taken)) + (increment - taken)
    return round_sum(total, low, scale, truncate)
