"""DeltaNet and DeltaProduct: a matrix state, changed by (generalised) Householder reflections.

For each of n keys of a symbol, in order,

    S = (I - beta k k') S + beta k v'          y[t] = norm(S' q[t])        (k, q of length 1)

(Schlag et al. 2021; Yang et al. 2024, 2406.06484). With beta in [0, 1] all eigenvalues are in
[0, 1]; with beta in [0, 2] they reach -1, a reflection (Grazzi et al. 2025). Several keys a symbol
are DeltaProduct (Siems et al. 2025): n - 1 of them permute n states.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.convolution import ShortConvolution
from starfree.models.options import check_heads
from starfree.models.stack import (
    NORM_EPSILON,
    Stack,
    StackOptions,
    at_least_float32,
    by_head,
    merge_heads,
    parted,
    repeated,
)

CHUNK_KEYS = 64  # that one triangular system holds


class DeltaOptions(StackOptions):
    """Sizes and eigenvalues.

    Attributes:
        heads: each with a state of (d_model / heads) squared; must divide `d_model`.
        reflections: keys a symbol; more than one is DeltaProduct.
        eigenvalues: `positive` is [0, 1], `signed` is [-1, 1].
        d_conv: symbols that the convolutions of queries, keys and values see; 1 is none.
    """

    heads: int = Field(default=4, ge=1)
    reflections: int = Field(default=1, ge=1)
    eigenvalues: Literal["positive", "signed"] = "positive"
    d_conv: int = Field(default=4, ge=1)
    mlp: bool = True

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        check_heads(self.heads, self.d_model)
        return self


class DeltaState(NamedTuple):
    """The convolution's last inputs and the matrices."""

    window: Tensor  # [B, d_conv - 1, (1 + 2 n) d_model]
    matrix: Tensor  # [B, heads, key, value]


class DeltaLayer(nn.Module):
    """Projections, convolution, delta rule, a norm of each head, projection back."""

    def __init__(self, options: DeltaOptions) -> None:
        super().__init__()
        width, n = options.d_model, options.reflections
        self.heads, self.reflections = options.heads, n
        self.largest_beta = 2.0 if options.eigenvalues == "signed" else 1.0
        self.in_proj = nn.Linear(width, (1 + 2 * n) * width, bias=False)
        self.convolution = None
        if options.d_conv > 1:
            self.convolution = ShortConvolution((1 + 2 * n) * width, options.d_conv)
        self.beta = nn.Linear(width, n * options.heads)
        self.norm = nn.RMSNorm(width // options.heads, eps=NORM_EPSILON)
        self.out_proj = nn.Linear(width, width, bias=False)

    def initial_state(self, batch: int) -> DeltaState:
        """No inputs yet, and matrices of zeros."""
        like = self.in_proj.weight
        size = like.shape[1] // self.heads
        window = like.new_zeros(batch, 0, like.shape[0])
        if self.convolution is not None:
            window = self.convolution.initial_state(batch)
        dtype = at_least_float32(like[:0]).dtype
        return DeltaState(window, like.new_zeros(batch, self.heads, size, size, dtype=dtype))

    def forward(self, x: Tensor, state: DeltaState) -> tuple[Tensor, DeltaState]:
        """``[B, L, d_model]`` to the same shape, and the next state."""
        projected, window = self.in_proj(x), state.window
        if self.convolution is not None:
            projected, window = self.convolution(projected, window)
        else:
            projected = F.silu(projected)
        width, n = x.shape[2], self.reflections
        queries, keys, values = torch.split(
            at_least_float32(projected), [width, n * width, n * width], dim=-1
        )
        beta = self.largest_beta * torch.sigmoid(at_least_float32(self.beta(x)))
        read, matrix = delta_rule(
            F.normalize(by_head(queries, self.heads), dim=-1),
            F.normalize(self._in_order(keys), dim=-1),
            self._in_order(values),
            self._in_order(beta)[..., 0],
            state.matrix,
        )
        y: Tensor = self.out_proj(merge_heads(self.norm(read.to(x.dtype))))
        return y, DeltaState(window, matrix)

    def _in_order(self, x: Tensor) -> Tensor:
        """The n parts of each symbol one after the other: ``[B, heads, L n, ...]``."""
        return by_head(parted(x, self.reflections).flatten(1, 2), self.heads)


def delta_rule(
    queries: Tensor, keys: Tensor, values: Tensor, beta: Tensor, matrix: Tensor
) -> tuple[Tensor, Tensor]:
    """Apply all keys in order, a chunk of them by one triangular system.

    Within a chunk that starts from S, ``S_t = S + sum over s <= t of k_s u_s'`` where
    ``u_s = beta_s (v_s - S' k_s - sum over r < s of (k_s . k_r) u_r)``: forward substitution (the
    UT transform of Yang et al. 2024).

    Args:
        queries: ``[..., L, key]``.
        keys: ``[..., L n, key]``, those of a symbol side by side.
        values: ``[..., L n, value]``.
        beta: ``[..., L n]``.
        matrix: ``[..., key, value]``, the state before.

    Returns:
        what each query reads after its symbol's keys, ``[..., L, value]``, and the state after.
    """
    n = keys.shape[-2] // max(1, queries.shape[-2])
    symbols = max(1, CHUNK_KEYS // max(1, n))
    found = []
    for t in range(0, queries.shape[-2], symbols):
        q = queries[..., t : t + symbols, :]
        span = slice(t * n, (t + symbols) * n)
        k, v, b = keys[..., span, :], values[..., span, :], beta[..., span, None]
        among = (k @ k.mT).tril(-1)
        u = torch.linalg.solve_triangular(
            b * among, b * (v - k @ matrix), upper=False, unitriangular=True
        )
        position = torch.arange(k.shape[-2], device=k.device) // n
        seen = position <= torch.arange(q.shape[-2], device=k.device)[:, None]
        found.append(q @ matrix + torch.where(seen, q @ k.mT, 0.0) @ u)
        matrix = matrix + k.mT @ u
    return torch.cat(found, dim=-2), matrix


class Delta(Stack):
    """DeltaNet, or DeltaProduct with several reflections."""

    Options = DeltaOptions

    def __init__(self, vocabulary: int, outputs: int, options: DeltaOptions) -> None:
        layers = repeated(lambda: DeltaLayer(options), options)
        super().__init__(vocabulary, outputs, options.d_model, layers)
        self.options = options
