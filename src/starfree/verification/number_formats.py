"""The arithmetics that a model is evaluated under, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from starfree.algebra.architectures import FIXED, FLOATS, REALS

FloatName = Literal["float64", "float32", "bfloat16", "float16"]

DTYPES: dict[str, torch.dtype] = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
FLUSHED = "float32, subnormals flushed"
EXACT = "exact rationals"
SMALLEST_NORMAL = 2.0**-126  # of float32


@dataclass(frozen=True)
class FixedFormat:
    """p fractional bits, unbounded integer part.

    Attributes:
        bits: p.
        truncate: towards zero instead of to nearest.
        outputs: layer outputs are rounded too, not the state only.
    """

    bits: int
    truncate: bool = False
    outputs: bool = False

    @property
    def name(self) -> str:
        """As reports write it."""
        text = f"{self.bits} bits, {'truncated' if self.truncate else 'nearest'}"
        return f"{text}, outputs too" if self.outputs else text


def verdict_row(name: str) -> str:
    """Under which arithmetic of the verdict table an arithmetic falls."""
    if name == EXACT:
        return REALS
    return FLOATS if name in DTYPES or name == FLUSHED else FIXED
