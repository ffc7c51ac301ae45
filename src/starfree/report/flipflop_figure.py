"""Figures of the flip-flop experiment: errors over true iterations, how long a bit keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, log10
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from starfree.report.hover import named, says, zero_at
from starfree.report.style import INK, QUIET, RULE, colours, style

NOTHING = 1e-6  # where 0 is drawn, below the smallest rate that the largest test can show
LINES: dict[str, Any] = {"FFL(0.8)": "-", "FFL(0.98)": (0, (4, 1.5)), "FFL(0.1)": (0, (1, 1.2))}
MARKS = {"FFL(0.8)": "o", "FFL(0.98)": "s", "FFL(0.1)": "^"}
COLUMNS = 3
BEYOND = 1.04  # the tests after training are drawn this far along the iterations


def error_figure(panels: Sequence[Mapping[str, Any]], strings: str) -> Figure:
    """A panel for each way of training: rates of error, on a logarithmic axis, over iterations.

    Args:
        panels: each with `title`; `measure`, `reads` or `strings`; `models`, the results of each
            model's seeds; `published`, (iteration, error) pairs by test.
        strings: what an iteration sees, such as "16 strings of 512 symbols each".
    """
    labels = list(dict.fromkeys(label for panel in panels for label in panel["models"]))
    colour = colours(labels)
    columns = min(COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    with style():
        figure = Figure(figsize=(max(6.5, 3.3 * columns), 2.6 * rows + 1.0), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        for axis, panel in zip(axes, panels, strict=False):
            axis.set_title(panel["title"], fontsize=9)
            for label, results in panel["models"].items():
                for result in results:
                    _curves(axis, result, panel["measure"], colour[label], label)
            for test, points in panel["published"].items():
                iterations, errors = zip(*sorted(points), strict=True)
                (marks,) = axis.plot(
                    iterations, [_shown(e) for e in errors], linestyle="", marker="D",
                    markersize=4, color="white" if test == "FFL(0.98)" else INK,
                    markeredgecolor=INK, markeredgewidth=0.8, zorder=6,
                )  # fmt: skip
                named(marks, f"published, {test}")
            _error_axis(axis)
            zero_at(axis, NOTHING)
            axis.set_xlim(left=0)
            axis.xaxis.set_major_locator(MaxNLocator(4))
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        figure.supxlabel(f"training iterations ({strings})", fontsize=9)
        measures = {panel["measure"] for panel in panels}
        what = "reads; published: strings" if len(measures) > 1 else measures.pop()
        figure.supylabel(f"share wrong ({what})", fontsize=9)
        _legend(figure, labels, colour, any(panel["published"] for panel in panels))
    return figure


def memory_figure(rows: Sequence[Mapping[str, Any]], most: int, in_tests: int) -> Figure:
    """Ignored pairs that a bit survives: a line a way of training and model, a dot a seed.

    Args:
        rows: each with `label`, `model`, `collapses`, and `limit`, the most pairs tried.
        most: where the axis ends.
        in_tests: the most ignored pairs of a test string, drawn as a line.
    """
    labels = list(dict.fromkeys(row["model"] for row in rows))
    colour = colours(labels)
    with style():
        figure = Figure(figsize=(7.5, 0.23 * len(rows) + 1.3), layout="constrained")
        axis = figure.subplots()
        for place, row in enumerate(rows):
            for collapse in row["collapses"]:
                kept = collapse is None
                (dot,) = axis.plot(
                    [row["limit"] if kept else collapse], [place],
                    marker=">" if kept else "o", markersize=6 if kept else 5,
                    color=colour[row["model"]], alpha=0.8, markeredgewidth=0, clip_on=False,
                )  # fmt: skip
                pairs = f"no wrong answer up to {row['limit']:,}" if kept else f"{collapse:,}"
                says(dot, f"{row['label']}, {row['model']}: {pairs} ignored pairs")
        axis.axvline(in_tests, color=INK, linewidth=0.8, linestyle=(0, (2, 1)))
        axis.set_xscale("log")
        axis.set_xlim(0.9, most * 1.1)
        axis.set_yticks(
            range(len(rows)), [f"{row['label']}  {row['model']}" for row in rows], fontsize=8
        )
        axis.invert_yaxis()
        axis.grid(axis="x", color=RULE)
        axis.set_xlabel("ignored pairs at the first wrong answer (dashed: most in a test string)")
    return figure


def _curves(axis: Axes, result: Mapping[str, Any], measure: str, colour: str, label: str) -> None:
    curve = result["curve"]
    iterations = curve["iteration"]
    for test, found in curve["tests"].items():
        if measure == "reads":
            errors = [wrong / found["reads"] for wrong in found["wrong_reads"]]
            last = result["bins"][test]["metrics"]["read_error"]["value"]
        else:
            errors = [1 - right for right in found["right"]]
            last = 1 - result["bins"][test]["metrics"]["string_accuracy"]["value"]
        name = f"{label}, seed {result['trial']['seed']}, {test}"
        (line,) = axis.plot(
            iterations, [_shown(e) for e in errors],
            color=colour, linestyle=LINES.get(test, "-"), linewidth=1.0, alpha=0.75,
        )  # fmt: skip
        named(line, name)
        (dot,) = axis.plot(
            [iterations[-1] * BEYOND], [_shown(last)], marker=MARKS.get(test, "o"), markersize=4,
            color=colour, markeredgewidth=0, linestyle="", clip_on=False, zorder=5,
        )  # fmt: skip
        says(dot, f"{name}, after training: {last:.2g} of the {measure} wrong")


def _shown(error: float) -> float:
    return error if error > NOTHING else NOTHING


def _error_axis(axis: Axes) -> None:
    axis.set_yscale("log")
    axis.set_ylim(NOTHING / 1.6, 1.6)
    powers = range(round(log10(NOTHING)) + 1, 1)
    axis.yaxis.set_major_locator(FixedLocator([NOTHING, *(10.0**power for power in powers)]))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(_power))


def _power(value: float, _: int) -> str:
    if value <= NOTHING:
        return "0"
    return "1" if value == 1 else f"$10^{{{round(log10(value))}}}$"


def _legend(
    figure: Figure, labels: Sequence[str], colour: Mapping[str, str], published: bool
) -> None:
    handles: list[Patch | Line2D] = [Patch(color=colour[label], label=label) for label in labels]
    handles += [
        Line2D([], [], color=QUIET, linestyle=line, marker=MARKS[test], markersize=4, label=test)
        for test, line in LINES.items()
    ]
    if published:
        handles += [
            Line2D([], [], linestyle="", marker="D", markersize=4, color=fill,
                   markeredgecolor=INK, markeredgewidth=0.8, label=f"published, {test}")
            for test, fill in (("FFL(0.8)", INK), ("FFL(0.98)", "white"))
        ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=4, handlelength=2.2)
