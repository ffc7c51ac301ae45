"""The paper's form of a state space model: ``h = A(x) h + B(x)``, ``z = phi(h, x)`` with a norm.

Sarrof, Veitsman and Hahn 2024, equations 1 and 2. A layer reads the stream at this symbol and at
the one before (a convolution of width 2). Rectified units g of it set gate and increment, both
linear in g. A diagonal gate is the paper's; rotations (block matrices) and products of Householder
reflections ``I - k k'`` are the extensions of it that non-star-free languages need. The transform
phi is linear, ReLU, linear, RMSNorm; its values join the stream.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.options import Options

EPSILON = 1e-12  # of the norm: lost in the rounding of a mean square of 1/4


class LayerOptions(Options):
    """Sizes of a layer.

    Attributes:
        rules: rectified units that set gate and increment.
        state: numbers in the state h.
        hats: rectified units of the transform.
        values: what the layer adds to the stream.
        width: of the norm, at least `values`.
        rotations: gates can be block matrices.
        reflections: how many Householder reflections a gate is a product of.
    """

    rules: int = Field(ge=1)
    state: int = Field(ge=1)
    hats: int = Field(ge=1)
    values: int = Field(ge=1)
    width: int = Field(ge=1)
    rotations: bool = False
    reflections: int = Field(default=0, ge=0)


class TextbookOptions(Options):
    """Sizes of a model: its layers, and the rectified units before its head."""

    layers: list[LayerOptions]
    answers: int = Field(ge=1)


class TextbookState(NamedTuple):
    """The layers' states, and what they added to the stream at the symbol before."""

    hidden: tuple[Tensor, ...]  # [B, state] for each layer
    previous: Tensor  # [B, all values]


class Textbook(nn.Module):
    """One-hot letters, layers that add to the stream, a rectified layer and a linear head."""

    Options = TextbookOptions

    def __init__(self, vocabulary: int, outputs: int, options: TextbookOptions) -> None:
        super().__init__()
        self.options = options
        self.vocabulary = vocabulary
        added = sum(layer.values for layer in options.layers)
        starts = accumulate((layer.values for layer in options.layers), initial=vocabulary)
        self.layers = nn.ModuleList(
            TextbookLayer(stream + added, layer)
            for stream, layer in zip(starts, options.layers, strict=False)
        )
        self.previous = nn.Parameter(torch.zeros(added))
        self.answers = nn.Linear(vocabulary + 2 * added, options.answers)
        self.head = nn.Linear(options.answers, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[B, L, outputs]`` after each of the tokens ``[B, L]``."""
        state = self.initial_state(len(tokens))
        logits = []
        for column in tokens.unbind(1):
            answer, state = self.step(column, state)
            logits.append(answer)
        return torch.stack(logits, dim=1)

    def initial_state(self, batch: int) -> TextbookState:
        """The state before the first symbol."""
        hidden = tuple(
            layer.start.expand(batch, -1)
            for layer in self.layers
            if isinstance(layer, TextbookLayer)
        )
        return TextbookState(hidden, self.previous.expand(batch, -1))

    def step(self, tokens: Tensor, state: TextbookState) -> tuple[Tensor, TextbookState]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state."""
        stream = F.one_hot(tokens, self.vocabulary).to(self.previous.dtype)
        hidden = []
        for layer, before in zip(self.layers, state.hidden, strict=True):
            values, after = layer(torch.cat([stream, state.previous], dim=1), before)
            stream = torch.cat([stream, values], dim=1)
            hidden.append(after)
        units = F.relu(self.answers(torch.cat([stream, state.previous], dim=1)))
        logits: Tensor = self.head(units)
        return logits, TextbookState(tuple(hidden), stream[:, self.vocabulary :])


class TextbookLayer(nn.Module):
    """``h = A(x) h + B(x)``, ``z = phi(h)``."""

    def __init__(self, features: int, options: LayerOptions) -> None:
        super().__init__()
        rules, state = options.rules, options.state
        self.values = options.values
        self.rules = nn.Linear(features, rules)
        self.gate = nn.Linear(rules, state)  # bias: the gate where no rule fires
        self.increment = nn.Linear(rules, state, bias=False)
        blocks = (rules, state, state) if options.rotations else (0, state, state)
        self.rotations = nn.Parameter(torch.zeros(blocks))
        self.reflections = nn.Parameter(torch.zeros(options.reflections, rules, state))
        self.start = nn.Parameter(torch.zeros(state))
        self.hats = nn.Linear(state, options.hats)
        self.mix = nn.Linear(options.hats, options.width)
        self.norm = nn.RMSNorm(options.width, eps=EPSILON)

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, features]`` and the state to the layer's values and the next state."""
        fired = F.relu(self.rules(x))
        moved = self.gate(fired) * hidden
        if len(self.rotations):
            moved = moved + torch.einsum("br,rij,bj->bi", fired, self.rotations, hidden)
        for directions in self.reflections:
            k = fired @ directions
            moved = moved - k * (k * moved).sum(1, keepdim=True)
        hidden = moved + self.increment(fired)
        normed: Tensor = self.norm(self.mix(F.relu(self.hats(hidden))))
        return normed[:, : self.values], hidden
