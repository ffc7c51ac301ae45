"""Closing accuracy and the other constraints of the bounded-Dyck evaluator, from a model's logits.

At every prefix whose stack is not empty the model must give the right close more than 0.8 of what
it gives to all closes. Distances between a bracket and its close are very unequal (half of them are
0), so that the mean over prefixes says little about memory: every distance is counted by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from starfree.data.closing import Stacks, evaluator_stacks
from starfree.data.task import Task
from starfree.languages.strings import Strings
from starfree.training.batches import evaluation_order, take
from starfree.training.metrics import answers

SHARE = 0.8  # of the closes, that the right one must have
MASS = 0.2  # of all symbols, that the illegal ones must stay below
FAR = 20  # symbols: what no convolution of two layers sees

# Far distances are rare, and are written down together: one by one to 32, then four an octave.
_STEPS = [*range(33), *(round(32 * 2 ** (step / 4)) for step in range(1, 41))]

Counts = NDArray[np.int64]
BoolGrid = NDArray[np.bool_]


@dataclass
class ClosingScore:
    """Prefixes that satisfy a constraint, of those where it applies.

    Attributes:
        by_distance: right and all closes, ``[2, distances]``.
        empty: no close where the stack is empty, ``[2]``.
        full: no open where it is full.
        open_end: no END where it is not empty.
    """

    by_distance: Counts = field(default_factory=lambda: np.zeros((2, 1), dtype=np.int64))
    empty: Counts = field(default_factory=lambda: np.zeros(2, dtype=np.int64))
    full: Counts = field(default_factory=lambda: np.zeros(2, dtype=np.int64))
    open_end: Counts = field(default_factory=lambda: np.zeros(2, dtype=np.int64))

    @property
    def micro(self) -> float:
        """Mean over prefixes, as published."""
        return _share(self.by_distance.sum(axis=1))

    @property
    def macro(self) -> float:
        """Mean over the distances that occur."""
        right, total = self.by_distance[:, self.by_distance[1] > 0]
        return float((right / total).mean())

    def beyond(self, distance: int) -> float:
        """Mean over the prefixes whose bracket is at least so far back."""
        return _share(self.by_distance[:, distance:].sum(axis=1))

    def within(self, distance: int) -> float:
        """Share of the closes whose bracket is at most so far back: a window's best score."""
        return float(self.by_distance[1, : distance + 1].sum() / self.by_distance[1].sum())

    def add(self, stacks: Stacks, shares: NDArray[np.float32], masses: dict[str, BoolGrid]) -> None:
        """Take in some prefixes; see `measure_closing`."""
        scored = stacks.top >= 0
        distances = stacks.distance[scored]
        right = np.bincount(distances, weights=shares[scored] > SHARE)
        total = np.bincount(distances)
        grown = max(self.by_distance.shape[1], len(total))
        found = np.zeros((2, grown), dtype=np.int64)
        found[:, : self.by_distance.shape[1]] = self.by_distance
        found[0, : len(total)] += right.astype(np.int64)
        found[1, : len(total)] += total
        self.by_distance = found
        for into, applies, kept in (
            (self.empty, stacks.real & ~scored, masses["close"]),
            (self.full, stacks.full, masses["open"]),
            (self.open_end, scored, masses["end"]),
        ):
            into += (int((kept & applies).sum()), int(applies.sum()))

    def as_json(self) -> dict[str, Any]:
        """Plain values; distances with right and all, far ones in steps named by their start."""
        return {
            "closing_accuracy": self.micro,
            "closing_accuracy_over_distances": self.macro,
            "closing_accuracy_far": self.beyond(FAR) if len(self.by_distance[1]) > FAR else None,
            "closes": int(self.by_distance[1].sum()),
            "empty": self.empty.tolist(),
            "full": self.full.tolist(),
            "open_end": self.open_end.tolist(),
            "by_distance": self._in_steps(),
        }

    def _in_steps(self) -> dict[str, list[int]]:
        ends = self.by_distance.shape[1]
        steps = [d for d in _STEPS if d < ends]
        summed = np.add.reduceat(self.by_distance, steps, axis=1)
        return {
            str(start): [int(right), int(total)]
            for start, right, total in zip(steps, *summed, strict=True)
            if total
        }


def measure_closing(
    model: nn.Module, task: Task, strings: Strings, types: int, bound: int
) -> ClosingScore:
    """Score a model as the evaluator with a stack of at most `bound` does.

    Args:
        model: its outputs are opens 0 .. types-1, closes, START, END, perhaps more.
        task: the language-modelling task (`NextTokenTask`).
        strings: members, perhaps nested deeper than `bound`.
        types: bracket pairs.
        bound: of the evaluator's stack.
    """
    score = ClosingScore()
    training = model.training
    model.eval()
    with torch.no_grad():
        for rows in evaluation_order(strings.lengths):
            some = strings.select(rows)
            examples = task.encode(some)
            stacks = evaluator_stacks(some, types, bound)
            pieces = [
                _judge(logits, stacks.top[:, low : low + logits.shape[1]], types)
                for low, _, logits in answers(model, take(examples, np.arange(len(some))))
            ]
            shares = np.concatenate([piece[0] for piece in pieces], axis=1)
            masses = {
                name: np.concatenate([piece[1][name] for piece in pieces], axis=1)
                for name in pieces[0][1]
            }
            score.add(stacks, shares, masses)
    model.train(training)
    return score


def _judge(
    logits: Tensor, top: NDArray[np.int16], types: int
) -> tuple[NDArray[np.float32], dict[str, BoolGrid]]:
    """Share of the expected close among the closes, and which masses stay small, ``[B, T]``."""
    closes = logits[..., types : 2 * types].softmax(-1)
    wanted = torch.from_numpy(np.maximum(top, 0).astype(np.int64))
    share = closes.gather(-1, wanted[..., None])[..., 0].numpy()
    mass = logits.softmax(-1)
    end = 2 * types + 1
    return share, {
        "close": (mass[..., types : 2 * types].sum(-1) < MASS).numpy(),
        "open": (mass[..., :types].sum(-1) < MASS).numpy(),
        "end": (mass[..., end] < MASS).numpy(),
    }


def _share(counts: Counts) -> float:
    right, total = counts.tolist()
    return right / total if total else float("nan")
