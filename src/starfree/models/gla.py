"""Gated linear attention (Yang et al. 2024, 2312.06635): a matrix state whose rows decay.

    S[t] = diag(a[t]) S[t-1] + k[t] v[t]'        y[t] = norm(S[t]' q[t]) * silu(r[t])

for each head, where ``a = sigmoid(.) ^ (1 / 16)`` has one gate, in (0, 1), for each row (key).
"""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.scan.operations import diagonal_scan
from starfree.models.stack import NORM_EPSILON, Stack, StackOptions, parted, repeated

TEMPERATURE = 16.0  # gates start near 1: sigmoid(0) ^ (1 / 16) = 0.96
GATE_RANK = 16


class GlaOptions(StackOptions):
    """Sizes.

    Attributes:
        heads: each with a state of (d_model / 2 heads) keys by (d_model / heads) values; twice as
            many must divide `d_model`.
    """

    heads: int = Field(default=4, ge=1)
    mlp: bool = True

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.d_model % (2 * self.heads):
            raise ValueError(f"2 x {self.heads} `heads` do not divide `d_model` {self.d_model}")
        return self


class GlaLayer(nn.Module):
    """Projections, recurrence, a norm of each head, output gate, projection back.

    Its state is ``[B, heads, key, value]``.
    """

    def __init__(self, options: GlaOptions) -> None:
        super().__init__()
        width, keys = options.d_model, options.d_model // 2
        self.heads = options.heads
        self.sizes = [keys, keys, width, width]
        self.in_proj = nn.Linear(width, sum(self.sizes), bias=False)
        rank = min(GATE_RANK, keys)
        self.gate = nn.Sequential(nn.Linear(width, rank, bias=False), nn.Linear(rank, keys))
        self.norm = nn.RMSNorm(width // options.heads, eps=NORM_EPSILON)
        self.out_proj = nn.Linear(width, width, bias=False)

    def initial_state(self, batch: int) -> Tensor:
        """Zeros."""
        keys, _, values, _ = self.sizes
        shape = (batch, self.heads, keys // self.heads, values // self.heads)
        return self.out_proj.weight.new_zeros(shape)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, L, d_model]`` to the same shape, and the next state."""
        heads = [parted(part, self.heads) for part in self.in_proj(x).split(self.sizes, -1)]
        queries, keys, values, output_gate = heads
        gates = parted(torch.exp(F.logsigmoid(self.gate(x)) / TEMPERATURE), self.heads)
        states = diagonal_scan(gates[..., None], keys[..., None] * values[..., None, :], state)
        scale = queries.shape[-1] ** -0.5
        read = torch.einsum("blhkv,blhk->blhv", states, scale * queries)
        y: Tensor = self.out_proj((self.norm(read) * F.silu(output_gate)).flatten(2))
        return y, states[:, -1]


class Gla(Stack):
    """Layers of gated linear attention."""

    Options = GlaOptions

    def __init__(self, vocabulary: int, outputs: int, options: GlaOptions) -> None:
        layers = repeated(lambda: GlaLayer(options), options)
        super().__init__(vocabulary, outputs, options.d_model, layers)
        self.options = options
