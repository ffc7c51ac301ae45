"""Mamba-2 (Dao and Gu 2024, 2405.21060): Mamba's scan with one gate a head.

    h[t] = a[t] h[t-1] + d[t] x[t] B[t]'        y[t] = h[t] C[t] + D x[t]

where a = exp(-d exp(A_log)) and d = softplus(..) are numbers, one for each head; x, B and C come
out of one convolution, and the output is normed after its gate. One gate for many channels is a
special case of Mamba's, so that the same scan computes it.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from starfree.models.convolution import ShortConvolution
from starfree.models.mamba import STEP_SIZE_FLOOR, STEP_SIZE_MAX, STEP_SIZE_MIN
from starfree.models.options import check_heads
from starfree.models.scan.dispatch import selective_scan
from starfree.models.stack import NORM_EPSILON, Stack, StackOptions, repeated

LARGEST_RATE = 16.0  # of decay at the start, uniform from 1


class Mamba2Options(StackOptions):
    """Sizes of a Mamba-2.

    Attributes:
        d_state: states a channel (N).
        d_conv: symbols that the convolution sees.
        expand: inner channels for each channel of the stream.
        heads: gates; must divide the inner channels.
        gates: `positive` is ``exp(d A)`` in (0, 1); `signed` is ``2 exp(d A) - 1``.
    """

    d_state: int = Field(default=16, ge=1)
    d_conv: int = Field(default=4, ge=1)
    expand: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    gates: Literal["positive", "signed"] = "positive"

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        check_heads(self.heads, self.expand * self.d_model, "inner channels:")
        return self


class Mamba2State(NamedTuple):
    """The convolution's last inputs and the scan's state."""

    window: Tensor  # [B, d_conv - 1, E + 2 N]
    hidden: Tensor  # [B, E, N]


class Mamba2Layer(nn.Module):
    """Projection, convolution, scan, gated norm, projection back."""

    def __init__(self, options: Mamba2Options) -> None:
        super().__init__()
        width, states = options.d_model, options.d_state
        inner = options.expand * width
        self.sizes = [inner, inner + 2 * states, options.heads]
        self.in_proj = nn.Linear(width, sum(self.sizes), bias=False)
        self.convolution = ShortConvolution(inner + 2 * states, options.d_conv)
        self.dt_bias = nn.Parameter(torch.empty(options.heads))
        self.A_log = nn.Parameter(torch.empty(options.heads).uniform_(1, LARGEST_RATE).log())
        self.D = nn.Parameter(torch.ones(options.heads))
        self.norm = nn.RMSNorm(inner, eps=NORM_EPSILON)
        self.out_proj = nn.Linear(inner, width, bias=False)
        self.states, self.channels = states, inner // options.heads
        self.signed = options.gates == "signed"
        with torch.no_grad():
            low, high = math.log(STEP_SIZE_MIN), math.log(STEP_SIZE_MAX)
            step = torch.empty_like(self.dt_bias).uniform_(low, high).exp_()
            step.clamp_(min=STEP_SIZE_FLOOR)
            self.dt_bias.copy_(step + torch.log(-torch.expm1(-step)))  # softplus^-1
        for parameter in (self.dt_bias, self.A_log, self.D):
            parameter._no_weight_decay = True  # type: ignore[attr-defined]

    def initial_state(self, batch: int) -> Mamba2State:
        """No inputs yet, and the scan at zero."""
        hidden = self.A_log.new_zeros(batch, self.sizes[0], self.states)
        return Mamba2State(self.convolution.initial_state(batch), hidden)

    def forward(self, x: Tensor, state: Mamba2State) -> tuple[Tensor, Mamba2State]:
        """``[B, L, d_model]`` to the same shape, and the next state."""
        z, convolved, dt = self.in_proj(x).split(self.sizes, dim=-1)
        convolved, window = self.convolution(convolved, state.window)
        inner, states = self.sizes[0], self.states
        u, B, C = convolved.split([inner, states, states], dim=-1)
        A = -torch.exp(self._each_channel(self.A_log))
        y, hidden = selective_scan(
            u,
            self._each_channel(dt),
            A[:, None].expand(inner, states),
            B,
            C,
            self._each_channel(self.D),
            z,
            self._each_channel(self.dt_bias),
            state.hidden,
            self.signed,
        )
        mixed: Tensor = self.out_proj(self.norm(y))
        return mixed, Mamba2State(window, hidden)

    def _each_channel(self, of_heads: Tensor) -> Tensor:
        return of_heads.repeat_interleave(self.channels, dim=-1)


class Mamba2(Stack):
    """Layers of Mamba-2."""

    Options = Mamba2Options

    def __init__(self, vocabulary: int, outputs: int, options: Mamba2Options) -> None:
        layers = repeated(lambda: Mamba2Layer(options), options)
        super().__init__(vocabulary, outputs, options.d_model, layers)
        self.options = options
