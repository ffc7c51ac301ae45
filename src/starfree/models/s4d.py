"""S4D (Gu et al. 2022, 2206.11893): complex diagonal gates that do not see their input.

Each channel u has N / 2 complex units, and their conjugates, which are not computed:

    h[t] = exp(d A) h[t-1] + (exp(d A) - 1) / A u[t]        y[t] = 2 Re(C . h[t]) + D u[t]

(zero-order hold; B is 1). A = -1/2 + i pi n at the start (S4D-Lin), d is learned for each channel.
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.scan.operations import diagonal_scan
from starfree.models.stack import Stack, StackOptions, at_least_float32, repeated

STEP_SIZE_MIN, STEP_SIZE_MAX = 1e-3, 0.1  # log-uniform at the start


class S4dOptions(StackOptions):
    """Sizes.

    Attributes:
        d_state: real states a channel (N), of which N / 2 complex ones are computed.
    """

    d_state: int = Field(default=16, ge=2, multiple_of=2)


class S4dLayer(nn.Module):
    """The recurrence, GELU, and a gated linear unit. Its state is ``[B, d_model, N / 2, 2]``."""

    def __init__(self, options: S4dOptions) -> None:
        super().__init__()
        width, units = options.d_model, options.d_state // 2
        low, high = math.log(STEP_SIZE_MIN), math.log(STEP_SIZE_MAX)
        self.log_dt = nn.Parameter(torch.empty(width).uniform_(low, high))
        self.A_log = nn.Parameter(
            torch.full((width, units), 0.5).log()
        )  # of the negative real part
        self.A_imag = nn.Parameter(math.pi * torch.arange(units).repeat(width, 1).to(torch.float))
        self.C = nn.Parameter(torch.randn(width, units, 2) / math.sqrt(2))
        self.D = nn.Parameter(torch.ones(width))
        self.out_proj = nn.Linear(width, 2 * width)
        for parameter in (self.log_dt, self.A_log, self.A_imag, self.D):
            parameter._no_weight_decay = True  # type: ignore[attr-defined]

    def initial_state(self, batch: int) -> Tensor:
        """Zeros; complex numbers as pairs of reals."""
        dtype = at_least_float32(self.C[:0]).dtype
        return self.C.new_zeros((batch, *self.C.shape), dtype=dtype)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, L, d_model]`` to the same shape, and the next state."""
        wide = at_least_float32(x)
        log_dt, A_log, A_imag, C = map(
            at_least_float32, (self.log_dt, self.A_log, self.A_imag, self.C)
        )
        A = torch.complex(-A_log.exp(), A_imag)
        gates = torch.exp(log_dt.exp()[:, None] * A)
        states = diagonal_scan(
            gates, (gates - 1) / A * wide[..., None], torch.view_as_complex(state.contiguous())
        )
        # Re(C h) is the product of the real parts less that of the imaginary parts.
        signed = C * C.new_tensor([2.0, -2.0])
        reals = torch.view_as_real(states)
        y = (reals * signed).sum((-2, -1)).to(x.dtype) + self.D * x
        mixed = F.glu(self.out_proj(F.gelu(y)), dim=-1)
        return mixed, reals[:, -1]


class S4d(Stack):
    """Layers of S4D."""

    Options = S4dOptions

    def __init__(self, vocabulary: int, outputs: int, options: S4dOptions) -> None:
        layers = repeated(lambda: S4dLayer(options), options)
        super().__init__(vocabulary, outputs, options.d_model, layers)
        self.options = options
