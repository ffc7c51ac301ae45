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
    """Counts by length, gathered to a few points a window; bins of one window are put together.

    Args:
        bins: measured, by window.
        key: which counts: `by_length` or `baseline_by_length`.
        points: a window.
    """
    windows: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for window, measured in bins.items():
        windows.setdefault(bounds(window), []).extend(
            (int(length), right, total) for length, (right, total) in measured[key].items()
        )
    found = []
    for (low, high), counts in windows.items():
        step = (high - low + 1) / points
        groups: dict[int, list[tuple[int, int, int]]] = {}
        for count in sorted(counts):
            groups.setdefault(int((count[0] - low) / step), []).append(count)
        for group in groups.values():
            lengths, rights, totals = zip(*group, strict=True)
            mean = sum(n * t for n, t in zip(lengths, totals, strict=True)) / sum(totals)
            found.append(Stretch(mean, sum(rights), sum(totals)))
    return found
