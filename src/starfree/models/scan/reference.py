"""Mamba's selective scan in plain PyTorch: a naive loop that is the truth, and a fast twin.

Shapes: B batch, L length, E inner channels, N states a channel. With ``d = softplus(delta + bias)``

    h[t] = exp(d[t] A) * h[t-1] + d[t] u[t] B[t]        h[-1] = initial_state
    y[t] = (sum over n of C[t] h[t]  +  D u[t]) * silu(z[t])

(Gu and Dao 2023, section 3). Signed gates are ``2 exp(d[t] A) - 1`` instead of the exponential,
between -1 and 1 (Grazzi et al. 2025, 2411.12537): a step size near 0 still remembers (gate 1), a
large one does not forget but flips the sign (gate -1), and forgetting lies between (gate 0).

`naive_selective_scan` writes this down line by line; its backward is
autograd's, quadratic in L, and serves as the tests' oracle. `selective_scan` computes the same with
a backward written by hand: time-major, in chunks of steps that stay in the processor's cache, and
with the states of a chunk recomputed from the state at its start, so that memory beyond the inputs
is one chunk, whatever L is.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK_ELEMENTS = 1 << 18
"""Numbers in a chunk's buffer, [steps, B, E, N]: 1 MiB of float32, about a core's L2 cache."""


def naive_selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    initial_state: Tensor | None = None,
    signed: bool = False,
) -> tuple[Tensor, Tensor]:
    """The definition, one step at a time; arguments and results as `selective_scan`."""
    step_size = F.softplus(delta if delta_bias is None else delta + delta_bias)
    batch, length, channels = u.shape
    state = u.new_zeros(batch, channels, A.shape[1]) if initial_state is None else initial_state
    outputs = []
    for t in range(length):
        gate = torch.exp(step_size[:, t, :, None] * A)
        if signed:
            gate = 2 * gate - 1
        state = gate * state + (step_size[:, t] * u[:, t])[:, :, None] * B[:, t, None, :]
        output = (state * C[:, t, None, :]).sum(-1)
        if D is not None:
            output = output + D * u[:, t]
        if z is not None:
            output = output * F.silu(z[:, t])
        outputs.append(output)
    return torch.stack(outputs, dim=1), state


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    initial_state: Tensor | None = None,
    signed: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mamba's recurrence over a whole batch of sequences, differentiable in every argument.

    Args:
        u: input, ``[B, L, E]``.
        delta: step size before bias and softplus, ``[B, L, E]``.
        A: decay rates (negative), ``[E, N]``.
        B: input weights, ``[B, L, N]``.
        C: output weights, ``[B, L, N]``.
        D: skip weights, ``[E]``.
        z: output gate before SiLU, ``[B, L, E]``.
        delta_bias: ``[E]``.
        initial_state: ``[B, E, N]``; zeros where it is None.
        signed: gates are ``2 exp(d A) - 1``.

    Returns:
        output ``[B, L, E]`` and the state after the last step ``[B, E, N]``.
    """
    step_size = F.softplus(delta if delta_bias is None else delta + delta_bias)
    if initial_state is None:
        initial_state = u.new_zeros(u.shape[0], u.shape[2], A.shape[1])
    outcome: tuple[Tensor, Tensor] = _Recurrence.apply(  # type: ignore[no-untyped-call]
        *(tensor.transpose(0, 1).contiguous() for tensor in (step_size, step_size * u, B, C)),
        A,
        initial_state,
        signed,
    )
    y = outcome[0].transpose(0, 1)
    if D is not None:
        y = torch.addcmul(y, u, D)
    if z is not None:
        y = y * F.silu(z)
    return y, outcome[1]


