"""A model that is asked piece by piece: from a state on if it has states, else from the start."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from starfree.errors import InputError
from starfree.models.model import RecurrentModel, StreamingModel
from starfree.verification.budget import Budget, Seconds

PIECE = 2048  # positions that are read at once
FORWARD_LIMIT = 1_000  # symbols that a model without states is asked for
AGAIN = 4  # what a symbol costs there, measured of attention beside a recurrence


class Reader(Protocol):
    """A batch of prefixes as states, and how they go on.

    Attributes:
        letters: size n of the alphabet; logits are cut to the bits of an answer.
        limit: the longest string worth asking for; None where length costs no memory.
    """

    letters: int
    limit: int | None

    def start(self, batch: int) -> tuple[Tensor, Any]:
        """Read `^`: logits ``[B, bits]`` and the states."""

    def read(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read ``[B, L]`` more symbols, L > 0: logits ``[B, L, bits]``, states after them."""


def reader_of(
    model: nn.Module, letters: int, budget: Budget | None = None, bits: int | None = None
) -> Reader:
    """The reader of a model over an alphabet of so many letters.

    Args:
        model: with `forward`, `step` or `advance`.
        letters: of the alphabet.
        bits: of an answer; by default those of task `predict`, letters + 1.
        budget: is charged with what is read.

    Raises:
        InputError: the model has too few outputs.
    """
    model.eval()
    budget = budget or Seconds()
    bits = bits or letters + 1
    reader: Reader
    if isinstance(model, RecurrentModel):
        reader = _FromStates(model, letters, bits, budget)
    else:
        reader = _FromTheStart(model, letters, bits, budget)
    outputs = reader.start(1)[0].shape[1]
    if outputs < bits:
        raise InputError(
            f"the model has {outputs} outputs; {bits} are needed, one for each symbol and `$`"
        )
    return reader


def select(state: Any, rows: Tensor) -> Any:
    """The states of some rows, which may repeat."""
    return pytree.tree_map(lambda leaf: leaf[rows], state)


class _FromStates:
    limit: int | None = None

    def __init__(self, model: Any, letters: int, bits: int, budget: Budget) -> None:
        self._model = model
        self.letters, self._bits = letters, bits
        self._budget = budget

    def start(self, batch: int) -> tuple[Tensor, Any]:
        begin = torch.full((batch, 1), self.letters + 1)
        logits, state = self.read(begin, self._model.initial_state(batch))
        return logits[:, 0], state

    def read(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        parts = []
        streams = isinstance(self._model, StreamingModel)
        for piece in torch.split(tokens, PIECE if streams else 1, dim=1):
            self._budget.charge(piece.numel())
            if streams:
                logits, state = self._model.advance(piece, state)
            else:
                answer, state = self._model.step(piece[:, 0], state)
                logits = answer[:, None]
            parts.append(logits[..., : self._bits])
        return torch.cat(parts, dim=1), state


class _FromTheStart:
    """The state is the prefix itself; every question reads it anew."""

    limit: int | None = FORWARD_LIMIT

    def __init__(self, model: nn.Module, letters: int, bits: int, budget: Budget) -> None:
        self._model = model
        self.letters, self._bits = letters, bits
        self._budget = budget

    def start(self, batch: int) -> tuple[Tensor, Any]:
        tokens = torch.full((batch, 1), self.letters + 1)
        return self._model(tokens)[:, -1, : self._bits], tokens

    def read(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        whole = torch.cat([state, tokens], dim=1)
        self._budget.charge(AGAIN * whole.numel())
        logits = self._model(whole)[:, state.shape[1] :, : self._bits]
        return logits, whole
