"""The two layers of xLSTM (Beck et al. 2024, 2405.04517): exponential gates and a normaliser.

mLSTM has a matrix memory and gates that see the input only,

    C[t] = f C[t-1] + i k v'      n[t] = f n[t-1] + i k      y[t] = C[t]' q / max(|n[t] . q|, 1)

sLSTM has a cell for each unit and gates that also see its head's last output h[t-1],

    c[t] = f c[t-1] + i tanh(z)   n[t] = f n[t-1] + i        h[t] = o c[t] / n[t]

with f = sigmoid(.), i = exp(.). All of C, n, c are held divided by exp(m[t]), where
m[t] = max(log f + m[t-1], log i): no result depends on m, and nothing overflows.
"""

from __future__ import annotations

from typing import NamedTuple, Self

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
    by_head,
    merge_heads,
    parted,
    repeated,
)

CHUNK = 64  # symbols whose pairs are computed together
FORGET_BIAS_MIN, FORGET_BIAS_MAX = 3.0, 6.0  # gates near 1 at the start, other ones for each head


class MlstmOptions(StackOptions):
    """Sizes of an mLSTM.

    Attributes:
        heads: each with a square memory; must divide the inner channels.
        expand: inner channels for each channel of the stream.
        d_conv: symbols that the convolution before queries and keys sees.
    """

    heads: int = Field(default=4, ge=1)
    expand: int = Field(default=2, ge=1)
    d_conv: int = Field(default=4, ge=1)

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        check_heads(self.heads, self.expand * self.d_model, "inner channels:")
        return self


class SlstmOptions(StackOptions):
    """Sizes of an sLSTM.

    Attributes:
        heads: units of a head see each other's last output; must divide `d_model`.
        d_conv: symbols that the convolution before the input and forget gates sees.
    """

    heads: int = Field(default=4, ge=1)
    d_conv: int = Field(default=4, ge=1)
    mlp: bool = True

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        check_heads(self.heads, self.d_model)
        return self


class MlstmState(NamedTuple):
    """The convolution's last inputs, the memory, its normaliser, and log of their scale."""

    window: Tensor  # [B, d_conv - 1, E]
    memory: Tensor  # [B, heads, key, value]
    normaliser: Tensor  # [B, heads, key]
    scale: Tensor  # [B, heads]


