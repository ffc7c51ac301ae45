"""The figure of the basin experiment: noise at the start against accuracy before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator, PercentFormatter

from starfree.report.hover import says
from starfree.report.numbers import dash, points
from starfree.report.style import COLOURS, INK, QUIET, style

_BEFORE: tuple[int, tuple[float, float]] = (0, (2.0, 1.5))
_MARKS = ("o", "s", "^", "D")
COLUMNS = 3


@dataclass(frozen=True)
class Start:
    """Where some trials, one a seed, began.

    Attributes:
        noise: None of random weights.
        before: string accuracies by window, a number a seed.
        after: the same after training.
    """

    noise: float | None
    before: Mapping[str, Sequence[float]]
    after: Mapping[str, Sequence[float]]


def basin_figure(panels: Mapping[str, Sequence[Start]], windows: Sequence[str]) -> Figure:
    """A panel for each language, form of weights and learning rate.

    Args:
        panels: the starts by the panel's title.
        windows: the bins that are drawn.
    """
    columns = min(COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    with style():
        figure = Figure(
            figsize=(max(6.5, 0.8 + 2.9 * columns), 1.2 + 2.1 * rows), layout="constrained"
        )
        axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        for axis, (title, starts) in zip(axes, panels.items(), strict=False):
            _panel(axis, starts, windows, title)
        figure.supxlabel(
            "noise added to the solution, of each tensor's root mean square", fontsize=9
        )
        figure.supylabel("strings right at every position", fontsize=9)
        handles = [
            Line2D([], [], color=COLOURS[place], marker=_MARKS[place], markersize=4,
                   label=f"after training, length {dash(window)}")
            for place, window in enumerate(windows)
        ]  # fmt: skip
        handles.append(
            Line2D([], [], color=QUIET, linestyle=_BEFORE,
                   label=f"before training, length {dash(windows[0])}")
        )  # fmt: skip
        figure.legend(handles=handles, loc="outside upper center", ncols=3, labelcolor=INK)
    return figure


def _panel(axis: Axes, starts: Sequence[Start], windows: Sequence[str], title: str) -> None:
    axis.set_title(title, fontsize=9)
    axis.set_ylim(-0.04, 1.06)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    noises = sorted({start.noise for start in starts if start.noise is not None})
    place: dict[float | None, float] = {noise: float(x) for x, noise in enumerate(noises)}
    place[None] = len(noises) + 0.5
    known = [start for start in starts if start.noise is not None]
    known.sort(key=lambda start: place[start.noise])
    xs = [place[start.noise] for start in known]
    axis.plot(
        xs, [fmean(start.before[windows[0]]) for start in known], color=QUIET, linestyle=_BEFORE
    )
    for number, window in enumerate(windows):
        colour, mark = COLOURS[number], _MARKS[number]
        axis.plot(xs, [fmean(start.after[window]) for start in known], color=colour)
        for start in starts:
            for seed, share in enumerate(start.after[window]):
                (dot,) = axis.plot(
                    [place[start.noise] + 0.12 * (number - (len(windows) - 1) / 2)], [share],
                    marker=mark, markersize=4, color=colour, markeredgewidth=0, alpha=0.8,
                    linestyle="", clip_on=False,
                )  # fmt: skip
                begun = "random weights" if start.noise is None else f"noise {start.noise:g}"
                says(dot, f"{title}, {begun}, trial {seed + 1}: {points(share)} % at "
                          f"length {dash(window)}")  # fmt: skip
    axis.axvline(len(noises) - 0.25, color=QUIET, linewidth=0.6)
    axis.xaxis.set_major_locator(FixedLocator([*place.values()]))
    axis.xaxis.set_major_formatter(FixedFormatter([*(f"{n:g}" for n in noises), "random"]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.tick_params(axis="x", labelsize=8)
    axis.set_xlim(-0.4, len(noises) + 1.0)
