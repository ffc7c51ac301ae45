"""A diagonal recurrence with gates in {0, 1} and values in {-1, 1}: trainable, and finite.

    h[t] = a[t] * h[t-1] + (1 - a[t]) * v[t]        a = step(-W_g z),  v = sign(W_v z)

elementwise: every unit keeps its value or is reset, as a level of a Krohn-Rhodes cascade of resets
is. A layer's input z is the letter at this symbol and at the one before, and the units of all lower
layers after both: without the delay such a stack could not count to two. Its states are finitely
many, so that `verification.certificate` decides it on strings of every length.

Gates and values are trained straight through (Bengio et al. 2013, 1308.3432): the gradient is that
of a logistic function. With `noise`, a logistic random number is added before they are snapped, so
that they are samples of what the gradient belongs to (Maddison et al. 2017, 1611.00712).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.options import Options
from starfree.models.scan.operations import diagonal_scan
from starfree.models.stack import CHUNK

STEPS = 64
"""Weights are rounded to so many steps a unit: then float32 rounds no sum of them."""


class HardGatedOptions(Options):
    """Sizes.

    Attributes:
        layers: a language whose cascade has n levels needs n, at most.
        units: of each layer; each is in {-1, 0, 1}, 0 only before its first reset.
        d_model: rectified units of the answer, which reads the letter and all units.
        noise: of the logistic random numbers before gates and values in training; 1 makes a gate
            a fair sample of its logistic function.
    """

    layers: int = Field(default=1, ge=1)
    units: int = Field(default=8, ge=1)
    d_model: int = Field(default=32, ge=1)
    noise: float = Field(default=0.0, ge=0)


class HardGatedState(NamedTuple):
    """The last letter, one-hot, and the units of each layer."""

    letter: Tensor  # [B, vocabulary]
    hidden: tuple[Tensor, ...]  # [B, units] for each layer


class HardGatedLayer(nn.Module):
    """Gates and values of all units, and their recurrence."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.reset = nn.Linear(features, units)
        self.value = nn.Linear(features, units)

    def forward(self, z: Tensor, hidden: Tensor, noise: float) -> Tensor:
        """``[B, L, features]`` and the units before ``[B, units]`` to ``[B, L, units]``."""
        resets, values = self.reset(z), self.value(z)
        if noise:
            resets, values = _noisy(resets, noise), _noisy(values, noise)
        keep = 1 - _snapped(resets)
        values = 2 * _snapped(values) - 1
        return diagonal_scan(keep, (1 - keep) * values, hidden)


class HardGated(nn.Module):
    """Layers of hard-gated units, and rectified units that answer.

    Attributes:
        noise: see `HardGatedOptions`; may be changed while the model is trained.
    """

    Options = HardGatedOptions

    def __init__(self, vocabulary: int, outputs: int, options: HardGatedOptions) -> None:
        super().__init__()
        self.options = options
        self.vocabulary = vocabulary
        self.noise = options.noise
        units = options.units
        self.layers = nn.ModuleList(
            HardGatedLayer(2 * (vocabulary + lower * units), units)
            for lower in range(options.layers)
        )
        self.answer = nn.Linear(vocabulary + options.layers * units, options.d_model)
        self.head = nn.Linear(options.d_model, outputs)
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    nn.init.normal_(module.weight, std=(2 / module.in_features) ** 0.5)
                    nn.init.zeros_(module.bias)

    @torch.no_grad()
    def snap(self) -> None:
        """Round all weights to multiples of 1/64, so that no sum of a linear map is rounded.

        A proof over the model's states then holds for every order of evaluation.
        """
        for parameter in self.parameters():
            parameter.copy_((parameter * STEPS).round() / STEPS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[B, L, outputs]`` after each of the tokens ``[B, L]``."""
        return self.advance(tokens, self.initial_state(len(tokens)))[0]

    def initial_state(self, batch: int) -> HardGatedState:
        """No letter yet, and no unit was reset."""
        like = self.head.weight
        units = like.new_zeros(batch, self.options.units)
        return HardGatedState(like.new_zeros(batch, self.vocabulary), (units,) * len(self.layers))

    def step(self, tokens: Tensor, state: HardGatedState) -> tuple[Tensor, HardGatedState]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state."""
        logits, state = self.advance(tokens[:, None], state)
        return logits[:, 0], state

    def advance(self, tokens: Tensor, state: HardGatedState) -> tuple[Tensor, HardGatedState]:
        """Read several symbols ``[B, L]`` from a state on: logits ``[B, L, outputs]``, state."""
        if not tokens.shape[1]:
            return self.head.weight.new_zeros(*tokens.shape, len(self.head.weight)), state
        if torch.is_grad_enabled():
            return self._read(tokens, state)
        logits = []
        for chunk in torch.split(tokens, CHUNK, dim=1):
            part, state = self._read(chunk, state)
            logits.append(part)
        return torch.cat(logits, dim=1), state

    def _read(self, tokens: Tensor, state: HardGatedState) -> tuple[Tensor, HardGatedState]:
        letters = F.one_hot(tokens, self.vocabulary).to(self.head.weight.dtype)
        seen = [letters]
        delayed = [_delayed(letters, state.letter)]
        noise = self.noise if self.training else 0.0
        for layer, hidden in zip(self.layers, state.hidden, strict=True):
            states = layer(torch.cat([*seen, *delayed], dim=2), hidden, noise)
            seen.append(states)
            delayed.append(_delayed(states, hidden))
        logits: Tensor = self.head(F.relu(self.answer(torch.cat(seen, dim=2))))
        letter, *after = (values[:, -1] for values in seen)
        return logits, HardGatedState(letter, tuple(after))


def _delayed(values: Tensor, before: Tensor) -> Tensor:
    """``[B, L, n]`` one symbol later, with what was before it."""
    return torch.cat([before[:, None], values[:, :-1]], dim=1)


def _snapped(logits: Tensor) -> Tensor:
    """1 where positive, else 0, with the gradient of the logistic function."""
    soft = torch.sigmoid(logits)
    return (logits > 0).to(logits.dtype) + (soft - soft.detach())


def _noisy(logits: Tensor, scale: float) -> Tensor:
    """Logits with logistic random numbers added."""
    smallest = torch.finfo(logits.dtype).eps
    return logits + scale * torch.logit(torch.rand_like(logits), eps=smallest)
