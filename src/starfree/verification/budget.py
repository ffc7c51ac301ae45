"""What a search may spend: time, or work that is the same on every machine."""

from __future__ import annotations

import time
from typing import Protocol

CALL = 300
"""Symbols that a call of a model costs beyond those that it reads. Measured: what a step costs that
does not grow with its batch is 280 (LSTM) to 500 (Mamba, 3 layers) times what a symbol costs."""


class Budget(Protocol):
    """A clock of what was spent; a search stops when it shows a value that it was given."""

    def now(self) -> float:
        """What was spent so far, from any start."""

    def charge(self, symbols: int) -> None:
        """A model was called and read so many symbols."""


class Seconds:
    """The clock on the wall."""

    def now(self) -> float:
        """Seconds from any moment on."""
        return time.perf_counter()

    def charge(self, symbols: int) -> None:
        """Time passes by itself."""
        del symbols


class Symbols:
    """Symbols read, and `CALL` for each call: the same searches stop at the same place anywhere."""

    def __init__(self) -> None:
        self._spent = 0

    def now(self) -> float:
        """Symbols charged so far."""
        return self._spent

    def charge(self, symbols: int) -> None:
        """A call that read so many."""
        self._spent += symbols + CALL
