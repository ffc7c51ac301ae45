"""Same seed, same machine, same numbers: threads and torch's generator set, and given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many threads; sums are the same from run to run for the same count."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from torch's global generator as from a new one (new weights, dropout)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
