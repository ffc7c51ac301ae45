"""A whole Mamba, embedding to logits, or one mixer, as a single compiled operation.

The kernels work on blocks of real positions: `lengths` says how long each sequence of a padded
batch is, and nothing is computed behind its end (logits there are zero). A sequence's result does
not depend, to the bit, on the batch it is in, nor on how a stream is cut into chunks.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from starfree.models.scan import library as native


class Shape(NamedTuple):
    """Sizes of a Mamba-1 (pre-norm residual blocks)."""

    layers: int
    d_model: int
    d_inner: int
    d_state: int
    d_conv: int
    dt_rank: int
    vocabulary: int
    outputs: int
    layer_norm: bool
    epsilon: float
    signed: bool = False  # gates 2 exp(d A) - 1

    def struct(self, bare: bool = False) -> ctypes.Structure:
        """For the kernels; `bare` is one mixer without norm, residual, embedding and head."""
        flags = (int(self.layer_norm), int(bare), int(self.signed))
        return _Shape(*self[:8], *flags, self.epsilon)


class _Shape(ctypes.Structure):
    _fields_ = [(f"size{i}", ctypes.c_int32) for i in range(11)] + [("eps", ctypes.c_double)]


class LayerParameters(NamedTuple):
    """A layer's tensors, in the kernels' order; absent biases are None."""

    norm: Tensor | None
    norm_bias: Tensor | None
    in_proj: Tensor  # [2 E, d]
    conv: Tensor  # [E, K]
    conv_bias: Tensor | None
    x_proj: Tensor  # [R + 2 N, E]
    dt_proj: Tensor  # [E, R]
    dt_bias: Tensor
    A_log: Tensor  # [E, N]
    D: Tensor
    out_proj: Tensor  # [d, E]


class Parameters(NamedTuple):
    """All tensors of a Mamba."""

    embedding: Tensor  # [vocabulary, d]
    layers: tuple[LayerParameters, ...]
    norm: Tensor
    norm_bias: Tensor | None
    head: Tensor  # [outputs, d]
    head_bias: Tensor | None

    def flat(self) -> list[Tensor | None]:
        """In the kernels' order."""
        inner = [tensor for layer in self.layers for tensor in layer]
        return [self.embedding, *inner, self.norm, self.norm_bias, self.head, self.head_bias]


def usable(parameters: Sequence[Tensor | None]) -> bool:
    """The kernels can take these parameters."""
    given = [tensor for tensor in parameters if tensor is not None]
    return (
        given[0].dtype in native.SUFFIX
        and all(t.device.type == "cpu" and t.dtype == given[0].dtype for t in given)
        and native.library() is not None
    )


def backbone(
    tokens: Tensor, lengths: Tensor | None, shape: Shape, parameters: Parameters
) -> Tensor:
    """Logits ``[B, L, outputs]`` of tokens ``[B, L]``, differentiable in all parameters."""
    lengths = _lengths(tokens, lengths)
    outcome: tuple[Tensor, Tensor] = _backbone(
        tokens, lengths, *_given(parameters.flat()), [*map(float, shape)], False
    )
    return outcome[0]


def mixer(x: Tensor, parameters: LayerParameters, lengths: Tensor | None = None) -> Tensor:
    """One mixer, in_proj to out_proj, ``[B, L, d]`` to the same; sequences start from zero."""
    inner, states = parameters.A_log.shape
    shape = Shape(
        *(1, x.shape[2], inner, states, parameters.conv.shape[1], parameters.dt_proj.shape[1]),
        *(0, 0, False, 0.0),
    )
    bare = [None, None, None, *parameters[2:], None, None, None, None]
    outcome: tuple[Tensor, Tensor] = _backbone(
        x, _lengths(x, lengths), *_given(bare), [*map(float, shape)], True
    )
    return outcome[0]


