"""Mamba's selective scan with signed gates: ``2 exp(d A) - 1``, between -1 and 1.

Grazzi et al. 2025 (2411.12537, section 4): the gate ``s`` of Mamba becomes ``2 s - 1``; what is
added to the state stays as it was. A step size near 0 still remembers (gate 1), a large one no
longer forgets but flips the sign (gate -1), and forgetting lies between (gate 0).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from starfree.models.scan.operations import diagonal_scan


def signed_selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor,
    delta_bias: Tensor,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``h[t] = (2 exp(d[t] A) - 1) h[t-1] + d[t] u[t] B[t]``; all else as `selective_scan`.

    The states of all steps are in memory at once, ``[B, L, E, N]``.
    """
    step_size = F.softplus(delta + delta_bias)
    gates = 2 * torch.exp(step_size[..., None] * A) - 1
    states = diagonal_scan(gates, (step_size * u)[..., None] * B[:, :, None], initial_state)
    y = torch.einsum("blen,bln->ble", states, C) + D * u
    return y * F.silu(z), states[:, -1]
