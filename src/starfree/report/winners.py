"""Who wins where: the best models of every language and window, as far as intervals can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starfree.experiments.summary import Cell, Summary
from starfree.report.numbers import dash, percent

CONTESTANTS = 3  # models; fewer need no table of winners
LEARNED = 0.99  # of the strings of the training lengths: a positive control


@dataclass(frozen=True)
class Winner:
    """The outcome of one language in one window.

    Attributes:
        best: the model with the most right strings; None where no model beats the baseline.
        accuracy: its share of strings.
        level: models whose interval over strings overlaps with its own, best ones first.
        baseline: the best predictor without state.
        control: whether some model learned the language in the window of the training lengths.
    """

    language: str
    window: str
    best: str | None
    accuracy: float
    level: tuple[str, ...]
    baseline: float
    control: bool


def winners(summary: Summary) -> list[Winner]:
    """Every language with at least `CONTESTANTS` models, window by window."""
    found = []
    for name in dict.fromkeys(cell.language.name for cell in summary.cells):
        cells = [cell for cell in summary.cells if cell.language.name == name]
        if len(cells) < CONTESTANTS:
            continue
        control = any(cell.bins[0].accuracy >= LEARNED for cell in cells)
        for rank, window in enumerate(bin_.window for bin_ in cells[0].bins):
            ordered = _ordered(cells, rank)
            first = ordered[0].bins[rank]
            baseline = first.baseline or 0.0
            beats = first.accuracy > baseline
            level = [cell for cell in ordered[1:] if beats and _overlap(ordered[0], cell, rank)]
            found.append(
                Winner(
                    name,
                    window,
                    ordered[0].model.shown if beats else None,
                    first.accuracy,
                    tuple(cell.model.shown for cell in level),
                    baseline,
                    control,
                )
            )
    return found


def _ordered(cells: Sequence[Cell], rank: int) -> list[Cell]:
    """The model with the most right strings of a window first."""
    return sorted(cells, key=lambda cell: -cell.bins[rank].accuracy)


def _overlap(one: Cell, other: Cell, rank: int) -> bool:
    first, second = one.bins[rank], other.bins[rank]
    low, _ = first.interval or (first.accuracy, first.accuracy)
    _, high = second.interval or (second.accuracy, second.accuracy)
    return high >= low


def told(summary: Summary) -> Iterator[str]:
    """A sentence a language."""
    every = winners(summary)
    for name in dict.fromkeys(winner.language for winner in every):
        own = [winner for winner in every if winner.language == name]
        parts = []
        for winner in own:
            if winner.best is None:
                parts.append(f"{dash(winner.window)}: nobody above {percent(winner.baseline)}, "
                             "what a predictor without state has")  # fmt: skip
                continue
            text = f"{dash(winner.window)}: {winner.best} {percent(winner.accuracy)}"
            if winner.level:
                text += f" (level: {', '.join(winner.level)})"
            parts.append(text)
        control = "" if own[0].control else "; no model learned it, so that nothing is refused"
        yield f"{name} – {'; '.join(parts)}{control}."
