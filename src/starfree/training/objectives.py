"""What is minimised, and what counts as a right answer.

`bits` and `classes` are ours: means over real positions. `class-mse` and `class-ce` are the two
published losses, padding and all, for like-for-like runs (Sarrof et al. 2024, their two scripts).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from starfree.errors import InputError


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch as tensors, padded to its own longest string.

    Attributes:
        inputs: int64 ``[B, T]``.
        targets: bool ``[B, T, outputs]`` (objective `bits`) or int64 ``[B, T]``.
        weights: float ``[B, T]``, 1 where the answer counts.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor


class Objective(ABC):
    """A loss, as a sum and what to divide it by, so that parts of a data set add up."""

    @abstractmethod
    def loss(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Sum of the losses of ``logits[B, T, outputs]``, and the count that makes it a mean."""

    @abstractmethod
    def right(self, logits: Tensor, batch: Batch) -> Tensor:
        """Which answers are right, bool ``[B, T]``; one that is not a finite number is wrong."""

    def counted(self, batch: Batch) -> Tensor:
        """Which answers count, bool ``[B, T]``."""
        return batch.weights > 0


class Bits(Objective):
    """One logit a bit, threshold 0; binary cross-entropy, mean over bits and real positions."""

    def loss(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Objective.loss`."""
        targets = batch.targets.to(logits.dtype)
        losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)
        return (losses * batch.weights).sum(), batch.weights.sum()

    def right(self, logits: Tensor, batch: Batch) -> Tensor:
        """All bits of the position."""
        return ((logits > 0) == batch.targets).all(-1) & logits.isfinite().all(-1)


class Classes(Objective):
    """One class a position, the largest logit; cross-entropy, mean over real positions."""

    def loss(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Objective.loss`."""
        losses = F.cross_entropy(logits.transpose(1, 2), batch.targets, reduction="none")
        return (losses * batch.weights).sum(), batch.weights.sum()

    def right(self, logits: Tensor, batch: Batch) -> Tensor:
        """The largest logit is the class."""
        return (logits.argmax(-1) == batch.targets) & logits.isfinite().all(-1)


class PublishedSquaredError(Classes):
    """Squared error to the one-hot class; answers and targets are set to 0 on padding.

    The mean divides by all positions, padding included, times outputs: the gradient shrinks with
    the share of padding, as it did in the published runs.
    """

    def loss(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Objective.loss`."""
        one_hot = F.one_hot(batch.targets, logits.shape[-1]).to(logits.dtype)
        errors = (logits - one_hot).square() * batch.weights[..., None]
        return errors.sum(), logits.new_tensor(logits.numel())


class PublishedCrossEntropy(Classes):
    """Cross-entropy over all positions; padding is a class of its own, 0, to be predicted too.

    A string counts as right only if its padding is right, so that its score depends on the longest
    string of its batch, as it did in the published runs.
    """

    def loss(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Objective.loss`."""
        losses = F.cross_entropy(logits.transpose(1, 2), batch.targets, reduction="none")
        return losses.sum(), logits.new_tensor(losses.numel())

    def counted(self, batch: Batch) -> Tensor:
        """Every position, padding too."""
        return torch.ones_like(batch.weights, dtype=torch.bool)


OBJECTIVES: dict[str, Objective] = {
    "bits": Bits(),
    "classes": Classes(),
    "class-mse": PublishedSquaredError(),
    "class-ce": PublishedCrossEntropy(),
}


def objective_of(name: str) -> Objective:
    """The objective that a task names.

    Raises:
        InputError: there is none of this name.
    """
    if name not in OBJECTIVES:
        raise InputError(f"objective {name!r} is unknown; choose one of {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]
