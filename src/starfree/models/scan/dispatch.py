"""Which selective scan takes a tensor: by device, dtype and what is installed.

float32 and float64 on a CPU go to the compiled kernels, CUDA tensors to `mamba_ssm` where it is
importable, everything else (and CUDA without `mamba_ssm`) to the chunked PyTorch reference.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from torch import Tensor

from starfree.models.scan import operations, reference


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
    """As `reference.selective_scan`, by the fastest implementation for these tensors."""
    arguments = (u, delta, A, B, C, D, z, delta_bias, initial_state)
    if u.device.type == "cpu":
        return operations.selective_scan(*arguments, signed)
    kernel = cuda_kernel() if u.device.type == "cuda" else None
    # The published kernel starts from zero and has no signed gates.
    if kernel is None or initial_state is not None or signed:
        return reference.selective_scan(*arguments, signed)
    return _published(kernel, *arguments[:-1])


@functools.cache
def cuda_kernel() -> Callable[..., Any] | None:
    """`mamba_ssm`'s scan, or None where it is missing or does not import."""
    try:
        module = importlib.import_module("mamba_ssm.ops.selective_scan_interface")
        kernel: Callable[..., Any] = module.selective_scan_fn
    except Exception:  # a broken build raises anything, and PyTorch can compute without it
        return None
    return kernel


def _published(
    kernel: Callable[..., Any],
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The published kernel wants time last, and A, D and the bias in float32."""
    y, last = kernel(
        *(u.transpose(1, 2), delta.transpose(1, 2), A.float()),
        *(B.transpose(1, 2), C.transpose(1, 2)),
        None if D is None else D.float(),
        z=None if z is None else z.transpose(1, 2),
        delta_bias=None if delta_bias is None else delta_bias.float(),
        delta_softplus=True,
        return_last_state=True,
    )
    return y.transpose(1, 2), last
