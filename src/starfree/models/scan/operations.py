"""Operations of diagonal recurrent models, compiled, differentiable, each with a slow reference.

They are registered with `torch.library` (namespace `starfree`) and know the shapes of their
results, so that `torch.compile` and `torch.export` pass through. Where the kernels are missing, or
the data is not float32 or float64 on a CPU, the reference computes.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from starfree.models.scan import library as native
from starfree.models.scan import reference


def usable(*tensors: Tensor | None) -> bool:
    """The compiled kernels can take these tensors: one dtype, float32 or float64, on the CPU."""
    given = [tensor for tensor in tensors if tensor is not None]
    first = given[0]
    return (
        first.dtype in native.SUFFIX
        and all(t.device.type == "cpu" and t.dtype == first.dtype for t in given)
        and native.library() is not None
    )


def _kernels() -> native.Library:
    loaded = native.library()
    assert loaded is not None
    return loaded


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
    """As `reference.selective_scan` (arguments, results), compiled where that is possible."""
    if u.shape[1] == 0 or not usable(u, delta, A, B, C, D, z, delta_bias, initial_state):
        return reference.selective_scan(u, delta, A, B, C, D, z, delta_bias, initial_state, signed)
    if initial_state is None:
        initial_state = u.new_zeros(u.shape[0], u.shape[2], A.shape[1])
    y, last, _, _ = _scan(u, delta, A, B, C, D, z, delta_bias, initial_state, signed)
    return y, last


@torch.library.custom_op("starfree::selective_scan", mutates_args=())
def _scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    initial_state: Tensor,
    signed: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Output, last state; for the backward: the output before the gate, the stored states."""
    sizes, tensors = _sizes(u, A), _contiguous(u, delta, A, B, C, D, z, delta_bias, initial_state)
    y = torch.empty_like(u, memory_format=torch.contiguous_format)
    plain = torch.empty_like(y) if z is not None else y.new_empty(0)
    last = u.new_empty(initial_state.shape)
    saved = u.new_empty(sizes[0], _states_saved(u, A))
    _kernels().call(
        "scan_forward",
        u.dtype,
        ctypes.addressof(struct := native.scan_tensors(sizes, signed, tensors)),
        y,
        plain if z is not None else None,
        last,
        saved,
        native.threads(),
    )
    del struct
    return y, last, plain, saved


