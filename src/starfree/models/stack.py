"""The shell of all layered models: embedding, residual blocks, a final norm, a linear head.

A block is ``x + layer(norm(x))``, as in Mamba, whatever the layer. A layer that reads a stream and
carries a state is enough to make a model that trains in parallel, steps symbol by symbol and reads
strings of any length in constant memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.options import Options

NORM_EPSILON = 1e-5
EMBEDDING_STD = 0.02
CHUNK = 256  # symbols that are read at a time where no gradient is wanted


@runtime_checkable
class Layer(Protocol):
    """What stands in a block.

    Its last map is a linear `out_proj`. A state is a pytree of tensors, the batch first.
    """

    out_proj: nn.Linear

    def initial_state(self, batch: int) -> Any:
        """The state before the first symbol."""

    def __call__(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """``[B, L, d_model]`` to the same shape, and the state after the last symbol."""


class StackOptions(Options):
    """What every layered model can be told.

    Attributes:
        layers: how many.
        d_model: width of the residual stream.
        mlp: a SwiGLU MLP (Shazeer 2020) in a block of its own after each layer.
    """

    layers: int = Field(default=1, ge=1)
    d_model: int = Field(default=32, ge=1)
    mlp: bool = False


class Stack(nn.Module):
    """Layers in blocks.

    Args:
        vocabulary: input tokens.
        outputs: logits.
        d_model: width of the residual stream.
        layers: from the input to the output.
    """

    def __init__(
        self, vocabulary: int, outputs: int, d_model: int, layers: Sequence[nn.Module]
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, d_model)
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(nn.RMSNorm(d_model, eps=NORM_EPSILON) for _ in layers)
        self.norm_f = nn.RMSNorm(d_model, eps=NORM_EPSILON)
        self.head = nn.Linear(d_model, outputs)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        with torch.no_grad():  # each block adds to the stream once (Radford et al. 2019)
            for layer in self._layers():
                layer.out_proj.weight /= math.sqrt(len(layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[B, L, outputs]`` after each of the tokens ``[B, L]``."""
        return self.advance(tokens, self.initial_state(len(tokens)))[0]

    def initial_state(self, batch: int) -> tuple[Any, ...]:
        """The state before the first symbol."""
        return tuple(layer.initial_state(batch) for layer in self._layers())

    def step(self, tokens: Tensor, state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state."""
        logits, state = self.advance(tokens[:, None], state)
        return logits[:, 0], state

    def advance(self, tokens: Tensor, state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """Read several symbols ``[B, L]`` from a state on: logits ``[B, L, outputs]``, state."""
        if not tokens.shape[1]:
            return no_logits(tokens, self.head), state
        if torch.is_grad_enabled():
            return self._read(tokens, state)
        logits = []
        for chunk in torch.split(tokens, CHUNK, dim=1):
            part, state = self._read(chunk, state)
            logits.append(part)
        return torch.cat(logits, dim=1), state

    def _read(self, tokens: Tensor, state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        x = self.embedding(tokens)
        after = []
        for layer, norm, before in zip(self._layers(), self.norms, state, strict=True):
            change, layer_state = layer(norm(x), before)
            x = x + change
            after.append(layer_state)
        logits: Tensor = self.head(self.norm_f(x))
        return logits, tuple(after)

    def _layers(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]


def no_logits(tokens: Tensor, head: nn.Linear) -> Tensor:
    """``[B, 0, outputs]``: what follows from tokens ``[B, 0]``."""
    return head.weight.new_zeros(*tokens.shape, len(head.weight))


def repeated(layer: Callable[[], nn.Module], options: StackOptions) -> list[nn.Module]:
    """So many of a layer as the options say, each with its MLP if they say so."""
    found = []
    for _ in range(options.layers):
        found.append(layer())
        if options.mlp:
            found.append(Mlp(options.d_model))
    return found


class Mlp(nn.Module):
    """SwiGLU (Shazeer 2020), ``W (silu(U x) * V x)``; no state."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        hidden = math.ceil(8 * d_model / 3)  # as many weights as a plain MLP four times as wide
        self.in_proj = nn.Linear(d_model, 2 * hidden)
        self.out_proj = nn.Linear(hidden, d_model)

    def initial_state(self, batch: int) -> tuple[()]:
        """Nothing."""
        return ()

    def forward(self, x: Tensor, state: tuple[()]) -> tuple[Tensor, tuple[()]]:
        """``[B, L, d_model]`` to the same shape."""
        gate, value = self.in_proj(x).chunk(2, dim=-1)
        change: Tensor = self.out_proj(F.silu(gate) * value)
        return change, state


def parted(x: Tensor, parts: int) -> Tensor:
    """``[..., parts * n]`` as ``[..., parts, n]``."""
    return x.reshape(*x.shape[:-1], parts, x.shape[-1] // parts)


def by_head(x: Tensor, heads: int) -> Tensor:
    """``[B, L, heads * n]`` as ``[B, heads, L, n]``."""
    return parted(x, heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """``[B, heads, L, n]`` as ``[B, L, heads * n]``."""
    return x.transpose(1, 2).flatten(2)


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision widened: what the linear algebra and complex numbers of torch need."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()
