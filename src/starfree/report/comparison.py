"""Every published number of the suite beside ours: its difference and what it amounts to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from starfree.experiments.published_results import PublishedResult, published_results
from starfree.experiments.summary import BinSummary, Cell, Summary, is_published

Status = Literal["agrees", "differs", "not run"]


@dataclass(frozen=True)
class Compared:
    """One published number and ours.

    Attributes:
        cell: ours; None where it was not run.
        measured: our window of the same rank.
        interval: from the smallest lower to the largest upper end of the seeds' 95 % intervals over
            strings; the published runs are single ones without a seed.
    """

    published: PublishedResult
    cell: Cell | None
    measured: BinSummary | None
    interval: tuple[float, float] | None

    @property
    def status(self) -> Status:
        """`agrees` if the published number lies within our interval."""
        if self.interval is None:
            return "not run"
        low, high = self.interval
        return "agrees" if low <= self.published.value <= high else "differs"

    @property
    def difference(self) -> float | None:
        """Our mean over seeds minus the published number."""
        return None if self.measured is None else self.measured.accuracy - self.published.value

    @property
    def cannot_tell(self) -> bool:
        """A predictor without state solves the bin, so that it shows no state."""
        return self.measured is not None and self.measured.solved_without_state


def published_languages() -> set[str]:
    """The languages of the paper's tables."""
    return {p.language for p in published_results() if p.experiment == "suite"}


def compare(summary: Summary) -> Iterator[Compared]:
    """All published numbers of the suite, in the order of the paper's tables."""
    cells = {
        (cell.language.name, name, layers): cell
        for cell in summary.cells
        if (key := _published_name(cell)) is not None
        for name, layers in [key]
    }
    for published in published_results():
        if published.experiment != "suite":
            continue
        cell = cells.get((published.language, published.model, published.layers))
        rank = int(published.bin)
        measured = cell.bins[rank] if cell is not None and rank < len(cell.bins) else None
        yield Compared(
            published, cell, measured, None if measured is None else measured.seeds_interval
        )


def _published_name(cell: Cell) -> tuple[str, int | None] | None:
    """Which row of the paper's tables a cell stands beside; None if it is a model of ours only."""
    options = cell.model.options
    if not is_published(options):
        return None
    layers = int(options.get("layers", 1))
    return {"transformer": ("transformer", None), "mamba": ("mamba", layers)}.get(cell.model.name)
