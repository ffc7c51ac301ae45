"""Hybrids: layers of different kinds in one stream, written as a string.

``mamba attention mamba`` are three blocks; options of a layer stand in brackets behind it, as in
``mamba(d_state=8) attention(heads=2, position=rotary) mlp delta(eigenvalues=signed)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Self

import torch
import yaml
from pydantic import Field, ValidationError, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.attention import angles, turn
from starfree.models.delta import DeltaLayer, DeltaOptions
from starfree.models.diagonal import DiagonalLayer, DiagonalOptions
from starfree.models.gla import GlaLayer, GlaOptions
from starfree.models.mamba import MambaOptions, Mixer
from starfree.models.mamba2 import Mamba2Layer, Mamba2Options
from starfree.models.options import Options
from starfree.models.s4d import S4dLayer, S4dOptions
from starfree.models.stack import Mlp, Stack, at_least_float32
from starfree.models.xlstm import MlstmLayer, MlstmOptions, SlstmLayer, SlstmOptions


class AttentionOptions(Options):
    """Sizes of one attention layer.

    Attributes:
        d_model: width of the residual stream.
        heads: must divide `d_model`.
        position: `none` leaves positions to the causal mask; `rotary` turns queries and keys.
    """

    d_model: int = Field(ge=1)
    heads: int = Field(default=4, ge=1)
    position: Literal["none", "rotary"] = "none"

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.d_model % self.heads:
            raise ValueError(f"`heads` {self.heads} does not divide `d_model` {self.d_model}")
        if self.position == "rotary" and self.d_model // self.heads % 2:
            raise ValueError("position rotary needs an even `d_model` / `heads`")
        return self


class MlpOptions(Options):
    """An MLP has no options of its own."""

    d_model: int = Field(ge=1)


class AttentionState(NamedTuple):
    """Keys and values of all symbols so far: it grows with them."""

    keys: Tensor  # [B, symbols, heads, head]
    values: Tensor


class AttentionLayer(nn.Module):
    """Causal softmax attention (Vaswani et al. 2017) over the symbols so far."""

    def __init__(self, options: AttentionOptions) -> None:
        super().__init__()
        self.heads, self.rotary = options.heads, options.position == "rotary"
        self.queries_keys_values = nn.Linear(options.d_model, 3 * options.d_model)
        self.out_proj = nn.Linear(options.d_model, options.d_model)

    def initial_state(self, batch: int) -> AttentionState:
        """No symbols yet."""
        like = self.out_proj.weight
        empty = like.new_zeros(batch, 0, self.heads, len(like) // self.heads)
        return AttentionState(empty, empty)

    def forward(self, x: Tensor, state: AttentionState) -> tuple[Tensor, AttentionState]:
        """``[B, L, d_model]`` to the same shape, and the next state."""
        parts = self.queries_keys_values(x).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = (part.transpose(1, 2) for part in parts.unbind(2))
        before, length = state.keys.shape[1], x.shape[1]
        if self.rotary:
            positions = torch.arange(before, before + length).to(at_least_float32(x))
            turned = angles(positions, queries.shape[-1])
            rotation = torch.stack([turned.cos(), turned.sin()]).to(x)
            queries, keys = turn(queries, rotation), turn(keys, rotation)
        keys = torch.cat([state.keys.transpose(1, 2), keys], dim=2)
        values = torch.cat([state.values.transpose(1, 2), values], dim=2)
        seen = torch.ones(length, before + length, dtype=torch.bool, device=x.device).tril(before)
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        y: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return y, AttentionState(keys.transpose(1, 2), values.transpose(1, 2))


LAYERS: dict[str, tuple[type[Options], Callable[[Any], nn.Module]]] = {
    "mamba": (MambaOptions, Mixer),
    "mamba2": (Mamba2Options, Mamba2Layer),
    "diagonal": (DiagonalOptions, DiagonalLayer),
    "s4d": (S4dOptions, S4dLayer),
    "gla": (GlaOptions, GlaLayer),
    "delta": (DeltaOptions, DeltaLayer),
    "mlstm": (MlstmOptions, MlstmLayer),
    "slstm": (SlstmOptions, SlstmLayer),
    "attention": (AttentionOptions, AttentionLayer),
    "mlp": (MlpOptions, lambda options: Mlp(options.d_model)),
}

_OF_THE_MODEL = ("layers", "d_model", "mlp", "norm", "head_bias", "head")  # not a layer's
_LAYER = re.compile(r"\s*([a-z0-9]+)\s*(?:\(([^()]*)\))?")


def parse_blocks(blocks: str, d_model: int) -> list[tuple[str, Options]]:
    """The layers that a string names, with their options.

    >>> [name for name, options in parse_blocks("mamba attention(heads=2)", 32)]
    ['mamba', 'attention']

    Raises:
        ValueError: says which layer, and what is wrong with it.
    """
    found, at = [], 0
    blocks = blocks.strip()
    while at < len(blocks):
        match = _LAYER.match(blocks, at)
        if match is None:
            raise ValueError(
                f"cannot read {blocks[at:]!r}: write layers as mamba attention(heads=2)"
            )
        at = match.end()
        found.append(_layer_options(match[1], match[2] or "", d_model))
    if not found:
        raise ValueError(f"names no layer; choose from {', '.join(LAYERS)}")
    return found


def _layer_options(name: str, written: str, d_model: int) -> tuple[str, Options]:
    if name not in LAYERS:
        raise ValueError(f"layer {name!r} is unknown; choose from {', '.join(LAYERS)}")
    given: dict[str, Any] = {"d_model": d_model}
    kind = LAYERS[name][0]
    own = [field for field in kind.model_fields if field not in _OF_THE_MODEL]
    for part in filter(None, (part.strip() for part in written.split(","))):
        option, equals, value = (word.strip() for word in part.partition("="))
        if not equals or option not in own:
            allowed = f"options: {', '.join(own)}" if own else "it has no options"
            raise ValueError(f"layer {name}: {part!r} is no option=value ({allowed})")
        given[option] = yaml.safe_load(value)
    try:
        return name, kind(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        said = problem["msg"].removeprefix("Value error, ")
        raise ValueError(f"layer {name}: {where + ': ' if where else ''}{said}") from None


class HybridOptions(Options):
    """A hybrid's layers.

    Attributes:
        blocks: the layers from the input to the output; see `parse_blocks`.
        d_model: width of the residual stream.
    """

    blocks: str = "mamba attention mamba"
    d_model: int = Field(default=32, ge=1)

    @model_validator(mode="after")
    def _blocks_can_be_read(self) -> Self:
        parse_blocks(self.blocks, self.d_model)
        return self


class Hybrid(Stack):
    """Layers of different kinds."""

    Options = HybridOptions

    def __init__(self, vocabulary: int, outputs: int, options: HybridOptions) -> None:
        named = parse_blocks(options.blocks, options.d_model)
        layers = [LAYERS[name][1](given) for name, given in named]
        super().__init__(vocabulary, outputs, options.d_model, layers)
        self.options = options
