"""A diagonal gated recurrence in which only the map of the gates changes.

    h[t] = a[t] * h[t-1] + W_b u[t]        y[t] = W_o (h[t] * silu(W_z x[t]))

elementwise, with u the input after a short convolution. The gates decide what can be modelled: in
[0, 1] the star-free languages (Sarrof et al. 2024), in [-1, 1] also parity (Grazzi et al. 2025), in
the complex unit disc also counting modulo any number (Shakerinava et al. 2026). With gates that do
not see their input it is a linear recurrent unit (Orvieto et al. 2023; S5, Smith et al. 2023).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.convolution import ShortConvolution
from starfree.models.scan.operations import diagonal_scan
from starfree.models.stack import Stack, StackOptions, at_least_float32, parted, repeated

# Sizes of the gates at the start: memories of 10 to 1000 symbols.
SMALLEST, LARGEST = 0.9, 0.999


class DiagonalOptions(StackOptions):
    """Sizes and gates.

    Attributes:
        expand: units of the state for each channel of the stream.
        d_conv: symbols that the convolution before the recurrence sees; 1 is none.
        gates: `positive` is ``sigmoid(w)``, in [0, 1]; `signed` is ``2 sigmoid(w) - 1``, in
            [-1, 1]; `disc` is ``sigmoid(w) exp(i v)``; `circle` is ``exp(i v)``.
        input_dependent: w and v are linear in u; else they are parameters.
        start: gates at first: `keep` near 1, `flip` near -1, `spread` of all signs or angles.
    """

    expand: int = Field(default=2, ge=1)
    d_conv: int = Field(default=4, ge=1)
    gates: Literal["positive", "signed", "disc", "circle"] = "positive"
    input_dependent: bool = True
    start: Literal["keep", "flip", "spread"] = "spread"

    @model_validator(mode="after")
    def _positive_gates_cannot_flip(self) -> Self:
        if self.gates == "positive" and self.start == "flip":
            raise ValueError("start flip needs gates that can be -1: signed, disc, circle")
        return self


class DiagonalState(NamedTuple):
    """The convolution's last inputs and the units; complex ones as pairs of reals."""

    window: Tensor  # [B, d_conv - 1, d_model]
    hidden: Tensor  # [B, units] or [B, units, 2]


class DiagonalLayer(nn.Module):
    """Convolution, diagonal recurrence, multiplicative output."""

    def __init__(self, options: DiagonalOptions) -> None:
        super().__init__()
        width, units = options.d_model, options.expand * options.d_model
        self.gates, self.input_dependent = options.gates, options.input_dependent
        self.complex = options.gates in ("disc", "circle")
        self.units, parts = units, 2 if self.complex else 1
        self.convolution = ShortConvolution(width, options.d_conv) if options.d_conv > 1 else None
        self.in_proj = nn.Linear(width, parts * units, bias=False)
        self.output_gate = nn.Linear(width, parts * units)
        self.out_proj = nn.Linear(parts * units, width, bias=False)
        numbers = {"positive": 1, "signed": 1, "disc": 2, "circle": 1}[options.gates]
        if options.input_dependent:
            self.gate = nn.Linear(width, numbers * units)
            at_start = self.gate.bias
        else:
            self.gate_logits = nn.Parameter(torch.empty(numbers * units))
            at_start = self.gate_logits
        with torch.no_grad():
            at_start.copy_(initial_logits(options, units))

    def initial_state(self, batch: int) -> DiagonalState:
        """No inputs yet, and units at zero."""
        like = self.in_proj.weight
        window = like.new_zeros(batch, 0, like.shape[1])
        if self.convolution is not None:
            window = self.convolution.initial_state(batch)
        shape = (batch, self.units, 2) if self.complex else (batch, self.units)
        dtype = at_least_float32(like[:0]).dtype if self.complex else like.dtype
        return DiagonalState(window, like.new_zeros(shape, dtype=dtype))

    def forward(self, x: Tensor, state: DiagonalState) -> tuple[Tensor, DiagonalState]:
        """``[B, L, d_model]`` to the same shape, and the next state."""
        u, window = x, state.window
        if self.convolution is not None:
            u, window = self.convolution(x, window)
        gate_logits = self.gate(u) if self.input_dependent else self.gate_logits
        gates = self.gates_of(gate_logits)
        added, hidden = self.in_proj(u), state.hidden
        if not self.complex:
            states = diagonal_scan(gates, added, hidden)
            after = states[:, -1]
        else:
            pairs = parted(at_least_float32(added), self.units)
            found = diagonal_scan(
                gates, torch.view_as_complex(pairs), torch.view_as_complex(hidden.contiguous())
            )
            reals = torch.view_as_real(found)
            states, after = reals.flatten(-2).to(x.dtype), reals[:, -1]
        y: Tensor = self.out_proj(states * F.silu(self.output_gate(x)))
        return y, DiagonalState(window, after)

    def gates_of(self, logits: Tensor) -> Tensor:
        """Real ``[..., units]`` or complex."""
        if self.gates == "positive":
            return torch.sigmoid(logits)
        if self.gates == "signed":
            return 2 * torch.sigmoid(logits) - 1
        logits = at_least_float32(logits)
        if self.gates == "circle":
            return torch.polar(torch.ones_like(logits), logits)
        size, angle = logits.chunk(2, dim=-1)
        return torch.polar(torch.sigmoid(size), angle)


def initial_logits(options: DiagonalOptions, units: int) -> Tensor:
    """What makes the gates start as the options say."""
    size = torch.empty(units).uniform_(SMALLEST, LARGEST)
    flipped = torch.full((units,), options.start == "flip")
    if options.start == "spread":
        flipped = torch.rand(units) < 0.5
    if options.gates == "positive":
        return torch.logit(size)
    if options.gates == "signed":
        return torch.logit((1 + torch.where(flipped, -size, size)) / 2)
    angle = math.pi * flipped
    if options.start == "spread":
        angle = torch.empty(units).uniform_(-math.pi, math.pi)
    return angle if options.gates == "circle" else torch.cat([torch.logit(size), angle])


class Diagonal(Stack):
    """Layers of diagonal gated recurrences."""

    Options = DiagonalOptions

    def __init__(self, vocabulary: int, outputs: int, options: DiagonalOptions) -> None:
        layers = repeated(lambda: DiagonalLayer(options), options)
        super().__init__(vocabulary, outputs, options.d_model, layers)
        self.options = options
