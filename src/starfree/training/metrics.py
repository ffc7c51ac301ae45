"""How right a model is: per string (the headline), position, bit, label class, length, transition.

The evaluation reads strings of similar length together, without gradients, in batches of bounded
size; a model that can be read from a state on is read in pieces, so that memory does not grow with
length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from starfree.data.task import Examples, Task
from starfree.languages.strings import BoolArray, IntArray, Strings
from starfree.models.model import StreamingModel
from starfree.training.batches import Rows, evaluation_order, take, training_order
from starfree.training.intervals import Interval, binomial_interval
from starfree.training.objectives import Batch, Bits, Objective, PublishedCrossEntropy, objective_of

PIECE = 1_024  # positions that a streaming model reads at once


class Share(NamedTuple):
    """So many right of so many."""

    right: int
    total: int

    @property
    def accuracy(self) -> float:
        """The share right; of nothing, not a number."""
        return self.right / self.total if self.total else math.nan


@dataclass(frozen=True, eq=False)
class BinMetrics:
    """How right a model is on some strings.

    Attributes:
        strings: with every counted position right, of all.
        positions: right (all their bits, or their class), of all counted.
        bits: right, of all at counted positions; None unless the objective is `bits`.
        relaxed_accuracy: mean over strings of the share of their positions right (the published
            "relaxed" accuracy).
        loss: the objective, as a mean over the strings.
        first_errors: position of a string's first error (0 is the first input) -> strings.
        by_length: number of inputs -> strings.
        by_class: label class -> positions; a class is written as bits or as a number.
        by_transition: (state, letter) last read -> positions; None unless asked for.
        slices: positions of the kinds that the task names (`Examples.slices`).
        string_right: bool, string by string.
    """

    strings: Share
    positions: Share
    bits: Share | None
    relaxed_accuracy: float
    loss: float
    first_errors: dict[int, int]
    by_length: dict[int, Share]
    by_class: dict[str, Share]
    by_transition: dict[tuple[int, int], Share] | None
    slices: dict[str, Share]
    string_right: BoolArray

    @property
    def string_accuracy(self) -> float:
        """Share of strings right at every counted position: the headline."""
        return self.strings.accuracy

    @property
    def string_interval(self) -> Interval:
        """95 % for `string_accuracy`, over strings."""
        return binomial_interval(*self.strings)

    @property
    def position_accuracy(self) -> float:
        """Share of positions right."""
        return self.positions.accuracy

    @property
    def bit_accuracy(self) -> float | None:
        """Share of bits right."""
        return self.bits.accuracy if self.bits else None

    def as_json(self) -> dict[str, Any]:
        """Everything but `string_right`, as plain values with string keys."""
        low, high = self.string_interval
        return {
            "n": self.strings.total,
            "string_accuracy": _finite(self.string_accuracy),
            "low": low,
            "high": high,
            "position_accuracy": _finite(self.position_accuracy),
            "bit_accuracy": _finite(self.bit_accuracy),
            "relaxed_accuracy": _finite(self.relaxed_accuracy),
            "loss": _finite(self.loss),
            "first_errors": {str(position): n for position, n in self.first_errors.items()},
            "by_length": {str(length): list(share) for length, share in self.by_length.items()},
            "by_class": {key: list(share) for key, share in self.by_class.items()},
            "by_transition": None
            if self.by_transition is None
            else {
                f"{s},{letter}": list(share) for (s, letter), share in self.by_transition.items()
            },
            "slices": {name: list(share) for name, share in self.slices.items()},
        }


def evaluate(
    model: nn.Module,
    task: Task,
    strings: Strings,
    labels: BoolArray | None = None,
    states: IntArray | None = None,
    batch_size: int = 32,
) -> BinMetrics:
    """Ask the model the task about strings.

    Args:
        model: any causal model.
        task: what is asked.
        strings: about which.
        labels: membership, task `recognise` only, where it is known.
        states: ``[B, L+1]`` of `Language.state_batch`, to get results by (state, letter).
        batch_size: of the published objective `class-ce` alone, whose score depends on it.
    """
    examples = task.encode(strings, labels)
    transitions = None if states is None else _transitions(examples, strings, states)
    return evaluate_examples(model, objective_of(task.objective), examples, transitions, batch_size)


def evaluate_examples(
    model: nn.Module,
    objective: Objective,
    examples: Examples,
    transitions: IntArray | None = None,
    batch_size: int = 32,
) -> BinMetrics:
    """`evaluate` for strings that are encoded already.

    Args:
        model: any causal model.
        objective: what is asked.
        examples: about which inputs.
        transitions: ``[B, T, 2]``: state and letter that led to each position, -1 where none did.
        batch_size: as in `evaluate`.
    """
    shape = examples.inputs.shape
    right, counted = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    bits = bits_right = 0
    loss, weight = 0.0, 0.0
    training = model.training
    model.eval()
    with torch.no_grad():
        for rows in _batches(objective, examples, batch_size):
            for low, batch, logits in answers(model, take(examples, rows)):
                span = slice(low, low + batch.inputs.shape[1])
                batch_counted = objective.counted(batch)
                right[rows, span] = objective.right(logits, batch).numpy()
                counted[rows, span] = batch_counted.numpy()
                part, part_weight = objective.loss(logits, batch)
                loss += float(part)
                weight += float(part_weight)
                if isinstance(objective, Bits):
                    agree = ((logits > 0) == batch.targets) & logits.isfinite()
                    bits += int(batch_counted.sum()) * logits.shape[-1]
                    bits_right += int(agree[batch_counted].sum())
    model.train(training)
    return _summarise(
        examples,
        right,
        counted,
        bits=Share(bits_right, bits) if isinstance(objective, Bits) else None,
        loss=loss / weight if weight else math.nan,
        transitions=transitions,
    )


def _batches(objective: Objective, examples: Examples, batch_size: int) -> Iterator[Rows]:
    if isinstance(objective, PublishedCrossEntropy):
        yield from training_order(examples.lengths, batch_size, seed=0, epoch=0, shuffle=False)
    else:
        yield from evaluation_order(examples.lengths)


def answers(model: nn.Module, batch: Batch) -> Iterator[tuple[int, Batch, Tensor]]:
    """Logits piece by piece along the strings: where a piece starts, the piece, its logits.

    The caller sets the model to evaluation and stops the gradients.
    """
    if not isinstance(model, StreamingModel):
        yield 0, batch, model(batch.inputs)
        return
    state = model.initial_state(len(batch.inputs))
    for low in range(0, batch.inputs.shape[1], PIECE):
        tensors = (batch.inputs, batch.targets, batch.weights)
        piece = Batch(*(tensor[:, low : low + PIECE] for tensor in tensors))
        logits, state = model.advance(piece.inputs, state)
        yield low, piece, logits


def _transitions(examples: Examples, strings: Strings, states: IntArray) -> IntArray:
    """State and letter that led to each input position, ``[B, T, 2]``, -1 where none did.

    Input t is read after t symbols where the task reads `^` first, else after t + 1.
    """
    found = np.full((*examples.inputs.shape, 2), -1, dtype=np.int64)
    first = examples.inputs.shape[1] - strings.tokens.shape[1]
    real = strings.real()
    found[:, first:, 0] = np.where(real, states[:, :-1], -1)
    found[:, first:, 1] = np.where(real, strings.tokens, -1)
    return found


def _summarise(
    examples: Examples,
    right: BoolArray,
    counted: BoolArray,
    bits: Share | None,
    loss: float,
    transitions: IntArray | None,
) -> BinMetrics:
    wrong = counted & ~right
    string_right: BoolArray = np.logical_not(wrong.any(axis=1))
    positions = counted.sum(axis=1)
    relaxed = 1 - wrong.sum(axis=1) / np.maximum(positions, 1)
    first_errors = wrong.argmax(axis=1)[~string_right]
    by_transition = None
    if transitions is not None:
        read = counted & (transitions[..., 0] >= 0)
        pairs = _shares(transitions[read], right[read])
        by_transition = {(state, letter): share for (state, letter), share in pairs}
    return BinMetrics(
        strings=Share(int(string_right.sum()), len(string_right)),
        positions=Share(int((counted & right).sum()), int(counted.sum())),
        bits=bits,
        relaxed_accuracy=float(relaxed.mean()) if len(relaxed) else math.nan,
        loss=loss,
        first_errors=_histogram(first_errors),
        by_length={
            length: share for (length,), share in _shares(examples.lengths[:, None], string_right)
        },
        by_class={
            "".join(map(str, key)): share
            for key, share in _shares(_class_rows(examples, counted), right[counted])
        },
        by_transition=by_transition,
        slices={
            name: Share(int((right & counted)[wanted].sum()), int(counted[wanted].sum()))
            for name, wanted in examples.slices.items()
        },
        string_right=string_right,
    )


def _class_rows(examples: Examples, counted: BoolArray) -> IntArray:
    """The label class of every counted position as a row of numbers (bits, or a class)."""
    targets = examples.targets[counted].astype(np.int64)
    return targets if targets.ndim == 2 else targets[:, None]


def _shares(keys: IntArray, right: BoolArray) -> list[tuple[tuple[int, ...], Share]]:
    """For each distinct row of keys (not negative): how many are right, of how many."""
    _, first, inverse, totals = np.unique(
        _as_numbers(keys), return_index=True, return_inverse=True, return_counts=True
    )
    hits = np.bincount(inverse, weights=right, minlength=len(first))
    return [
        (tuple(map(int, keys[row])), Share(int(hit), int(total)))
        for row, hit, total in zip(first, hits, totals, strict=True)
    ]


def _as_numbers(keys: IntArray) -> IntArray:
    """One number a row, in the rows' order, equal for equal rows: many times faster to sort."""
    numbers = np.zeros(len(keys), dtype=np.int64)
    for column in keys.T:
        # Ranks keep the numbers small, however many columns there are.
        _, numbers = np.unique(numbers, return_inverse=True)
        numbers = numbers * (int(column.max(initial=0)) + 1) + column
    return numbers


def _finite(value: float | None) -> float | None:
    """JSON knows no infinity, and no "not a number"."""
    return value if value is not None and math.isfinite(value) else None


def _histogram(values: NDArray[np.intp]) -> dict[int, int]:
    distinct, counts = np.unique(values, return_counts=True)
    return {int(value): int(count) for value, count in zip(distinct, counts, strict=True)}
