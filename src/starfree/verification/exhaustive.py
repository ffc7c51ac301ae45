"""All strings by length, for models without states."""

from __future__ import annotations

import numpy as np
import torch

from starfree.verification.budget import Budget, Seconds
from starfree.verification.machine import DEAD, Machine
from starfree.verification.product import Found
from starfree.verification.pumping import fault_at, first_wrong
from starfree.verification.reading import Reader

BATCH = 512
MOST = 200_000  # strings of one length


def all_strings(
    reader: Reader, machine: Machine, until: float, budget: Budget | None = None
) -> Found:
    """Compare the model with the language on all strings of its domain, the short ones first.

    Args:
        reader: of the model.
        machine: what is right.
        until: what the budget shows when no longer length is begun.
        budget: what is spent; by default time.
    """
    budget = budget or Seconds()
    letters = np.arange(len(machine.language.alphabet))
    words = np.zeros((1, 0), dtype=np.int64)
    places = np.array([machine.start])
    compared, margin, length = 0, float("inf"), 0
    if machine.start == DEAD:
        return Found(0, True, 0, margin, None)
    while True:
        for low in range(0, len(words), BATCH):
            part, ends = words[low : low + BATCH], places[low : low + BATCH]
            logits, state = reader.start(len(part))
            if length:
                logits = reader.read(torch.from_numpy(part), state)[0][:, -1]
            bits = logits.float().numpy()
            compared += len(part)
            margin = min(margin, float(np.abs(bits).min()))
            wrong = first_wrong(bits, machine.legal(ends))
            if wrong is not None and (length or machine.asks_empty):
                word = tuple(part[wrong].tolist())
                fault = fault_at(bits, machine, ends, wrong, word)
                return Found(compared, False, length - 1, margin, fault)
            if budget.now() > until:
                return Found(compared, False, length - 1, margin, None)
        longer = np.concatenate(
            [np.repeat(words, len(letters), axis=0), np.tile(letters, len(words))[:, None]], axis=1
        )
        after = np.stack([machine.successors(places, int(a)) for a in letters], axis=1).reshape(-1)
        alive = after != DEAD
        if not alive.any():
            return Found(compared, True, length, margin, None)
        if int(alive.sum()) > MOST:
            return Found(compared, False, length, margin, None)
        words, places, length = longer[alive], after[alive], length + 1