class _Recurrence(torch.autograd.Function):
    """``h[t] = exp(d[t] A) h[t-1] + x[t] B[t]``, ``y[t] = C[t] . h[t]``, everything time-major.

    d and x are ``[L, B, E]``, B and C ``[L, B, N]``, A ``[E, N]``, the state ``[B, E, N]``.
    """

    @staticmethod
    def forward(
        ctx: Any, d: Tensor, x: Tensor, B: Tensor, C: Tensor, A: Tensor, state: Tensor, signed: bool
    ) -> tuple[Tensor, Tensor]:
        ctx.signed = signed
        chunks = _Chunks(d, A, signed)
        y = torch.empty_like(d)
        starts = []
        for low, high in chunks.spans:
            starts.append(state)
            hidden = chunks.states(d[low:high], x[low:high], B[low:high], A, state)
            _over_states(C[low:high], hidden, out=y[low:high])
            state = hidden[-1].clone()
        ctx.save_for_backward(d, x, B, C, A, *starts)
        return y, state

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dstate: Tensor) -> tuple[Tensor | None, ...]:
        d, x, B, C, A, *starts = ctx.saved_tensors
        chunks = _Chunks(d, A, ctx.signed)
        dy = dy.contiguous()
        dd, dx, dB, dC = (torch.empty_like(tensor) for tensor in (d, x, B, C))
        dA = torch.zeros_like(A)
        # `carried` is the loss's gradient with respect to the state that a chunk leaves behind.
        carried = dstate
        pull_buffer = torch.empty_like(chunks.states_buffer)
        ones = A.new_ones(A.shape[1])
        for (low, high), start in zip(reversed(chunks.spans), reversed(starts), strict=True):
            span = slice(low, high)
            hidden = chunks.states(d[span], x[span], B[span], A, start)
            gates = chunks.gates_buffer[: high - low]
            torch.matmul(dy[span, :, None, :], hidden, out=dC[span, :, None, :])

            # pull[t] = dLoss/dh[t] = C[t] dy[t] + gate[t+1] pull[t+1]
            pull = pull_buffer[: high - low]
            torch.mul(dy[span, :, :, None], C[span, :, None, :], out=pull)
            pull[-1] += carried
            steps, gate_steps = pull.unbind(0), gates.unbind(0)
            for t in range(high - low - 2, -1, -1):
                steps[t].addcmul_(gate_steps[t + 1], steps[t + 1])
            carried = gates[0] * pull[0]

            _over_states(B[span], pull, out=dx[span])
            torch.matmul(x[span, :, None, :], pull, out=dB[span, :, None, :])

            # gate = exp(d A): dLoss/d(d A)[t] = pull[t] h[t-1] gate[t]; gate + 1 if it is signed
            exponent = (gates.add_(1) if ctx.signed else gates).mul_(pull)
            exponent[1:] *= hidden[:-1]
            exponent[0] *= start
            dA += torch.mul(exponent, d[span, :, :, None], out=pull).sum((0, 1))
            torch.mul(exponent, A, out=pull)
            torch.mv(pull.view(-1, ones.shape[0]), ones, out=dd[span].view(-1))
        return dd, dx, dB, dC, dA, carried, None


def _over_states(weights: Tensor, states: Tensor, out: Tensor) -> None:
    """``out[t, b, e] = sum over n of weights[t, b, n] states[t, b, e, n]``.

    A row times a transposed matrix: a matrix times a column is five times slower in torch's `bmm`.
    """
    torch.matmul(weights[:, :, None, :], states.transpose(2, 3), out=out[:, :, None, :])


class _Chunks:
    """Spans of time steps, and the two buffers in which their gates and states are computed."""

    def __init__(self, d: Tensor, A: Tensor, signed: bool) -> None:
        self.signed = signed
        length, batch, channels = d.shape
        a_step = batch * channels * A.shape[1]
        steps = max(1, min(length, CHUNK_ELEMENTS // max(1, a_step)))
        count = math.ceil(length / steps)
        self.spans = [(i * steps, min(length, (i + 1) * steps)) for i in range(count)]
        self.gates_buffer = d.new_empty(steps, batch, channels, A.shape[1])
        self.states_buffer = torch.empty_like(self.gates_buffer)

    def states(self, d: Tensor, x: Tensor, B: Tensor, A: Tensor, start: Tensor) -> Tensor:
        """States after each step of one span (a view of the buffer), gates beside them."""
        gates, hidden = self.gates_buffer[: len(d)], self.states_buffer[: len(d)]
        torch.mul(d[..., None], A, out=gates).exp_()
        if self.signed:
            gates.mul_(2).sub_(1)
        torch.mul(x[..., None], B[:, :, None, :], out=hidden)
        for gate, state in zip(gates.unbind(0), hidden.unbind(0), strict=True):
            start = state.addcmul_(gate, start)
        return hidden
