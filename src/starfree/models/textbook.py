"""The paper's form of a state space model: ``h = A(x) h + B(x)``, ``z = phi(h, x)`` with a norm.

Sarrof, Veitsman and Hahn 2024, equations 1 and 2. Rectified units g of a layer's input set gate and
increment, both linear in g. A diagonal gate is the paper's; rotations (block matrices) and products
of Householder reflections ``I - k k'`` are the extensions of it that non-star-free languages need.
The transform phi(h, x) reads h and g: linear, clipped to 0..1, linear, RMSNorm; its values join the
stream, in which x goes on. The clip ``1 - relu(1 - relu(t))`` stands before the norm, so that no
count, however large, drowns what is beside it.

With `delay` a layer reads the stream at this symbol and at the one before (a convolution of width
2); without it the model is the paper's equations alone.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.errors import StarfreeError
from starfree.models.options import Options

EPSILON = 1e-12  # of the norm: lost in the rounding of a mean square of 1/4


class CountLimit(StarfreeError):
    """A string counts further than the model's arithmetic does; no later answer would be sure."""


class LayerOptions(Options):
    """Sizes of a layer.

    Attributes:
        rules: rectified units that set gate and increment.
        state: numbers in the state h.
        hats: clipped units of the transform.
        values: what the layer adds to the stream.
        width: of the norm, at least `values`.
        rotations: gates can be block matrices.
        reflections: how many Householder reflections a gate is a product of.
        counts: the state counts: a step beyond the exact integers raises `CountLimit`.
    """

    rules: int = Field(ge=1)
    state: int = Field(ge=1)
    hats: int = Field(ge=1)
    values: int = Field(ge=1)
    width: int = Field(ge=1)
    rotations: bool = False
    reflections: int = Field(default=0, ge=0)
    counts: bool = False


class TextbookOptions(Options):
    """Sizes of a model.

    Attributes:
        layers: in their order.
        answers: rectified units before the head.
        delay: layers also read what earlier layers added at the symbol before.
    """

    layers: list[LayerOptions]
    answers: int = Field(ge=1)
    delay: bool = True


class TextbookState(NamedTuple):
    """The layers' states, and what they added to the stream at the symbol before."""

    hidden: tuple[Tensor, ...]  # [B, state] for each layer
    previous: Tensor  # [B, all values], [B, 0] without delay


