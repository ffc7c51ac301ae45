"""What an inductive proof says, and the parts that all of them share.

An inductive proof states an invariant of model state and language configuration, and checks on the
real module that it holds at the start and is kept by every symbol, and that the answers follow from
it. The cases are abstract: numbers that cannot matter are left open, and it is shown that they
cannot. So endless or astronomically many states are covered by a few runs of `step`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from starfree.models.textbook import Textbook, TextbookLayer


@dataclass(frozen=True)
class Proof:
    """An inductive proof that went through.

    Attributes:
        invariant: what holds after every prefix.
        covers: over which strings.
        cases: abstract cases that were run.
        margin: the smallest absolute logit among them.
        length: all strings up to it are covered; None: of every length.
    """

    invariant: str
    covers: str
    cases: int
    margin: float
    length: int | None


class Broken(Exception):
    """The invariant does not hold of this model; the message says where."""


class Answers:
    """Compares logits with legal sets, and keeps the margin.

    Args:
        outputs: how many logits are read, one a symbol and `$`.
        margin: wanted of every absolute logit.
    """

    def __init__(self, outputs: int, margin: float) -> None:
        self.outputs = outputs
        self.wanted = margin
        self.margin = float("inf")
        self.cases = 0

    def check(self, logits: Tensor, legal: Tensor, where: str) -> None:
        """Logits ``[B, more]`` and legal sets, bool ``[B, outputs]``.

        Raises:
            Broken: they differ.
        """
        bits = logits[:, : self.outputs].float()
        right = ((bits > 0) == legal) & (bits.abs() >= self.wanted)  # NaN is never right
        if not right.all():
            raise Broken(f"a wrong answer {where}")
        self.margin = min([self.margin, *bits.abs().amin(1).tolist()])
        self.cases += len(bits)


def require(holds: bool, otherwise: str) -> None:
    """Raise `Broken` unless it holds."""
    if not holds:
        raise Broken(otherwise)


def plain_layers(model: Textbook) -> list[TextbookLayer]:
    """The layers of a model whose gates are diagonal and that has no convolution.

    There a state number after a symbol is a function of itself before and of the layer's input, and
    a layer's input is a function of the letter and of the earlier layers' states.

    Raises:
        Broken: it has other gates, or a convolution.
    """
    layers = [layer for layer in model.layers if isinstance(layer, TextbookLayer)]
    diagonal = all(
        not layer.options.rotations and not layer.options.reflections for layer in layers
    )
    require(diagonal and not model.options.delay, "gates that turn, or a convolution")
    return layers


class Inputs:
    """Keeps the last input of a module, and its last output, while the model runs."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.seen = torch.empty(0)
        self.made = torch.empty(0)

    def __enter__(self) -> Inputs:
        self._handle = self._module.register_forward_hook(self._keep)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()

    def _keep(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        self.seen, self.made = inputs[0], output
