"""Keys of model states: two states with one key behave alike for ever.

For a Mamba the key leaves out what no future output can depend on: inputs of the convolution that
no tap will read, and states of channels that the output projection does not read. Where a channel
of the convolution has one tap, an input counts by what the convolution will make of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from starfree.models.mamba import LayerState, Mamba, Mixer
from starfree.models.transformers_cache import TransformersMamba

Keys = NDArray[np.uint8]
KeyFunction = Callable[[Any], Keys]


def key_function(model: nn.Module) -> KeyFunction:
    """A function from a batch of the model's states to keys, uint8 ``[B, bytes]``."""
    if isinstance(model, TransformersMamba):
        mixers = model.mixers
    elif isinstance(model, Mamba):
        mixers = [module for module in model.modules() if isinstance(module, Mixer)]
    else:
        return lambda state: _as_bytes(pytree.tree_leaves(state))
    layers = [_MambaLayer(mixer) for mixer in mixers]

    def keys(state: tuple[LayerState, ...]) -> Keys:
        parts = [
            part
            for layer, layer_state in zip(layers, state, strict=True)
            for part in layer.relevant(layer_state)
        ]
        return _as_bytes(parts)

    return keys


class _MambaLayer:
    """What of a layer's state the future can depend on."""

    def __init__(self, mixer: Any) -> None:
        self.used = mixer.out_proj.weight.detach().ne(0).any(0).nonzero()[:, 0]
        taps = mixer.conv1d.weight.detach()[:, 0]
        assert mixer.conv1d.bias is not None
        bias = mixer.conv1d.bias.detach()
        single = taps.ne(0).sum(1) == 1
        self.slots = []
        for slot in range(taps.shape[1] - 1):
            read = taps[:, : slot + 1].ne(0).any(1)
            alone, several = (read & single).nonzero()[:, 0], (read & ~single).nonzero()[:, 0]
            tap = taps[alone].sum(1)
            self.slots.append((slot, several, alone, tap, bias[alone]))

    def relevant(self, state: LayerState) -> list[Tensor]:
        parts = [state.hidden[:, self.used]]
        for slot, several, alone, tap, bias in self.slots:
            inputs = state.window[:, slot]
            parts += [inputs[:, several], F.silu(torch.addcmul(bias, inputs[:, alone], tap))]
        return parts


def _as_bytes(parts: list[Tensor]) -> Keys:
    """The bits of each row; -0 counts as 0."""
    rows = []
    for part in parts:
        row = part.detach().reshape(len(part), part[0].numel())
        row = row + 0.0 if part.is_floating_point() else row
        rows.append(row.contiguous().view(torch.uint8).cpu().numpy())
    return np.concatenate(rows, axis=1)
