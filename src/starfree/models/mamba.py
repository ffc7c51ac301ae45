"""Mamba-1 (Gu and Dao 2023), the reference architecture and initialisation.

Parameters carry the names of state-spaces/mamba (`MixerModel` with a `head`), so that weights move
to and from `mamba_ssm` and `transformers` by renaming alone.

Where the compiled kernels can take the weights (float32 or float64 on a CPU) the whole model is one
operation. It calls no submodule, so a hook on one (a probe, `verification.arithmetic`) brings the
model back to PyTorch, layer by layer.

Two relatives are compared with it: `gates: signed` (Grazzi et al. 2025), which can flip a sign, and
`recurrence: false`, which keeps the convolution and the gating, sees a window of the last
``layers * (d_conv - 1) + 1`` symbols, and is never fused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from starfree.errors import InputError
from starfree.models.options import Options
from starfree.models.scan.backbone import (
    Parameters,
    Shape,
    backbone,
    pack_state,
    stream,
    unpack_state,
)
from starfree.models.scan.dispatch import selective_scan
from starfree.models.scan.fused import fused
from starfree.models.scan.operations import causal_conv

NORM_EPSILON = 1e-5
EMBEDDING_STD = 0.02
# At the start softplus(dt_proj.bias) is log-uniform over this range, and never below the floor.
STEP_SIZE_MIN, STEP_SIZE_MAX, STEP_SIZE_FLOOR = 1e-3, 0.1, 1e-4


class MambaOptions(Options):
    """Sizes of a Mamba.

    Attributes:
        layers: residual blocks.
        d_model: width of the residual stream.
        d_state: states a channel (N).
        d_conv: symbols that the causal convolution of a layer sees.
        expand: inner channels (E) for each channel of the stream.
        dt_rank: rank of the step size's projection; 0 stands for ``ceil(d_model / 16)``.
        norm: `rms`, or `layer` as the paper's authors ran it.
        head_bias: the head has a bias, as the paper's authors ran it; a language model of
            `transformers` has none, so that only a model without one can be exported.
        gates: `positive` is Mamba's ``exp(d A)`` in (0, 1); `signed` is ``2 exp(d A) - 1``.
        recurrence: false leaves the scan out; `d_state`, `dt_rank` then mean nothing.
        head: `none` takes the final norm's channels as they are for logits, those beyond the
            outputs being classes that never occur (the published bounded-Dyck layout).
    """

    layers: int = Field(default=1, ge=1)
    d_model: int = Field(default=32, ge=1)
    d_state: int = Field(default=16, ge=1)
    d_conv: int = Field(default=4, ge=1)
    expand: int = Field(default=2, ge=1)
    dt_rank: int = Field(default=0, ge=0)
    norm: Literal["rms", "layer"] = "rms"
    head_bias: bool = False
    gates: Literal["positive", "signed"] = "positive"
    recurrence: bool = True
    head: Literal["linear", "none"] = "linear"

    @model_validator(mode="after")
    def _gates_need_a_recurrence(self) -> Self:
        if self.gates == "signed" and not self.recurrence:
            raise ValueError("gates signed has no effect where `recurrence` is false")
        return self

    @property
    def published(self) -> bool:
        """It is the published Mamba, not one of its relatives."""
        return self.gates == "positive" and self.recurrence and self.head == "linear"

    @property
    def fusible(self) -> bool:
        """The compiled kernels know it."""
        return self.recurrence


class LayerState(NamedTuple):
    """What a layer remembers: the convolution's last inputs and the scan's state."""

    window: Tensor  # [B, d_conv - 1, E]
    hidden: Tensor  # [B, E, N]; N = 0 without a recurrence


class Mamba(nn.Module):
    """Embedding, residual blocks ``x + mixer(norm(x))``, a final norm, a linear head."""

    Options = MambaOptions

    def __init__(self, vocabulary: int, outputs: int, options: MambaOptions) -> None:
        super().__init__()
        self.options = options
        self.embedding = nn.Embedding(vocabulary, options.d_model)
        self.layers = nn.ModuleList(Block(options) for _ in range(options.layers))
        self.norm_f = make_norm(options)
        self.head = _make_head(options, outputs)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[B, L, outputs]`` after each of the tokens ``[B, L]``."""
        compiled = self._compiled(tokens)
        if compiled is None:
            return self._layer_by_layer(tokens, [None] * len(self.layers))[0]
        if _need_gradients(compiled[1].flat()) or torch.compiler.is_compiling():
            return backbone(tokens, None, *compiled)
        return stream(tokens, None, *compiled)

    def initial_state(self, batch: int) -> tuple[LayerState, ...]:
        """The state before the first symbol."""
        mixers = (module for module in self.modules() if isinstance(module, Mixer))
        return tuple(mixer.initial_state(batch) for mixer in mixers)

    def step(
        self, tokens: Tensor, state: tuple[LayerState, ...]
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state."""
        logits, state = self.advance(tokens[:, None], state)
        return logits[:, 0], state

    def advance(
        self, tokens: Tensor, state: tuple[LayerState, ...]
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """Read several symbols ``[B, L]`` from a state on: logits ``[B, L, outputs]``, state."""
        compiled = self._compiled(tokens)
        tensors = [tensor for layer in state for tensor in layer]
        if compiled is None or _need_gradients([*compiled[1].flat(), *tensors]):
            return self._layer_by_layer(tokens, state)
        packed = pack_state(state, *compiled)
        logits = stream(tokens, None, *compiled, packed)
        return logits, tuple(LayerState(*layer) for layer in unpack_state(packed, compiled[0]))

    def _compiled(self, tokens: Tensor) -> tuple[Shape, Parameters] | None:
        """What the kernels take; None where PyTorch has to compute."""
        inner = (module for module in self.modules() if module is not self)
        return None if not tokens.numel() or any(map(_has_hooks, inner)) else fused(self)

    def _layer_by_layer(
        self, tokens: Tensor, state: Sequence[LayerState | None]
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """In PyTorch; None is the state before the first symbol."""
        x = self.embedding(tokens)
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x, layer_state = layer(x, before)
            after.append(layer_state)
        logits: Tensor = self.head(self.norm_f(x))
        return logits, tuple(after)


class Block(nn.Module):
    """One pre-norm residual block."""

    def __init__(self, options: MambaOptions) -> None:
        super().__init__()
        self.norm = make_norm(options)
        self.mixer = Mixer(options)

    def forward(self, x: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        """``[B, L, d_model]`` to the same shape, and the layer's next state."""
        mixed, state = self.mixer(self.norm(x), state)
        return x + mixed, state


class Mixer(nn.Module):
    """Projection, causal convolution, selective scan, gate, projection back."""

    def __init__(self, options: MambaOptions) -> None:
        super().__init__()
        inner = options.expand * options.d_model
        self.recurrence = options.recurrence
        self.signed = options.gates == "signed"
        self.d_state = options.d_state if options.recurrence else 0
        self.dt_rank = options.dt_rank or math.ceil(options.d_model / 16)
        self.in_proj = nn.Linear(options.d_model, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, options.d_conv, groups=inner)
        if options.recurrence:
            self.x_proj = nn.Linear(inner, self.dt_rank + 2 * options.d_state, bias=False)
            self.dt_proj = nn.Linear(self.dt_rank, inner)
            rates = torch.arange(1, options.d_state + 1, dtype=self.dt_proj.weight.dtype)
            self.A_log = nn.Parameter(rates.log().repeat(inner, 1))
            # The convention of state-spaces/mamba, which the optimiser honours.
            self.A_log._no_weight_decay = True  # type: ignore[attr-defined]
        self.D = nn.Parameter(torch.ones(inner))
        self.D._no_weight_decay = True  # type: ignore[attr-defined]
        self.out_proj = nn.Linear(inner, options.d_model, bias=False)
        self._initialise(options.layers)

    @torch.no_grad()
    def _initialise(self, layers: int) -> None:
        # Each block adds to the residual stream once: keep the sum's variance at any depth.
        self.out_proj.weight /= math.sqrt(layers)
        if not self.recurrence:
            return
        bound = self.dt_rank**-0.5
        nn.init.uniform_(self.dt_proj.weight, -bound, bound)
        low, high = math.log(STEP_SIZE_MIN), math.log(STEP_SIZE_MAX)
        step_size = torch.empty_like(self.dt_proj.bias).uniform_(low, high).exp_()
        step_size.clamp_(min=STEP_SIZE_FLOOR)
        self.dt_proj.bias.copy_(step_size + torch.log(-torch.expm1(-step_size)))  # softplus^-1

    def initial_state(self, batch: int) -> LayerState:
        """No inputs yet, and the scan at zero."""
        inner, _, width = self.conv1d.weight.shape
        return LayerState(
            self.D.new_zeros(batch, width - 1, inner),
            self.D.new_zeros(batch, inner, self.d_state),
        )

    def forward(self, x: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        """``[B, L, d_model]`` to the same shape, and the next state."""
        u, z = self.in_proj(x).chunk(2, dim=-1)
        window, hidden = (None, None) if state is None else state
        u, window = causal_conv(u, self.conv1d.weight[:, 0], self.conv1d.bias, window)
        if not self.recurrence:
            y = self.D * u * nn.functional.silu(z)
            return self.out_proj(y), LayerState(window, y.new_zeros(len(y), y.shape[2], 0))
        dt, B, C = self.x_proj(u).split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        y, hidden = selective_scan(
            u,
            nn.functional.linear(dt, self.dt_proj.weight),
            -torch.exp(self.A_log),
            B,
            C,
            self.D,
            z,
            self.dt_proj.bias,
            hidden,
            self.signed,
        )
        return self.out_proj(y), LayerState(window, hidden)


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)


def _need_gradients(tensors: Iterable[Tensor | None]) -> bool:
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def _make_head(options: MambaOptions, outputs: int) -> nn.Linear:
    if options.head == "linear":
        return nn.Linear(options.d_model, outputs, bias=options.head_bias)
    if outputs > options.d_model or options.head_bias:
        raise InputError(
            f"model mamba: head none takes d_model for logits: {outputs} outputs need d_model "
            f"{outputs} or more (it is {options.d_model}), and head_bias false"
        )
    head = nn.Linear(options.d_model, options.d_model, bias=False)
    with torch.no_grad():
        head.weight.copy_(torch.eye(options.d_model))
    head.requires_grad_(False)
    return head


def make_norm(options: MambaOptions) -> nn.Module:
    """RMSNorm or LayerNorm over the stream."""
    kind = nn.RMSNorm if options.norm == "rms" else nn.LayerNorm
    return kind(options.d_model, eps=NORM_EPSILON)