class Textbook(nn.Module):
    """One-hot letters, layers that add to the stream, a rectified layer and a linear head."""

    Options = TextbookOptions

    def __init__(self, vocabulary: int, outputs: int, options: TextbookOptions) -> None:
        super().__init__()
        self.options = options
        self.vocabulary = vocabulary
        taps = 2 if options.delay else 1
        *before, added = accumulate((layer.values for layer in options.layers), initial=0)
        self.layers = nn.ModuleList(
            TextbookLayer(vocabulary + taps * earlier, layer)
            for earlier, layer in zip(before, options.layers, strict=True)
        )
        self.previous = nn.Parameter(torch.zeros(added if options.delay else 0))
        self.answers = nn.Linear(vocabulary + taps * added, options.answers)
        self.head = nn.Linear(options.answers, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[B, L, outputs]`` after each of the tokens ``[B, L]``.

        Raises:
            CountLimit: a counter passes the integers that its arithmetic holds exactly.
        """
        return self.advance(tokens, self.initial_state(len(tokens)))[0]

    def initial_state(self, batch: int) -> TextbookState:
        """The state before the first symbol."""
        hidden = tuple(
            layer.start.expand(batch, -1)
            for layer in self.layers
            if isinstance(layer, TextbookLayer)
        )
        return TextbookState(hidden, self.previous.expand(batch, -1))

    def step(self, tokens: Tensor, state: TextbookState) -> tuple[Tensor, TextbookState]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state.

        Raises:
            CountLimit: a counter passes the integers that its arithmetic holds exactly.
        """
        logits, state = self.advance(tokens[:, None], state)
        return logits[:, 0], state

    def advance(self, tokens: Tensor, state: TextbookState) -> tuple[Tensor, TextbookState]:
        """Read several symbols ``[B, L]`` from a state on: logits ``[B, L, outputs]``, state."""
        stream = F.one_hot(tokens, self.vocabulary).to(self.head.weight.dtype)
        hidden = []
        for layer, before in zip(self.layers, state.hidden, strict=True):
            values, after = layer(self._delayed(stream, state.previous), before)
            stream = torch.cat([stream, values], dim=2)
            hidden.append(after)
        units = F.relu(self.answers(self._delayed(stream, state.previous)))
        logits: Tensor = self.head(units)
        kept = stream[:, -1, self.vocabulary :] if self.options.delay else state.previous
        return logits, TextbookState(tuple(hidden), kept)

    def _delayed(self, stream: Tensor, previous: Tensor) -> Tensor:
        """The stream, and beside it the added values of the symbol before."""
        if not self.options.delay:
            return stream
        values = stream[:, :, self.vocabulary :]
        first = previous[:, None, : values.shape[2]]
        return torch.cat([stream, torch.cat([first, values[:, :-1]], dim=1)], dim=2)


class TextbookLayer(nn.Module):
    """``h = A(x) h + B(x)``, ``z = phi(h, x)``."""

    def __init__(self, features: int, options: LayerOptions) -> None:
        super().__init__()
        rules, state = options.rules, options.state
        self.options = options
        self.rules = nn.Linear(features, rules)
        self.gate = nn.Linear(rules, state)  # bias: the gate where no rule fires
        self.increment = nn.Linear(rules, state, bias=False)
        blocks = (rules, state, state) if options.rotations else (0, state, state)
        self.rotations = nn.Parameter(torch.zeros(blocks))
        self.reflections = nn.Parameter(torch.zeros(options.reflections, rules, state))
        self.start = nn.Parameter(torch.zeros(state))
        self.hats = nn.Linear(state + rules, options.hats)
        self.mix = nn.Linear(options.hats, options.width)
        self.norm = nn.RMSNorm(options.width, eps=EPSILON)

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, L, features]`` and the state before, to the layer's values and the last state."""
        fired = F.relu(self.rules(x))
        states = self._recurrence(fired, hidden)
        units = F.relu(self.hats(torch.cat([states, fired], dim=2)))
        units = 1 - F.relu(1 - units)
        normed: Tensor = self.norm(self.mix(units))
        return normed[:, :, : self.options.values], states[:, -1]

    def _recurrence(self, fired: Tensor, hidden: Tensor) -> Tensor:
        """The states after each symbol, ``[B, L, state]``, one after another."""
        gates, increments = self.gate(fired), self.increment(fired)
        states = []
        for t in range(fired.shape[1]):
            moved = gates[:, t] * hidden
            if len(self.rotations):
                moved = moved + torch.einsum("br,rij,bj->bi", fired[:, t], self.rotations, hidden)
            for directions in self.reflections:
                k = fired[:, t] @ directions
                moved = moved - k * (k * moved).sum(1, keepdim=True)
            if self.options.counts:
                _check_range(moved, increments[:, t])
            hidden = moved + increments[:, t]
            states.append(hidden)
        return torch.stack(states, dim=1)


def largest_count(dtype: torch.dtype) -> int:
    """Up to this integer all are exact, and one more is the first that is not.

    >>> largest_count(torch.float32)
    16777216
    """
    return int(2 / torch.finfo(dtype).eps)


def _check_range(counts: Tensor, increments: Tensor) -> None:
    limit = largest_count(counts.dtype)
    if bool(((increments > limit - counts) | (-increments > limit + counts)).any()):
        name = str(counts.dtype).removeprefix("torch.")
        wider = "" if counts.dtype == torch.float64 else "; float32 and float64 count further"
        if counts.dtype == torch.float32:
            wider = "; float64 counts further"
        raise CountLimit(
            f"this string counts beyond {limit:,}, the last integer that {name} counts exactly"
            f"{wider}"
        )