def stream(
    tokens: Tensor,
    lengths: Tensor | None,
    shape: Shape,
    parameters: Parameters,
    state: Tensor | None = None,
) -> Tensor:
    """Logits without gradients, in memory that does not grow with L.

    Args:
        tokens: ``[B, L]``.
        lengths: ``[B]`` or None (all of L).
        shape: sizes.
        parameters: the weights.
        state: from `stream_state`, changed in place: the sequences go on where they stopped.
    """
    given, present = _given(parameters.flat())
    flat = _spread(_plain(given), present)
    dtype = parameters.embedding.dtype
    tokens, lengths = tokens.contiguous(), _lengths(tokens, lengths)
    logits = parameters.embedding.new_zeros(*tokens.shape, shape.outputs)
    _kernels().call(
        "stream",
        dtype,
        ctypes.addressof(struct := shape.struct()),
        native.pointers(flat),
        *tokens.shape,
        *(lengths, tokens, None, state, logits),
        native.threads(),
    )
    del struct
    return logits


def stream_state(batch: int, shape: Shape, parameters: Parameters) -> Tensor:
    """Zeros, before the first symbol: ``[B, layers, ...]``, laid out as the kernels like it."""
    rows = shape.d_conv - 1 + shape.d_state
    dtype = parameters.embedding.dtype
    struct = shape.struct()
    width = int(_kernels().number("carry", dtype, ctypes.addressof(struct))) // rows
    return torch.zeros(batch, shape.layers, rows, width, dtype=dtype)


def pack_state(
    layers: Sequence[tuple[Tensor, Tensor]], shape: Shape, parameters: Parameters
) -> Tensor:
    """For `stream`, of each layer: window ``[B, K - 1, E]`` and state ``[B, E, N]``."""
    packed = stream_state(len(layers[0][0]), shape, parameters)
    for index, (window, hidden) in enumerate(layers):
        packed[:, index, : shape.d_conv - 1, : shape.d_inner] = window
        slots = _slots(packed, index, shape)
        padding = (0, 0, 0, packed.shape[3] - shape.d_inner)
        slots.copy_(torch.nn.functional.pad(hidden, padding).view_as(slots.mT).mT)
    return packed


def unpack_state(packed: Tensor, shape: Shape) -> list[tuple[Tensor, Tensor]]:
    """Windows and states back from `pack_state`, as copies."""
    batch, layers, _, width = packed.shape
    found = []
    for index in range(layers):
        window = packed[:, index, : shape.d_conv - 1, : shape.d_inner].clone()
        hidden = _slots(packed, index, shape).mT.reshape(batch, width, shape.d_state)
        found.append((window, hidden[:, : shape.d_inner].contiguous()))
    return found


