"""Figures of a search: trial by trial, setting by setting, and along the learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf, isfinite, nan

from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from starfree.experiments.search.history import CellHistory, Tried, best_so_far
from starfree.experiments.search.space import Axis, Range, Space
from starfree.report.style import COLOURS, INK, QUIET, style

COLUMNS = 3  # panels side by side

_COMPLETE, _BEST, _CHOSEN = COLOURS[0], COLOURS[1], COLOURS[4]
_LOSS = "validation loss"


def history_figure(cells: Sequence[CellHistory]) -> Figure:
    """Validation loss trial by trial, and the best so far: a panel a language and model."""
    with style():
        figure, axes = _panels(cells)
        for axis, cell in zip(axes, cells, strict=False):
            numbers = [one.number for one in cell.tried]
            best = [nan if loss is None else loss for loss in best_so_far(cell.tried)]
            axis.step(numbers, best, where="post", color=_BEST, linewidth=1.4, zorder=2)
            for one in cell.tried:
                _mark(axis, one.number, one, cell.chosen)
            _loss_axis(axis)
            axis.set_xlim(0, max(numbers) + 1)
            axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        figure.supxlabel("trial", fontsize=9)
        figure.supylabel(_LOSS, fontsize=9)
        line = Line2D([], [], color=_BEST, linewidth=1.4, label="best so far")
        figure.legend(
            handles=[*_handles(cells), line], loc="outside upper center", ncols=5, handlelength=1.4
        )
    return figure


def settings_figure(cells: Sequence[CellHistory], space: Space) -> Figure:
    """Validation loss by the value of each setting: a row a language and model."""
    with style():
        figure = Figure(
            figsize=(max(2.2 * len(space), 5.0), 1.7 * len(cells) + 0.8), layout="constrained"
        )
        grid = figure.subplots(len(cells), len(space), squeeze=False, sharey="row")
        for row, cell in zip(grid, cells, strict=True):
            for axis, (name, values) in zip(row, space.items(), strict=True):
                for one in cell.tried:
                    _mark(axis, _place(one.point[name], values), one, cell.chosen)
                _values(axis, values)
                _loss_axis(axis)
                if cell is cells[-1]:
                    axis.set_xlabel(name)
            row[0].set_title(cell.name, fontsize=9)
        figure.supylabel(_LOSS, fontsize=9)
        figure.legend(
            handles=_handles(cells), loc="outside upper center", ncols=4, handlelength=1.4
        )
    return figure


def pruning_figure(cells: Sequence[CellHistory], points: int) -> Figure:
    """Every trial's validation loss along its training, with a cross where it was given up."""
    with style():
        figure, axes = _panels(cells)
        for axis, cell in zip(axes, cells, strict=False):
            chosen = cell.chosen
            for one in cell.tried:
                curve = [(100 * at / points, y) for at, y in one.losses.items() if y < inf]
                if not curve:
                    continue
                best = chosen is not None and one.hash == chosen.hash
                complete = one.state == "complete"
                axis.plot(
                    *zip(*curve, strict=True),
                    color=_CHOSEN if best else _COMPLETE if complete else QUIET,
                    linewidth=1.8 if best else 0.9, alpha=1.0 if best else 0.7,
                    zorder=4 if best else 2,
                )  # fmt: skip
                if one.state == "pruned":
                    axis.plot(*curve[-1], marker="x", markersize=4, color=INK, zorder=5)
            _loss_axis(axis)
            axis.set_xlim(0, 102)
        figure.supxlabel("% of the training budget", fontsize=9)
        figure.supylabel(_LOSS, fontsize=9)
        handles = [
            Line2D([], [], color=_CHOSEN, linewidth=1.8, label="chosen"),
            Line2D([], [], color=_COMPLETE, label="trained to the end"),
            Line2D([], [], color=QUIET, marker="x", markersize=4, markeredgecolor=INK,
                   label="given up"),
        ]  # fmt: skip
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _panels(cells: Sequence[CellHistory]) -> tuple[Figure, Sequence[Axes]]:
    columns = min(len(cells), COLUMNS)
    rows = ceil(len(cells) / columns)
    figure = Figure(figsize=(max(2.9 * columns, 5.2), 2.1 * rows + 0.8), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(cells) :]:
        axis.set_visible(False)
    for axis, cell in zip(axes, cells, strict=False):
        axis.set_title(cell.name, fontsize=9)
    return figure, list(axes)


def _loss_axis(axis: Axes) -> None:
    """A logarithmic axis; a plain one where no loss is there to be drawn."""
    if not isfinite(axis.dataLim.minposy):
        return
    axis.set_yscale("log")
    _plain_ticks(axis.yaxis, axis.get_ylim())
    axis.tick_params(axis="y", which="both", length=0)


def _plain_ticks(axis: XAxis | YAxis, limits: tuple[float, float]) -> None:
    """A few plain numbers on a logarithmic axis, however far it reaches."""
    low, high = limits
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0) if high < 30 * low else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _mark(axis: Axes, x: float, one: Tried, chosen: Tried | None) -> None:
    """A trial's point; those without a loss stand at the upper edge."""
    if one.loss is None or one.state in ("diverged", "failed"):
        if one.state != "not finished":
            axis.plot([x], [1.0], marker="v", markersize=4, color=INK, clip_on=False,
                      transform=axis.get_xaxis_transform(), zorder=4)  # fmt: skip
        return
    if one.state == "pruned":
        axis.plot([x], [one.loss], marker="x", markersize=4, color=QUIET, zorder=3)
        return
    axis.plot([x], [one.loss], marker="o", markersize=4, color=_COMPLETE, markeredgewidth=0,
              zorder=3)  # fmt: skip
    if chosen is not None and one.hash == chosen.hash:
        axis.plot([x], [one.loss], marker="o", markersize=8, color="none", markeredgewidth=1.6,
                  markeredgecolor=_CHOSEN, zorder=4)  # fmt: skip


def _handles(cells: Sequence[CellHistory]) -> list[Line2D]:
    """What the marks mean, as far as they occur."""
    states = {one.state for cell in cells for one in cell.tried}
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=4, color=_COMPLETE,
               markeredgewidth=0, label="trained to the end"),
        Line2D([], [], linestyle="", marker="o", markersize=8, color="none",
               markeredgewidth=1.6, markeredgecolor=_CHOSEN, label="chosen"),
    ]  # fmt: skip
    if "pruned" in states:
        handles.append(Line2D([], [], linestyle="", marker="x", markersize=4, color=QUIET,
                              label="given up (loss then)"))  # fmt: skip
    if states & {"diverged", "failed"}:
        handles.append(Line2D([], [], linestyle="", marker="v", markersize=4, color=INK,
                              label="diverged or failed"))  # fmt: skip
    return handles


def _values(axis: Axes, values: Axis) -> None:
    """Ticks: every value of a list; of a range what fits."""
    if not isinstance(values, Range):
        axis.set_xticks(range(len(values)), [_written(value) for value in values])
        axis.set_xlim(-0.5, len(values) - 0.5)
    elif values.log:
        axis.set_xscale("log")
        _plain_ticks(axis.xaxis, axis.get_xlim())


def _place(value: object, values: Axis) -> float:
    if isinstance(values, Range):
        assert isinstance(value, int | float)
        return float(value)
    return float(values.index(value))


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