@_scan.register_fake
def _(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    initial_state: Tensor,
    signed: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    y = torch.empty_like(u, memory_format=torch.contiguous_format)
    plain = torch.empty_like(y) if z is not None else y.new_empty(0)
    saved = u.new_empty(u.shape[0], _states_saved(u, A))
    return y, u.new_empty(initial_state.shape), plain, saved


def _sizes(u: Tensor, A: Tensor) -> tuple[int, int, int, int]:
    return u.shape[0], u.shape[1], u.shape[2], A.shape[1]


CHUNK_STEPS = 8


def _states_saved(u: Tensor, A: Tensor) -> int:
    """Elements a sequence: the padded state at the start of every chunk, and at the end."""
    lanes = _kernels().vector_bytes // u.element_size()
    chunks = (u.shape[1] + CHUNK_STEPS - 1) // CHUNK_STEPS + 1
    return chunks * A.shape[1] * ((u.shape[2] + lanes - 1) // lanes * lanes)


def _contiguous(*tensors: Tensor | None) -> list[Tensor | None]:
    return [None if tensor is None else tensor.contiguous() for tensor in tensors]


@torch.library.custom_op("starfree::selective_scan_backward", mutates_args=())
def _scan_backward(
    dy: Tensor,
    dlast: Tensor,
    plain: Tensor,
    saved: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    initial_state: Tensor,
    signed: bool,
) -> list[Tensor]:
    inputs = _contiguous(u, delta, A, B, C, D, z, delta_bias, initial_state)
    gradients = [u.new_empty(0) if t is None else torch.empty_like(t) for t in inputs]
    du, ddelta, dA, dB, dC, dD, dz, dbias, dinitial = gradients
    struct = native.scan_tensors(_sizes(u, A), signed, inputs)
    _kernels().call(
        "scan_backward",
        u.dtype,
        ctypes.addressof(struct),
        dy.contiguous(),
        dlast.contiguous(),
        plain if z is not None else None,
        saved,
        *(du, ddelta, dA, dB, dC),
        None if D is None else dD,
        None if z is None else dz,
        None if delta_bias is None else dbias,
        dinitial,
        native.threads(),
    )
    return gradients


@_scan_backward.register_fake
def _(
    dy: Tensor,
    dlast: Tensor,
    plain: Tensor,
    saved: Tensor,
    *inputs: Any,
) -> list[Tensor]:
    return [
        dy.new_empty(0) if t is None else torch.empty_like(t, memory_format=torch.contiguous_format)
        for t in inputs[:-1]
    ]


def _scan_setup(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    *tensors, ctx.signed = inputs
    ctx.save_for_backward(*tensors, output[2], output[3])
    ctx.mark_non_differentiable(output[2], output[3])


def _scan_gradient(ctx, dy, dlast, _plain, _saved):  # type: ignore[no-untyped-def]
    *inputs, plain, saved = ctx.saved_tensors
    gradients = _scan_backward(dy, dlast, plain, saved, *inputs, ctx.signed)
    found = [None if t is None else g for t, g in zip(inputs, gradients, strict=True)]
    return *found, None


_scan.register_autograd(_scan_gradient, setup_context=_scan_setup)


def causal_conv(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, window: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Depthwise causal convolution over time, then SiLU.

    Args:
        x: ``[B, L, E]``.
        weight: ``[E, K]``; tap K - 1 meets the present.
        bias: ``[E]``.
        window: the K - 1 inputs before x, ``[B, K - 1, E]``; zeros where it is None.

    Returns:
        ``[B, L, E]`` and the window after x.
    """
    taps = weight.shape[1]
    if window is None:
        window = x.new_zeros(x.shape[0], taps - 1, x.shape[2])
    seen = torch.cat([window, x], dim=1)
    after = seen[:, x.shape[1] :]
    if x.shape[1] == 0 or not usable(x, weight, bias, window):
        return naive_causal_conv(seen, weight, bias), after
    return _conv(seen, weight, bias), after


def naive_causal_conv(seen: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The reference of `causal_conv`, on the inputs with the window ahead."""
    length = seen.shape[1] - weight.shape[1] + 1
    total = seen.new_zeros(()) if bias is None else bias
    for k, tap in enumerate(weight.unbind(1)):
        total = total + seen[:, k : k + length] * tap
    return F.silu(total)


@torch.library.custom_op("starfree::causal_conv", mutates_args=())
def _conv(seen: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    seen, weight = seen.contiguous(), weight.contiguous()
    (batch, rows, channels), taps = seen.shape, weight.shape[1]
    y = seen.new_empty(batch, rows - taps + 1, channels)
    _kernels().call(
        "conv_forward",
        seen.dtype,
        *(batch, rows - taps + 1, channels, taps),
        *(seen, weight, None if bias is None else bias.contiguous()),
        y,
        native.threads(),
    )
    return y


@_conv.register_fake
def _(seen: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return seen.new_empty(seen.shape[0], seen.shape[1] - weight.shape[1] + 1, seen.shape[2])


@torch.library.custom_op("starfree::causal_conv_backward", mutates_args=())
def _conv_backward(
    dy: Tensor, seen: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    seen, weight = seen.contiguous(), weight.contiguous()
    dseen, dweight = torch.empty_like(seen), torch.empty_like(weight)
    dbias = seen.new_empty(seen.shape[2])
    _kernels().call(
        "conv_backward",
        seen.dtype,
        *(seen.shape[0], dy.shape[1], seen.shape[2], weight.shape[1]),
        *(seen, weight, None if bias is None else bias.contiguous()),
        *(dy.contiguous(), dseen, dweight, dbias),
        native.threads(),
    )
    return dseen, dweight, dbias


@_conv_backward.register_fake
def _(
    dy: Tensor, seen: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(seen), torch.empty_like(weight), seen.new_empty(seen.shape[2])


def _conv_setup(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    ctx.save_for_backward(*inputs)


def _conv_gradient(ctx, dy):  # type: ignore[no-untyped-def]
    seen, weight, bias = ctx.saved_tensors
    dseen, dweight, dbias = _conv_backward(dy, seen, weight, bias)
    return dseen, dweight, None if bias is None else dbias


_conv.register_autograd(_conv_gradient, setup_context=_conv_setup)


def diagonal_scan(a: Tensor, b: Tensor, initial_state: Tensor | None = None) -> Tensor:
    """All states of ``h[t] = a[t] h[t-1] + b[t]``, real or complex.

    Args:
        a: ``[B, L, ...]``, broadcastable to b.
        b: ``[B, L, ...]``.
        initial_state: ``[B, ...]``; zeros where it is None.
    """
    a = a.expand_as(b)
    if initial_state is None:
        initial_state = b.new_zeros(b.shape[:1] + b.shape[2:])
    real = b.dtype.to_real() if b.is_complex() else b.dtype
    possible = b.device.type == "cpu" and real in native.SUFFIX and b.numel() > 0
    if not (possible and a.dtype == b.dtype == initial_state.dtype and native.library()):
        return naive_diagonal_scan(a, b, initial_state)
    states: Tensor = _diagonal(a, b, initial_state)
    return states


def naive_diagonal_scan(a: Tensor, b: Tensor, initial_state: Tensor) -> Tensor:
    """The reference of `diagonal_scan`, one step at a time."""
    states = [initial_state]
    for gate, value in zip(a.unbind(1), b.unbind(1), strict=True):
        states.append(gate * states[-1] + value)
    return torch.stack(states[1:], dim=1) if len(states) > 1 else b.clone()


def _reals(tensor: Tensor) -> Tensor:
    tensor = tensor.contiguous()
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def _diagonal_sizes(b: Tensor) -> tuple[int, int, int, int]:
    width = b[0, 0].numel() * (2 if b.is_complex() else 1)
    return int(b.is_complex()), b.shape[0], b.shape[1], width


@torch.library.custom_op("starfree::diagonal_scan", mutates_args=())
def _diagonal(a: Tensor, b: Tensor, initial_state: Tensor) -> Tensor:
    h = torch.empty_like(b, memory_format=torch.contiguous_format)
    tensors = [_reals(t) for t in (a, b, initial_state, h)]
    _kernels().call(
        "diagonal_forward", tensors[0].dtype, *_diagonal_sizes(b), *tensors, native.threads()
    )
    return h


@_diagonal.register_fake
def _(a: Tensor, b: Tensor, initial_state: Tensor) -> Tensor:
    return torch.empty_like(b, memory_format=torch.contiguous_format)


@torch.library.custom_op("starfree::diagonal_scan_backward", mutates_args=())
def _diagonal_backward(
    dh: Tensor, a: Tensor, h: Tensor, initial_state: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    results = (
        torch.empty_like(h),
        torch.empty_like(h),
        initial_state.new_empty(initial_state.shape),
    )
    tensors = [_reals(t) for t in (a, initial_state, h, dh, *results)]
    _kernels().call(
        "diagonal_backward", tensors[0].dtype, *_diagonal_sizes(h), *tensors, native.threads()
    )
    return results


@_diagonal_backward.register_fake
def _(dh: Tensor, a: Tensor, h: Tensor, initial_state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(h), torch.empty_like(h), initial_state.new_empty(initial_state.shape)


def _diagonal_setup(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    ctx.save_for_backward(inputs[0], inputs[2], output)


def _diagonal_gradient(ctx, dh):  # type: ignore[no-untyped-def]
    a, initial_state, h = ctx.saved_tensors
    return _diagonal_backward(dh, a, h, initial_state)


_diagonal.register_autograd(_diagonal_gradient, setup_context=_diagonal_setup)
