"""Models read symbol by symbol while their states are rounded to fixed point.

The state h of every recurrence is rounded after each step, before anything reads it; for the rows
that ask for it the output of every layer is rounded too. Gates are float32 numbers (computed in
float64 and rounded once), increments and all that is neither state nor layer output are float64.
The order is that of the string: sequential, one update a symbol.

Each class says again, in a few lines, what one step of a layer does: `step` of the model itself
rounds nothing, and tests hold the two against each other.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.errors import InputError
from starfree.models.diagonal import Diagonal, DiagonalLayer, DiagonalState
from starfree.models.mamba import Block, LayerState, Mamba, Mixer
from starfree.models.scan.operations import causal_conv
from starfree.models.stack import Layer
from starfree.models.textbook import Textbook, TextbookLayer, TextbookState
from starfree.verification.fixed_point import multiply_add, round_sum


@dataclass(frozen=True)
class Rounding:
    """The fixed-point format of every row of a batch.

    Attributes:
        bits: fractional bits p, int64 ``[B]``.
        truncate: towards zero instead of to nearest, bool ``[B]``.
        outputs: also layer outputs, bool ``[B]``.
    """

    bits: Tensor
    truncate: Tensor
    outputs: Tensor

    def rows(self, kept: Tensor) -> Rounding:
        """The formats of some rows."""
        return Rounding(self.bits[kept], self.truncate[kept], self.outputs[kept])

    def update(self, gate: Tensor, state: Tensor, increment: Tensor) -> Tensor:
        """The next state, ``[B, ..]``."""
        scale, truncate = self._like(state)
        return multiply_add(gate.float(), state, increment, scale, truncate)

    def output(self, values: Tensor) -> Tensor:
        """What a layer hands on, ``[B, ..]``."""
        scale, truncate = self._like(values)
        rounded = round_sum(values, torch.zeros_like(values), scale, truncate)
        return torch.where(_along(self.outputs, values), rounded, values)

    def start(self, state: Tensor) -> Tensor:
        """A state before the first symbol is a number of the format too."""
        scale, truncate = self._like(state)
        return round_sum(state, torch.zeros_like(state), scale, truncate)

    def _like(self, values: Tensor) -> tuple[Tensor, Tensor]:
        scale = torch.exp2(self.bits.double())
        return _along(scale, values), _along(self.truncate, values)


def _along(rows: Tensor, values: Tensor) -> Tensor:
    return rows.reshape(-1, *(1 for _ in values.shape[1:]))


Step = Callable[[Any, Tensor, Any, Rounding], tuple[Tensor, Any]]


class RoundedModel:
    """A model in fixed point; rows of a batch may have different formats.

    Args:
        model: a Textbook without rotations and reflections, a Mamba, or a real Diagonal.
        rounding: of every row.

    Raises:
        InputError: another model.
    """

    def __init__(self, model: nn.Module, rounding: Rounding) -> None:
        self.rounding = rounding
        self._model = copy.deepcopy(model).double().eval()
        self._read = _reader(self._model)

    def initial_state(self, batch: int) -> Any:
        """The state before the first symbol; complete, so that rows can be taken out of it."""
        state = self._model.initial_state(batch)  # type: ignore[operator]
        return torch.utils._pytree.tree_map(self.rounding.start, state)

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state."""
        return self._read(self._model, tokens, state, self.rounding)


def _reader(model: nn.Module) -> Step:
    if isinstance(model, Textbook):
        moved = any(len(layer.rotations) + len(layer.reflections) for layer in _layers(model))
        if not moved:
            return _textbook
    if isinstance(model, Mamba) and model.options.recurrence:
        return _mamba
    if isinstance(model, Diagonal) and model.options.gates in ("positive", "signed"):
        return _diagonal
    raise InputError(
        f"{type(model).__name__}: fixed point is emulated for the textbook form with diagonal "
        "gates, Mamba, and diagonal models with real gates"
    )


def _layers(model: Textbook) -> list[TextbookLayer]:
    return [layer for layer in model.layers if isinstance(layer, TextbookLayer)]


