"""A causal pre-norm transformer (Vaswani et al. 2017), by its code of positions.

`none` leaves positions to the causal mask alone (Bhattamishra et al. 2020 found it to generalise
best on counter languages); `sinusoidal` and `learned` add a vector to the embedding; `rotary` turns
queries and keys (Su et al. 2021).
"""

from __future__ import annotations

import math
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.errors import InputError
from starfree.models.options import Options, check_heads
from starfree.models.stack import no_logits

LONGEST_PERIOD = 10_000.0  # of sinusoidal and rotary codes, in units of 2 pi positions
WIDENING = 4  # hidden units of the MLP for each channel of the stream
LEARNED_STD = 0.02


class TransformerOptions(Options):
    """Sizes of a transformer and its code of positions.

    Attributes:
        layers: blocks of attention and MLP.
        d_model: width of the residual stream.
        heads: attention heads; must divide `d_model`.
        position: how a position is told to the model.
        max_length: positions that a `learned` code has; longer inputs are refused.
    """

    layers: int = Field(default=2, ge=1)
    d_model: int = Field(default=64, ge=1)
    heads: int = Field(default=4, ge=1)
    position: Literal["none", "sinusoidal", "learned", "rotary"] = "none"
    max_length: int = Field(default=1024, ge=1)

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        check_heads(self.heads, self.d_model)
        if self.position == "sinusoidal" and self.d_model % 2:
            raise ValueError(f"position sinusoidal needs an even `d_model`, not {self.d_model}")
        if self.position == "rotary" and self.d_model // self.heads % 2:
            raise ValueError(
                f"position rotary needs an even `d_model` / `heads`, not {self.d_model} / "
                f"{self.heads}"
            )
        return self


class Transformer(nn.Module):
    """Embedding and positions, blocks, a final norm, a linear head."""

    Options = TransformerOptions

    def __init__(self, vocabulary: int, outputs: int, options: TransformerOptions) -> None:
        super().__init__()
        self.options = options
        self.embedding = nn.Embedding(vocabulary, options.d_model)
        if options.position == "learned":
            self.positions = nn.Embedding(options.max_length, options.d_model)
            nn.init.normal_(self.positions.weight, std=LEARNED_STD)
        self.layers = nn.ModuleList(Block(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.d_model)
        self.head = nn.Linear(options.d_model, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[B, L, outputs]`` after each of the tokens ``[B, L]``.

        Raises:
            InputError: positions are `learned` and L is beyond `max_length`.
        """
        if not tokens.shape[1]:
            return no_logits(tokens, self.head)
        x = self.embedding(tokens) + self._added_positions(tokens.shape[1])
        rotation = self._rotation(tokens.shape[1])
        for layer in self.layers:
            x = layer(x, rotation)
        logits: Tensor = self.head(self.norm(x))
        return logits

    def _added_positions(self, length: int) -> Tensor:
        """What is added to the embeddings: ``[L, d_model]``, or a zero."""
        if self.options.position == "learned":
            if length > self.options.max_length:
                raise InputError(
                    f"transformer: an input has {length} positions, but its learned code ends at "
                    f"{self.options.max_length}; raise the option `max_length`"
                )
            return self.positions.weight[:length]
        if self.options.position == "sinusoidal":
            added = self._angles(length, self.options.d_model)
            return torch.cat([added.sin(), added.cos()], dim=-1)
        return self.head.weight.new_zeros(())

    def _rotation(self, length: int) -> Tensor | None:
        """Cosine and sine by which queries and keys are turned, ``[2, L, head / 2]``."""
        if self.options.position != "rotary":
            return None
        turned = self._angles(length, self.options.d_model // self.options.heads)
        return torch.stack([turned.cos(), turned.sin()])

    def _angles(self, length: int, width: int) -> Tensor:
        like = self.head.weight
        return angles(torch.arange(length, dtype=like.dtype, device=like.device), width)


class Block(nn.Module):
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        width = options.d_model
        self.heads = options.heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, WIDENING * width)
        self.mlp_out = nn.Linear(WIDENING * width, width)
        with torch.no_grad():  # each block adds to the stream twice (Radford et al. 2019)
            self.attention_out.weight /= math.sqrt(2 * options.layers)
            self.mlp_out.weight /= math.sqrt(2 * options.layers)

    def forward(self, x: Tensor, rotation: Tensor | None) -> Tensor:
        """``[B, L, d_model]`` to the same shape."""
        x = x + self._attend(self.attention_norm(x), rotation)
        change: Tensor = self.mlp_out(F.gelu(self.mlp_in(self.mlp_norm(x))))
        return x + change

    def _attend(self, x: Tensor, rotation: Tensor | None) -> Tensor:
        batch, length, width = x.shape
        by_head = self.queries_keys_values(x).view(batch, length, 3, self.heads, -1)
        queries, keys, values = by_head.permute(2, 0, 3, 1, 4)  # each [B, heads, L, head]
        if rotation is not None:
            queries, keys = turn(queries, rotation), turn(keys, rotation)
        mixed = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        attended: Tensor = self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width))
        return attended


def angles(positions: Tensor, width: int) -> Tensor:
    """Position times frequency, ``[L, width / 2]``; frequencies fall geometrically."""
    steps = torch.arange(0, width, 2, dtype=positions.dtype, device=positions.device)
    return positions[:, None] * torch.exp(-math.log(LONGEST_PERIOD) / width * steps)


def turn(x: Tensor, rotation: Tensor) -> Tensor:
    """Turn the pairs (i, i + half) of ``[B, heads, L, head]`` by each position's angles."""
    cos, sin = rotation
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
