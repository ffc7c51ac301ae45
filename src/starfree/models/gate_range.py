"""What is said of a model's gates, and the means to watch them while strings go through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

Recurrence = Literal["diagonal", "reflections", "dense", "lstm", "attention", "none", "unknown"]

STRINGS, LENGTH = 16, 64  # that are read


@dataclass(frozen=True)
class Gates:
    """What was measured.

    Attributes:
        recurrence: how a state follows from the one before: gates of its own for each number
            (`diagonal`; commuting matrices count as that), products of Householder reflections,
            other matrices and what is not linear (`dense`), `lstm`, `attention` (no state), `none`
            (a convolution alone), or `unknown`.
        layers: that hold a state, or attend.
        low, high: smallest and largest gate; of matrices the real parts of their eigenvalues.
        complex: some eigenvalue is not real.
        input_dependent: some gate differs between symbols; None if nothing was measured.
        window: how many symbols the convolutions see, through all layers; 1: none.
        reflections: Householder reflections in a gate, at most.
        position: the code of positions of a transformer.
        strings, length: of the measurement.
    """

    recurrence: Recurrence
    layers: int | None = None
    low: float | None = None
    high: float | None = None
    complex: bool = False
    input_dependent: bool | None = None
    window: int | None = None
    reflections: int = 0
    position: str | None = None
    strings: int = STRINGS
    length: int = LENGTH


class Range:
    """The least and the greatest of what it was shown, and whether symbols made a difference."""

    def __init__(self) -> None:
        self.low, self.high, self.moves = float("inf"), float("-inf"), False

    def add(self, least: Tensor, greatest: Tensor) -> None:
        """Gates ``[...]`` at the symbols where each is least and greatest."""
        if least.numel():
            self.low = min(self.low, float(least.min()))
            self.high = max(self.high, float(greatest.max()))
            self.moves |= bool((least != greatest).any())

    @property
    def found(self) -> dict[str, Any]:
        """Fields of `Gates`; a model without any gate has none to show."""
        if self.low > self.high:
            return {"input_dependent": False}
        return {"low": self.low, "high": self.high, "input_dependent": self.moves}


def bound(watch: Callable[[Any, Tensor], None], owner: Any) -> Callable[[Tensor], None]:
    """The watcher of one owner."""
    return lambda output: watch(owner, output)


@contextmanager
def watching(watchers: Iterable[tuple[nn.Module, Callable[[Tensor], None]]]) -> Iterator[None]:
    """Show the output of each module to its watcher."""
    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, watch=watch: watch(output))
        for module, watch in watchers
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
