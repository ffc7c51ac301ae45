"""A published number and ours: the difference, and what it amounts to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

from starfree.experiments.published_results import PublishedResult

NOT_RUN = "not run"


@dataclass(frozen=True)
class Ours:
    """Our number beside a published one.

    Attributes:
        value: mean over seeds; None where a seed never got there.
        interval: from the smallest lower to the largest upper end of the seeds' 95 % intervals;
            None where a number has none, such as a loss.
        reason: why the two may differ, the strings being of the same distribution.
    """

    value: float | None
    interval: tuple[float, float] | None
    reason: str

    @classmethod
    def over(cls, seeds: Sequence[Mapping[str, float]], reason: str) -> Self:
        """The mean of measured rates, each with its `value` and the ends `low` and `high`."""
        ends = (min(seed["low"] for seed in seeds), max(seed["high"] for seed in seeds))
        return cls(fmean(seed["value"] for seed in seeds), ends, reason)


def shown_beside(number: PublishedResult, ours: Ours | None) -> tuple[str, str, str]:
    """Ours with its interval, ours minus the published one, and agrees, differs or not run.

    Example:
        >>> number = PublishedResult("", "", "", 1, "dev", "closing_accuracy", 0.75, "", "")
        >>> shown_beside(number, Ours(0.7, (0.69, 0.71), "20 epochs, theirs 15"))
        ('0.7 (0.69–0.71)', '-0.05', 'differs: 20 epochs, theirs 15')
    """
    if ours is None:
        return "", "", NOT_RUN
    if ours.value is None:
        return "never", "", f"differs: {ours.reason}"
    difference = f"{ours.value - number.value:+.4g}"
    if ours.interval is None:
        return f"{ours.value:.4g}", difference, f"no interval: {ours.reason}"
    low, high = ours.interval
    status = "agrees" if low <= number.value <= high else f"differs: {ours.reason}"
    return f"{ours.value:.4g} ({low:.4g}–{high:.4g})", difference, status
