"""Figures of the bounded-Dyck experiment: closing accuracy by width and by distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, PercentFormatter

from starfree.report.hover import named
from starfree.report.style import COLOURS, INK, QUIET, style

_TITLES = {
    "dev": "dev (lengths 1–700)",
    "test": "test (701–1400)",
    "distances": "test, over distances",
}
_RATE_LINES: tuple[Any, ...] = ("-", "--", ":")

_RATE_MARKS = ("s", "D", "^")


@dataclass(frozen=True)
class Line:
    """Points of one depth and learning rate, by panel, and what a window reaches."""

    layers: int
    rate: float
    points: dict[str, list[tuple[int, float]]]

    @property
    def colour(self) -> str:
        """By depth."""
        return COLOURS[self.layers - 1]

    @property
    def label(self) -> str:
        """For the legend."""
        return f"{self.layers} layer{'' if self.layers == 1 else 's'}, rate {self.rate:g}"


def width_figure(lines: Sequence[Line], published: Sequence[Line]) -> Figure:
    """Closing accuracy by width: dev, test, and test with every distance counting the same."""
    rates = sorted({line.rate for line in [*lines, *published]})
    with style():
        figure = Figure(figsize=(9.6, 3.9), layout="constrained")
        axes = figure.subplots(1, len(_TITLES), sharey=True)
        for axis, (panel, title) in zip(axes, _TITLES.items(), strict=True):
            for line in lines:
                _draw(axis, line.points.get(panel, []), line, rates, published=False)
                if panel != "distances":
                    for _, reach in line.points.get("window", []):
                        axis.axhline(reach, color=line.colour, linewidth=0.9, linestyle=(0, (1, 2)))
            for line in published:
                _draw(axis, line.points.get(panel, []), line, rates, published=True)
            axis.set_title(title, fontsize=9)
            axis.set_ylim(0, 1.04)
            axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axis.set_xlim(15, 105)
        figure.supxlabel("memory dimension (width d_model)", fontsize=9)
        figure.supylabel("closing accuracy", fontsize=9)
        _legend(figure, lines, published, rates)
    return figure


def distance_figure(lines: Sequence[Line]) -> Figure:
    """Closing accuracy on the test file by the distance to the open bracket."""
    rates = sorted({line.rate for line in lines})
    with style():
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        axis = figure.subplots()
        for line in lines:
            for width, points in line.points.items():
                (drawn,) = axis.plot(
                    *zip(*[(start + 1, share) for start, share in points], strict=True),
                    color=line.colour, linestyle=_RATE_LINES[rates.index(line.rate)],
                    marker="o", markersize=2.5, linewidth=1.3, label=f"{line.label}, {width}",
                )  # fmt: skip
                named(drawn, f"{line.label}, {width}")
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_ylim(0, 1.04)
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axis.set_xlabel("symbols since the bracket was opened, itself counted")
        axis.set_ylabel("closing accuracy")
        figure.legend(loc="outside upper center", ncols=2)
    return figure


def _draw(
    axis: Axes,
    points: Sequence[tuple[int, float]],
    line: Line,
    rates: Sequence[float],
    published: bool,
) -> None:
    if not points:
        return
    widths, shares = zip(*points, strict=True)
    if published:
        (drawn,) = axis.plot(
            widths, shares, linestyle="", marker=_RATE_MARKS[rates.index(line.rate)],
            markersize=3.6, color="white", markeredgecolor=line.colour, markeredgewidth=0.9,
            zorder=2,
        )  # fmt: skip
    else:
        (drawn,) = axis.plot(
            widths, shares, color=line.colour, linestyle=_RATE_LINES[rates.index(line.rate)],
            marker="o", markersize=4, zorder=3,
        )  # fmt: skip
    named(drawn, f"{'published, ' if published else ''}{line.label}")


def _legend(
    figure: Figure, lines: Sequence[Line], published: Sequence[Line], rates: Sequence[float]
) -> None:
    handles = [
        Line2D([], [], color=line.colour, linestyle=_RATE_LINES[rates.index(line.rate)],
               marker="o", markersize=4, label=line.label)
        for line in lines
    ]  # fmt: skip
    handles += [
        Line2D([], [], linestyle="", marker=_RATE_MARKS[rates.index(line.rate)], markersize=4,
               color="white", markeredgecolor=line.colour, markeredgewidth=0.9,
               label=f"published, {line.label}")
        for line in published
    ]  # fmt: skip
    handles.append(
        Line2D([], [], color=QUIET, linestyle=(0, (1, 2)), label="window of the convolutions")
    )
    figure.legend(handles=handles, loc="outside upper center", ncols=4, labelcolor=INK)
