"""Accuracy by length: the counts of a result gathered to points that a line can join."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starfree.experiments.spec import bounds

UNTESTED = 60  # a gap in the tested lengths that no line should bridge


@dataclass(frozen=True)
class Stretch:
    """The strings of neighbouring lengths in a window.

    Attributes:
        length: their mean.
        right: how many are right, of `strings`.
    """

    length: float
    right: int
    strings: int

    @property
    def accuracy(self) -> float:
        """Share of strings right."""
        return self.right / self.strings


def stretches(bins: Mapping[str, Mapping[str, Any]], key: str, points: int) -> list[Stretch]:
    """Counts by length, gathered to a few points a window.

    Args:
        bins: measured, by window.
        key: which counts: `by_length` or `baseline_by_length`.
        points: a window.
    """
    found = []
    for window, measured in bins.items():
        low, high = bounds(window)
        step = (high - low + 1) / points
        groups: dict[int, list[tuple[int, int, int]]] = {}
        for length, (right, total) in sorted(
            (int(length), share) for length, share in measured[key].items()
        ):
            groups.setdefault(int((length - low) / step), []).append((length, right, total))
        for group in groups.values():
            lengths, rights, totals = zip(*group, strict=True)
            mean = sum(n * t for n, t in zip(lengths, totals, strict=True)) / sum(totals)
            found.append(Stretch(mean, sum(rights), sum(totals)))
    return found
