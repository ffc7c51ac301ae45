"""The gates of layered models (`stack.py`): a reader for each kind of layer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.convolution import ShortConvolution
from starfree.models.delta import DeltaLayer
from starfree.models.diagonal import DiagonalLayer
from starfree.models.gate_range import Gates, Range, watching
from starfree.models.gla import TEMPERATURE, GlaLayer
from starfree.models.mamba2 import Mamba2Layer
from starfree.models.s4d import S4dLayer
from starfree.models.stack import Mlp, Stack

Watcher = tuple[nn.Module, Callable[[Tensor], None]]


class _Readings:
    """What the layers of one model showed."""

    def __init__(self) -> None:
        self.seen = Range()
        self.complex = False
        self.reflections = 0

    def add(self, gates: Tensor) -> None:
        """Gates at all symbols, ``[B, L, ...]``, real or complex."""
        self.complex |= gates.is_complex()
        flat = gates.flatten(0, 1)
        real = flat.real if flat.is_complex() else flat
        self.seen.add(real.amin(0), real.amax(0))
        if flat.is_complex():
            self.seen.moves |= bool((flat != flat[0]).any())


def stack_gates(model: Stack, tokens: Tensor) -> Gates:
    """Measure; `unknown` if a layer is of a kind that is not known here."""
    layers = [layer for layer in model.layers if not isinstance(layer, Mlp)]
    found, watchers = _Readings(), []
    for layer in layers:
        if isinstance(layer, DiagonalLayer) and not layer.input_dependent:
            found.add(layer.gates_of(layer.gate_logits)[None, None])
        elif isinstance(layer, S4dLayer):
            found.add(_s4d(layer)[None, None])
        else:
            watcher = _watcher(layer, found)
            if watcher is None:
                return Gates("unknown")
            watchers.append(watcher)
    with watching(watchers):
        model(tokens)
    return Gates(
        "reflections" if found.reflections else "diagonal",
        len(layers),
        **found.seen.found,
        complex=found.complex,
        window=1 + sum(_reach(layer) for layer in layers),
        reflections=found.reflections,
    )


def _watcher(layer: nn.Module, found: _Readings) -> Watcher | None:
    """The part of a layer that tells its gates, and what they are by its output."""
    match layer:
        case DiagonalLayer():
            return layer.gate, lambda logits: found.add(layer.gates_of(logits))
        case GlaLayer():
            return layer.gate, lambda x: found.add(torch.exp(F.logsigmoid(x) / TEMPERATURE))
        case Mamba2Layer():
            return layer.in_proj, lambda projected: found.add(_mamba2(layer, projected))
        case DeltaLayer():
            found.reflections = max(found.reflections, layer.reflections)
            # I - beta k k' has the eigenvalues 1 - beta, along k, and 1
            return layer.beta, lambda x: _delta(layer, x, found)
    return None


def _mamba2(layer: Mamba2Layer, projected: Tensor) -> Tensor:
    step = F.softplus(projected[..., -len(layer.dt_bias) :] + layer.dt_bias)
    gates = torch.exp(-step * layer.A_log.exp())
    return 2 * gates - 1 if layer.signed else gates


def _delta(layer: DeltaLayer, x: Tensor, found: _Readings) -> None:
    along = 1 - layer.largest_beta * torch.sigmoid(x)
    found.add(torch.cat([along, torch.ones_like(along)], dim=-1))


def _s4d(layer: S4dLayer) -> Tensor:
    rates = torch.complex(-layer.A_log.exp(), layer.A_imag)
    return torch.exp(layer.log_dt.exp()[:, None] * rates)


def _reach(layer: nn.Module) -> int:
    """How many symbols before this one a layer's convolution sees."""
    convolution = getattr(layer, "convolution", None)
    return convolution.conv1d.kernel_size[0] - 1 if isinstance(convolution, ShortConvolution) else 0
