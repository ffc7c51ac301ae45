"""In which order and company the strings are read.

Padding: an epoch's random order is cut into pools of `POOL_BATCHES` batches; each pool is sorted by
length and cut into batches, and the batches of all pools are shuffled. A batch then spans about one
thirty-second of the lengths of a pool, so that with lengths spread over a window such as 1..50 some
3 % of the computed positions are padding (below 10 % where an epoch has 32 batches or more), while
the company of a string still changes from epoch to epoch.

The order of an epoch is a function of the seed and the epoch's number alone: a run resumes in the
middle of an epoch without any state of a generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from starfree.data.task import Examples
from starfree.training.objectives import Batch

POOL_BATCHES = 32
EVALUATION_POSITIONS = 8_192
"""Positions in a batch of an evaluation: bounds its memory at any length, by any model."""

Rows = NDArray[np.intp]


def take(examples: Examples, rows: Rows) -> Batch:
    """Some examples as tensors, cut to the longest of them."""
    width = int(examples.lengths[rows].max(initial=0))
    arrays = (examples.inputs, examples.targets, examples.weights)
    return Batch(*(torch.from_numpy(array[rows, :width]) for array in arrays))


def training_order(
    lengths: NDArray[np.int32],
    batch_size: int,
    seed: int,
    epoch: int,
    shuffle: bool | Literal["random"],
) -> list[Rows]:
    """The batches of one epoch, each as rows of the data.

    Args:
        lengths: of the strings.
        batch_size: strings a batch; the last one of an epoch may be smaller.
        seed: of the order.
        epoch: which one.
        shuffle: False keeps the data's own order in every epoch; `random` does without the pools.
    """
    if not shuffle:
        return _cut(np.arange(len(lengths)), batch_size)
    generator = np.random.default_rng((seed, epoch))
    order = generator.permutation(len(lengths))
    if shuffle == "random":
        return _cut(order, batch_size)
    batches = []
    for pool in _cut(order, POOL_BATCHES * batch_size):
        batches += _cut(pool[np.argsort(lengths[pool], kind="stable")], batch_size)
    return [batches[i] for i in generator.permutation(len(batches))]


def evaluation_order(lengths: NDArray[np.int32]) -> Iterator[Rows]:
    """Batches of similar length with a bounded number of positions."""
    rows = np.argsort(lengths, kind="stable")[::-1]
    while len(rows):
        count = max(1, EVALUATION_POSITIONS // max(1, int(lengths[rows[0]])))
        yield rows[:count]
        rows = rows[count:]


def spread(count: int, wanted: int) -> Rows:
    """At most `wanted` of `count` rows, evenly spaced (so that an order by length does no harm)."""
    chosen: Rows = np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.intp))
    return chosen


def _cut(rows: Rows, size: int) -> list[Rows]:
    return [rows[low : low + size] for low in range(0, len(rows), size)]
