"""Recurrent networks whose state passes through a nonlinearity.

The simple recurrent network (Elman 1990), the GRU (Cho et al. 2014), and the LSTM (Hochreiter and
Schmidhuber 1997), which can count and toggle.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field
from torch import Tensor, nn

from starfree.models.options import Options
from starfree.models.stack import no_logits


class RecurrentOptions(Options):
    """Sizes of a recurrent network.

    Attributes:
        layers: stacked layers.
        d_model: width of the embedding and of every layer.
    """

    layers: int = Field(default=1, ge=1)
    d_model: int = Field(default=64, ge=1)


class LstmState(NamedTuple):
    """Hidden and cell state of every layer, each ``[B, layers, d_model]``."""

    hidden: Tensor
    cell: Tensor


class Lstm(nn.Module):
    """Embedding, LSTM layers, a linear head."""

    Options = RecurrentOptions

    def __init__(self, vocabulary: int, outputs: int, options: RecurrentOptions) -> None:
        super().__init__()
        self.options = options
        self.embedding = nn.Embedding(vocabulary, options.d_model)
        self.lstm = nn.LSTM(options.d_model, options.d_model, options.layers, batch_first=True)
        self.head = nn.Linear(options.d_model, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[B, L, outputs]`` after each of the tokens ``[B, L]``."""
        return self.advance(tokens, self.initial_state(len(tokens)))[0]

    def initial_state(self, batch: int) -> LstmState:
        """The state before the first symbol: zeros."""
        shape = (batch, self.options.layers, self.options.d_model)
        return LstmState(self.head.weight.new_zeros(shape), self.head.weight.new_zeros(shape))

    def step(self, tokens: Tensor, state: LstmState) -> tuple[Tensor, LstmState]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state."""
        logits, state = self.advance(tokens[:, None], state)
        return logits[:, 0], state

    def advance(self, tokens: Tensor, state: LstmState) -> tuple[Tensor, LstmState]:
        """Read several symbols ``[B, L]`` from a state on: logits ``[B, L, outputs]``, state."""
        if not tokens.shape[1]:
            return no_logits(tokens, self.head), state
        by_layer = (state.hidden.transpose(0, 1), state.cell.transpose(0, 1))
        outputs, (hidden, cell) = self.lstm(
            self.embedding(tokens), tuple(part.contiguous() for part in by_layer)
        )
        logits: Tensor = self.head(outputs)
        return logits, LstmState(hidden.transpose(0, 1), cell.transpose(0, 1))


class _Recurrent(nn.Module):
    """Embedding, recurrent layers, a linear head; the state is ``[B, layers, d_model]``."""

    Options = RecurrentOptions

    def __init__(
        self,
        vocabulary: int,
        outputs: int,
        options: RecurrentOptions,
        kind: type[nn.RNN] | type[nn.GRU],
    ) -> None:
        super().__init__()
        self.options = options
        self.embedding = nn.Embedding(vocabulary, options.d_model)
        self.recurrent = kind(options.d_model, options.d_model, options.layers, batch_first=True)
        self.head = nn.Linear(options.d_model, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[B, L, outputs]`` after each of the tokens ``[B, L]``."""
        return self.advance(tokens, self.initial_state(len(tokens)))[0]

    def initial_state(self, batch: int) -> Tensor:
        """The state before the first symbol: zeros."""
        return self.head.weight.new_zeros(batch, self.options.layers, self.options.d_model)

    def step(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state."""
        logits, state = self.advance(tokens[:, None], state)
        return logits[:, 0], state

    def advance(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Read several symbols ``[B, L]`` from a state on: logits ``[B, L, outputs]``, state."""
        if not tokens.shape[1]:
            return no_logits(tokens, self.head), state
        outputs, state = self.recurrent(self.embedding(tokens), state.transpose(0, 1).contiguous())
        logits: Tensor = self.head(outputs)
        return logits, state.transpose(0, 1)


class Rnn(_Recurrent):
    """``h[t] = tanh(W x[t] + U h[t-1] + b)``."""

    def __init__(self, vocabulary: int, outputs: int, options: RecurrentOptions) -> None:
        super().__init__(vocabulary, outputs, options, nn.RNN)


class Gru(_Recurrent):
    """``h[t] = (1 - z) tanh(W x[t] + r * U h[t-1] + b) + z h[t-1]``, gates r and z of both."""

    def __init__(self, vocabulary: int, outputs: int, options: RecurrentOptions) -> None:
        super().__init__(vocabulary, outputs, options, nn.GRU)
