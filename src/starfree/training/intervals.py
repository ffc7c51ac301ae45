"""Exact confidence intervals of a share, by Clopper and Pearson (1934). No torch."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

_BISECTIONS = 60  # halvings of [0, 1]: past the resolution of a float


class Interval(NamedTuple):
    """A confidence interval of a share."""

    low: float
    high: float


def binomial_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """The shares p under which the outcome is not in a tail of probability (1 - confidence) / 2.

    Its coverage is never below `confidence`, whatever p is. No trials say nothing: (0, 1).
    """
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else _solve(successes, trials, tail)
    # At most `successes` of p is at least `failures` of 1 - p.
    failures = trials - successes
    high = 1.0 if failures == 0 else 1 - _solve(failures, trials, tail)
    return Interval(low, high)


def _solve(successes: int, trials: int, tail: float) -> float:
    """The p under which at least `successes` has probability `tail`."""
    counts = np.arange(successes, trials + 1)
    log_factorials = np.concatenate([[0.0], np.log(np.arange(1, trials + 1)).cumsum()])
    log_ways = log_factorials[-1] - log_factorials[counts] - log_factorials[trials - counts]
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        p = (low + high) / 2
        terms = log_ways + counts * math.log(p) + (trials - counts) * math.log1p(-p)
        if np.exp(terms).sum() < tail:
            low = p
        else:
            high = p
    return (low + high) / 2