def _textbook(
    model: Textbook, tokens: Tensor, state: TextbookState, rounding: Rounding
) -> tuple[Tensor, TextbookState]:
    stream = F.one_hot(tokens, model.vocabulary).double()
    hidden = []
    for layer, before in zip(_layers(model), state.hidden, strict=True):
        fired = F.relu(layer.rules(_delayed(model, stream, state.previous)))
        after = rounding.update(layer.gate(fired), before, layer.increment(fired))
        units = F.relu(layer.hats(torch.cat([after, fired], dim=1)))
        units = 1 - F.relu(1 - units)
        values = layer.norm(layer.mix(units))[:, : layer.options.values]
        stream = torch.cat([stream, rounding.output(values)], dim=1)
        hidden.append(after)
    units = F.relu(model.answers(_delayed(model, stream, state.previous)))
    kept = stream[:, model.vocabulary :] if model.options.delay else state.previous
    return model.head(units), TextbookState(tuple(hidden), kept)


def _delayed(model: Textbook, stream: Tensor, previous: Tensor) -> Tensor:
    if not model.options.delay:
        return stream
    return torch.cat([stream, previous[:, : stream.shape[1] - model.vocabulary]], dim=1)


def _mamba(
    model: Mamba, tokens: Tensor, state: tuple[LayerState, ...], rounding: Rounding
) -> tuple[Tensor, tuple[LayerState, ...]]:
    x = model.embedding(tokens)
    after = []
    for block, before in zip(model.layers, state, strict=True):
        assert isinstance(block, Block)
        change, layer_state = _mixer(block.mixer, block.norm(x), before, rounding)
        x = rounding.output(x + change)
        after.append(layer_state)
    return model.head(model.norm_f(x)), tuple(after)


def _mixer(
    mixer: Mixer, x: Tensor, state: LayerState, rounding: Rounding
) -> tuple[Tensor, LayerState]:
    u, z = mixer.in_proj(x).chunk(2, dim=-1)
    conv = mixer.conv1d
    u, window = causal_conv(u[:, None], conv.weight[:, 0], conv.bias, state.window)
    u = u[:, 0]
    projected = mixer.x_proj(u)
    dt, B, C = projected.split([mixer.dt_rank, mixer.d_state, mixer.d_state], dim=-1)
    delta = F.softplus(mixer.dt_proj(dt))
    gate = torch.exp(-delta[:, :, None] * torch.exp(mixer.A_log))
    if mixer.signed:
        gate = 2 * gate - 1
    hidden = rounding.update(gate, state.hidden, (delta * u)[:, :, None] * B[:, None])
    y = (hidden * C[:, None]).sum(-1) + mixer.D * u
    return mixer.out_proj(y * F.silu(z)), LayerState(window, hidden)


def _diagonal(
    model: Diagonal, tokens: Tensor, state: tuple[Any, ...], rounding: Rounding
) -> tuple[Tensor, tuple[Any, ...]]:
    x = model.embedding(tokens)
    after = []
    for layer, norm, before in zip(model.layers, model.norms, state, strict=True):
        if isinstance(layer, DiagonalLayer):
            change, layer_state = _diagonal_layer(layer, norm(x), before, rounding)
        else:
            assert isinstance(layer, Layer)
            read, layer_state = layer(norm(x)[:, None], before)  # an MLP: no state
            change = read[:, 0]
        x = rounding.output(x + change)
        after.append(layer_state)
    return model.head(model.norm_f(x)), tuple(after)


def _diagonal_layer(
    layer: DiagonalLayer, x: Tensor, state: DiagonalState, rounding: Rounding
) -> tuple[Tensor, DiagonalState]:
    u, window = x, state.window
    if layer.convolution is not None:
        read, window = layer.convolution(x[:, None], window)
        u = read[:, 0]
    gate = layer.gates_of(layer.gate(u) if layer.input_dependent else layer.gate_logits)
    hidden = rounding.update(gate.expand_as(state.hidden), state.hidden, layer.in_proj(u))
    y: Tensor = layer.out_proj(hidden * F.silu(layer.output_gate(x)))
    return y, DiagonalState(window, hidden)