class MlstmLayer(nn.Module):
    """Projection up, convolution, recurrence, norm, skip, output gate, projection down."""

    def __init__(self, options: MlstmOptions) -> None:
        super().__init__()
        width, inner, heads = options.d_model, options.expand * options.d_model, options.heads
        self.heads = heads
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.convolution = ShortConvolution(inner, options.d_conv)
        self.queries_keys = nn.Linear(inner, 2 * inner, bias=False)
        self.values = nn.Linear(inner, inner, bias=False)
        self.gates = nn.Linear(inner, 2 * heads)
        self.norm = nn.RMSNorm(inner // heads, eps=NORM_EPSILON)
        self.skip = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, width, bias=False)
        with torch.no_grad():
            forget = torch.linspace(FORGET_BIAS_MIN, FORGET_BIAS_MAX, heads)
            self.gates.bias.copy_(torch.cat([torch.zeros(heads), forget]))

    def initial_state(self, batch: int) -> MlstmState:
        """No inputs yet, and an empty memory."""
        like = self.out_proj.weight
        size = like.shape[1] // self.heads
        shape = (batch, self.heads, size, size)
        return MlstmState(
            self.convolution.initial_state(batch),
            like.new_zeros(shape),
            like.new_zeros(shape[:3]),
            like.new_zeros(shape[:2]),
        )

    def forward(self, x: Tensor, state: MlstmState) -> tuple[Tensor, MlstmState]:
        """``[B, L, d_model]`` to the same shape, and the next state."""
        inner, z = self.in_proj(x).chunk(2, dim=-1)
        convolved, window = self.convolution(inner, state.window)
        queries, keys = self.queries_keys(convolved).chunk(2, dim=-1)
        log_in, forget = by_head(self.gates(convolved), 2 * self.heads)[..., 0].chunk(2, dim=1)
        read, *memory = mlstm(
            by_head(queries, self.heads),
            by_head(keys, self.heads) * (keys.shape[-1] // self.heads) ** -0.5,
            by_head(self.values(inner), self.heads),
            log_in,
            F.logsigmoid(forget),
            *state[1:],
        )
        y = merge_heads(self.norm(read)) + self.skip * convolved
        mixed: Tensor = self.out_proj(y * F.silu(z))
        return mixed, MlstmState(window, *memory)


def mlstm(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    log_in: Tensor,
    log_forget: Tensor,
    memory: Tensor,
    normaliser: Tensor,
    scale: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The recurrence, in chunks: within one, every symbol's weight at every later one is computed.

    Args:
        queries: ``[..., L, key]``.
        keys: ``[..., L, key]``.
        values: ``[..., L, value]``.
        log_in: log of the input gate, ``[..., L]``.
        log_forget: log of the forget gate, ``[..., L]``.
        memory: ``[..., key, value]``, as the other two divided by exp(scale).
        normaliser: ``[..., key]``.
        scale: ``[...]``.

    Returns:
        what is read, ``[..., L, value]``, and the three after the last symbol.
    """
    found = []
    parts = (queries, keys, values, log_in[..., None], log_forget[..., None])
    for q, k, v, i, f in zip(*(torch.split(part, CHUNK, dim=-2) for part in parts), strict=True):
        passed = f[..., 0].cumsum(-1)  # log of what is left of the start
        kept = passed[..., :, None] - passed[..., None, :] + i.mT
        kept = kept.masked_fill(torch.ones_like(kept, dtype=torch.bool).triu(1), -torch.inf)
        left = passed + scale[..., None]
        largest = torch.maximum(left, kept.amax(-1)).detach()
        weights = torch.exp(kept - largest[..., None])
        from_start = torch.exp(left - largest)[..., None]
        seen = weights * (q @ k.mT)
        total = from_start[..., 0] * (q @ normaliser[..., None])[..., 0] + seen.sum(-1)
        divisor = torch.maximum(total.abs(), torch.exp(-largest))
        found.append((from_start * (q @ memory) + seen @ v) / divisor[..., None])
        last, start = weights[..., -1, :, None] * k, from_start[..., -1, :]
        memory = start[..., None] * memory + last.mT @ v
        normaliser = start * normaliser + last.sum(-2)
        scale = largest[..., -1]
    return torch.cat(found, dim=-2), memory, normaliser, scale


class SlstmState(NamedTuple):
    """Last inputs of the convolution, cells, normaliser, log of their scale, outputs."""

    window: Tensor  # [B, d_conv - 1, d_model]
    cell: Tensor  # [B, d_model], as the others
    normaliser: Tensor
    scale: Tensor
    output: Tensor


class SlstmLayer(nn.Module):
    """Convolution, recurrence with memory mixing inside each head, norm, projection.

    The recurrence is not linear: it runs symbol by symbol.
    """

    def __init__(self, options: SlstmOptions) -> None:
        super().__init__()
        width, heads = options.d_model, options.heads
        size = width // heads
        self.heads = heads
        self.convolution = ShortConvolution(width, options.d_conv)
        self.in_forget = nn.Linear(width, 2 * width)
        self.cell_output = nn.Linear(width, 2 * width)
        self.recurrent = nn.Parameter(torch.zeros(heads, size, 4 * size))
        self.norm = nn.RMSNorm(size, eps=NORM_EPSILON)
        self.out_proj = nn.Linear(width, width, bias=False)
        with torch.no_grad():
            forget = torch.linspace(FORGET_BIAS_MIN, FORGET_BIAS_MAX, width)
            self.in_forget.bias.copy_(torch.cat([torch.zeros(width), forget]))
            bound = size**-0.5
            self.recurrent.uniform_(-bound, bound)

    def initial_state(self, batch: int) -> SlstmState:
        """No inputs yet, and empty cells."""
        zeros = self.out_proj.weight.new_zeros(batch, self.out_proj.in_features)
        return SlstmState(self.convolution.initial_state(batch), zeros, zeros, zeros, zeros)

    def forward(self, x: Tensor, state: SlstmState) -> tuple[Tensor, SlstmState]:
        """``[B, L, d_model]`` to the same shape, and the next state."""
        convolved, window = self.convolution(x, state.window)
        # for each head the four pre-activations side by side, as `recurrent` gives them
        from_input = torch.cat(
            [
                parted(parted(part, 2), self.heads).transpose(2, 3)
                for part in (self.in_forget(convolved), self.cell_output(x))
            ],
            dim=-2,
        ).flatten(-2)
        cell, normaliser, scale, output = (parted(part, self.heads) for part in state[1:])
        outputs = []
        for given in from_input.unbind(1):
            mixed = torch.matmul(output[:, :, None], self.recurrent)[:, :, 0]
            log_in, forget, value, output_gate = (given + mixed).chunk(4, dim=-1)
            kept = F.logsigmoid(forget) + scale
            scale = torch.maximum(kept, log_in).detach()
            keep, take = torch.exp(kept - scale), torch.exp(log_in - scale)
            cell = keep * cell + take * torch.tanh(value)
            normaliser = keep * normaliser + take
            output = torch.sigmoid(output_gate) * cell / normaliser
            outputs.append(output)
        y: Tensor = self.out_proj(self.norm(torch.stack(outputs, dim=1)).flatten(2))
        after = (part.flatten(1) for part in (cell, normaliser, scale, output))
        return y, SlstmState(window, *after)


class Mlstm(Stack):
    """Layers of mLSTM."""

    Options = MlstmOptions

    def __init__(self, vocabulary: int, outputs: int, options: MlstmOptions) -> None:
        layers = repeated(lambda: MlstmLayer(options), options)
        super().__init__(vocabulary, outputs, options.d_model, layers)
        self.options = options


class Slstm(Stack):
    """Layers of sLSTM."""

    Options = SlstmOptions

    def __init__(self, vocabulary: int, outputs: int, options: SlstmOptions) -> None:
        layers = repeated(lambda: SlstmLayer(options), options)
        super().__init__(vocabulary, outputs, options.d_model, layers)
        self.options = options
