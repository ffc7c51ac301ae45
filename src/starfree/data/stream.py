"""Training strings without end: every epoch draws its own, as a function of its number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starfree.languages.strings import Strings


@dataclass(frozen=True)
class Stream:
    """Where no string is read twice but by chance.

    Attributes:
        draw: the strings of an epoch by its number, the same ones whenever it is asked.
    """

    draw: Callable[[int], Strings]