def _slots(packed: Tensor, index: int, shape: Shape) -> Tensor:
    """A layer's states ``[B, groups, N, lanes]``: those of a vector's channels side by side."""
    batch, _, _, width = packed.shape
    lanes = _kernels().vector_bytes // packed.element_size()
    return packed[:, index, shape.d_conv - 1 :].view(batch, width // lanes, shape.d_state, lanes)


def _kernels() -> native.Library:
    loaded = native.library()
    assert loaded is not None
    return loaded


def _lengths(batch: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return torch.full((batch.shape[0],), batch.shape[1], dtype=torch.int64)
    return lengths.to(torch.int64).contiguous()


def _plain(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [p.detach().contiguous() for p in parameters]


def _given(parameters: Sequence[Tensor | None]) -> tuple[list[Tensor], list[bool]]:
    """The tensors that there are, and which ones these are: autograd follows no optional ones."""
    return [p for p in parameters if p is not None], [p is not None for p in parameters]


def _spread(parameters: Sequence[Tensor], present: Sequence[bool]) -> list[Tensor | None]:
    given = iter(parameters)
    return [next(given) if there else None for there in present]


def _shape(sizes: Sequence[float]) -> Shape:
    whole = [int(size) for size in sizes[:8]]
    return Shape(*whole, bool(sizes[8]), sizes[9], bool(sizes[10]))  # type: ignore[call-arg,arg-type]


def _saved(shape: Shape, bare: bool, lengths: Tensor, dtype: torch.dtype, threads: int) -> int:
    struct = shape.struct(bare)
    return int(
        _kernels().number("saved", dtype, ctypes.addressof(struct), len(lengths), lengths, threads)
    )


@torch.library.custom_op("starfree::backbone", mutates_args=())
def _backbone(
    x: Tensor,
    lengths: Tensor,
    parameters: list[Tensor],
    present: list[bool],
    sizes: list[float],
    bare: bool,
) -> tuple[Tensor, Tensor]:
    """Logits (or a bare mixer's output) and what the backward needs.

    That ends with the number of threads, which decides how the rows before it lie.
    """
    shape, flat, x = _shape(sizes), _spread(_plain(parameters), present), x.contiguous()
    weight, threads = parameters[0], native.threads()
    out = weight.new_zeros(*x.shape[:2], shape.d_model if bare else shape.outputs)
    saved = weight.new_empty(_saved(shape, bare, lengths, weight.dtype, threads) + 1)
    saved[-1] = threads
    struct = shape.struct(bare)
    _kernels().call(
        "forward",
        weight.dtype,
        ctypes.addressof(struct),
        native.pointers(flat),
        *x.shape[:2],
        lengths,
        *((None, x) if bare else (x, None)),
        *(saved, out, threads),
    )
    return out, saved


@_backbone.register_fake
def _(
    x: Tensor,
    lengths: Tensor,
    parameters: list[Tensor],
    present: list[bool],
    sizes: list[float],
    bare: bool,
) -> tuple[Tensor, Tensor]:
    shape = _shape(sizes)
    weight = parameters[0]
    out = weight.new_empty(*x.shape[:2], shape.d_model if bare else shape.outputs)
    return out, weight.new_empty(torch.library.get_ctx().new_dynamic_size())


@torch.library.custom_op("starfree::backbone_backward", mutates_args=())
def _backbone_backward(
    dout: Tensor,
    saved: Tensor,
    x: Tensor,
    lengths: Tensor,
    parameters: list[Tensor],
    present: list[bool],
    sizes: list[float],
    bare: bool,
) -> list[Tensor]:
    """Gradients of the inputs (empty for tokens), then of the parameters given."""
    shape, flat, x = _shape(sizes), _spread(_plain(parameters), present), x.contiguous()
    gradients = [None if p is None else torch.empty_like(p) for p in flat]
    dx = torch.zeros_like(x) if bare else saved.new_empty(0)
    struct = shape.struct(bare)
    _kernels().call(
        "backward",
        saved.dtype,
        ctypes.addressof(struct),
        native.pointers(flat),
        *x.shape[:2],
        lengths,
        *((None, x) if bare else (x, None)),
        *(saved, dout.contiguous(), dx if bare else None),
        native.pointers(gradients),
        int(saved[-1]),
    )
    return [dx, *(g for g in gradients if g is not None)]


@_backbone_backward.register_fake
def _(
    dout: Tensor,
    saved: Tensor,
    x: Tensor,
    lengths: Tensor,
    parameters: list[Tensor],
    present: list[bool],
    sizes: list[float],
    bare: bool,
) -> list[Tensor]:
    dx = torch.empty_like(x) if bare else saved.new_empty(0)
    gradients = [torch.empty_like(p, memory_format=torch.contiguous_format) for p in parameters]
    return [dx, *gradients]


def _setup(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    x, lengths, parameters, ctx.present, ctx.sizes, ctx.bare = inputs
    ctx.save_for_backward(x, lengths, output[1], *parameters)
    ctx.mark_non_differentiable(output[1])


def _gradient(ctx, dout, _saved_gradient):  # type: ignore[no-untyped-def]
    x, lengths, saved, *parameters = ctx.saved_tensors
    dx, *gradients = _backbone_backward(
        dout, saved, x, lengths, parameters, ctx.present, ctx.sizes, ctx.bare
    )
    return dx if ctx.bare else None, None, gradients, None, None, None


_backbone.register_autograd(_gradient, setup_context=_setup)
