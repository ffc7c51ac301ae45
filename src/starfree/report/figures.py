"""The figures of a report. Each function draws one, from a summary, and returns it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil, nan
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from starfree.experiments.spec import bounds
from starfree.experiments.summary import BinSummary, Cell, Summary
from starfree.report.findings import measure
from starfree.report.hover import named, says
from starfree.report.lengths import UNTESTED
from starfree.report.numbers import dash, percent, points
from starfree.report.style import INK, QUIET, RULE, colours, style

PANELS = (
    ("star-free", "Star-free"),
    ("not star-free", "Regular, not star-free"),
    ("counter", "Counter"),
    ("context-sensitive", "Context-sensitive"),
    (None, "Other"),
)
NOTHING = 0.008  # a bar of height 0 is drawn this high, so that it is seen to be there
BARS_SIDE_BY_SIDE = 90  # with more, the panels go one below the other

_BAR = 1.0
_BETWEEN_WINDOWS = 0.6
_BETWEEN_LANGUAGES = 1.8


@dataclass(frozen=True)
class CurvePoint:
    """A row of a learning curve: share of strings right at every position, by window."""

    tokens: int
    accuracy: Mapping[str, float]


@dataclass(frozen=True)
class LengthPoint:
    """Share of strings of about one length that are right at every position."""

    length: float
    accuracy: float


def accuracy_figure(summary: Summary) -> Figure:
    """The paper's figure 5: bars by class of language, in-length solid, longer hatched."""
    panels = [
        (title, languages)
        for language_class, title in PANELS
        if (languages := _languages(summary, language_class))
    ]
    labels = _labels(summary)
    counts = [len(languages) for _, languages in panels]
    side_by_side = sum(counts) * len(labels) * 2 <= BARS_SIDE_BY_SIDE
    with style():
        if side_by_side:
            width = max(7.0, 1.4 + 0.14 * sum(counts) * (2 * len(labels) + 2.4))
            figure = Figure(figsize=(width, 3.6), layout="constrained")
            axes = figure.subplots(
                1, len(panels), sharey=True, width_ratios=counts, squeeze=False
            ).ravel()
        else:
            width = 1.4 + 0.1 * max(counts) * (2 * len(labels) + 2.4)
            figure = Figure(figsize=(max(7.0, width), 2.9 * len(panels)), layout="constrained")
            axes = figure.subplots(len(panels), 1, sharey=True, squeeze=False).ravel()
        for axis, (title, languages) in zip(axes, panels, strict=True):
            _bars(axis, summary, languages)
            axis.set_title(title)
        for axis in axes[:1] if side_by_side else axes:
            axis.set_ylabel(measure(summary))
        _bar_legend(figure, summary)
    return figure


def curves_figure(summary: Summary, curves: Mapping[str, Sequence[CurvePoint]]) -> Figure:
    """How each model learned: a small panel a language, in-length solid, longer dashed.

    A line is the mean over seeds.
    """
    colour = colours(_labels(summary))
    with style():
        figure, panels = _grid(summary)
        for name, axis in panels.items():
            for cell in _cells(summary, name):
                for rank, dashes in ((0, "-"), (1, (0, (3, 1.5)))):
                    if rank >= len(cell.bins):
                        continue
                    seeds = [curves.get(trial, ()) for trial in cell.trials]
                    (line,) = axis.plot(
                        *_window_curve(cell.bins[rank].window, seeds),
                        color=colour[cell.model.shown], linestyle=dashes,
                        linewidth=_width(summary, cell),
                    )  # fmt: skip
                    window = dash(cell.bins[rank].window)
                    named(line, f"{cell.model.shown}, lengths {window}, {_seeds(cell)}")
            axis.xaxis.set_major_formatter(FuncFormatter(_thousands))
            axis.xaxis.set_major_locator(MaxNLocator(4))
            _percent_axis(axis)
            axis.set_xlim(left=0)
        figure.supxlabel("training tokens", fontsize=9)
        figure.supylabel(measure(summary), fontsize=9)
        in_length, longer = _window_names(summary)
        lines = [
            Line2D([], [], color=INK, label=in_length),
            Line2D([], [], color=INK, linestyle=(0, (3, 1.5)), label=longer),
        ]
        _model_legend(figure, summary, lines)
    return figure


def length_figure(
    summary: Summary,
    by_length: Mapping[str, Sequence[LengthPoint]],
    baselines: Mapping[str, Sequence[LengthPoint]],
) -> Figure:
    """Accuracy over length: a small panel a language, the lengths of the training set shaded.

    A line is the mean over seeds; a band around it reaches from the worst to the best seed.

    Args:
        summary: what came out.
        by_length: points by the hash of the trial.
        baselines: the best stateless baseline's points by language.
    """
    colour = colours(_labels(summary))
    with style():
        figure, panels = _grid(summary)
        for name, axis in panels.items():
            cells = _cells(summary, name)
            low, high = bounds(cells[0].bins[0].window)
            axis.axvspan(low, high, color=RULE, alpha=0.55, linewidth=0)
            (line,) = axis.plot(
                *_broken(baselines.get(name, ())),
                color=INK, linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=4,
            )  # fmt: skip
            named(line, "best stateless baseline")
            for cell in cells:
                found = [by_length.get(trial, ()) for trial in cell.trials]
                _seeds_line(axis, found, cell, colour[cell.model.shown], _width(summary, cell))
            _percent_axis(axis)
            axis.set_xlim(left=0)
        figure.supxlabel("length of the string", fontsize=9)
        figure.supylabel(measure(summary), fontsize=9)
        extra: list[Line2D | Patch] = [
            Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (1, 1.5)),
                   label="best stateless baseline"),
            Patch(color=RULE, alpha=0.55, label="lengths seen in training"),
        ]  # fmt: skip
        _model_legend(figure, summary, extra)
    return figure


def _seeds_line(
    axis: Axes, seeds: Sequence[Sequence[LengthPoint]], cell: Cell, colour: str, width: float
) -> None:
    """The seeds' mean as a line, their range as a band; all seeds read the same strings."""
    places = list(zip(*seeds, strict=True))
    mean = [LengthPoint(of[0].length, fmean(p.accuracy for p in of)) for of in places]
    (line,) = axis.plot(
        *_broken(mean), color=colour, linewidth=width,
        marker="o", markersize=width, markeredgewidth=0,
    )  # fmt: skip
    named(line, f"{cell.model.shown}, {_seeds(cell)}")
    if len(seeds) > 1:
        ends = [[LengthPoint(of[0].length, end(p.accuracy for p in of)) for of in places]
                for end in (min, max)]  # fmt: skip
        lengths, low = _broken(ends[0])
        axis.fill_between(lengths, low, _broken(ends[1])[1], color=colour, alpha=0.18, linewidth=0)


def _seeds(cell: Cell) -> str:
    """What a line of a cell is made of."""
    return "one seed" if len(cell.trials) == 1 else f"mean of {len(cell.trials)} seeds"


def _labels(summary: Summary) -> list[str]:
    return [model.shown for model in summary.experiment.models]


def _cells(summary: Summary, language: str) -> list[Cell]:
    return [cell for cell in summary.cells if cell.language.name == language]


def _languages(summary: Summary, language_class: str | None) -> list[str]:
    """Languages of a class that have a result, in the order of the spec."""
    return list(
        dict.fromkeys(
            cell.language.name
            for cell in summary.cells
            if cell.language.language_class == language_class
        )
    )


def _bars(axis: Axes, summary: Summary, languages: Sequence[str]) -> None:
    labels = _labels(summary)
    colour = colours(labels)
    left = 0.0
    centres = []
    for name in languages:
        cells = {cell.model.shown: cell for cell in _cells(summary, name)}
        start = left
        for rank in (0, 1):
            for place, label in enumerate(labels):
                cell = cells.get(label)
                if cell is not None and rank < len(cell.bins):
                    words = f"{name}, {label}, {_measured(cell.bins[rank])}"
                    _bar(axis, left + place * _BAR, cell.bins[rank], colour[label], rank > 0, words)
            _baseline(axis, left, len(labels), [c.bins[rank:] for c in cells.values()])
            left += len(labels) * _BAR + _BETWEEN_WINDOWS
        centres.append((start + left - _BETWEEN_WINDOWS) / 2)
        left += _BETWEEN_LANGUAGES - _BETWEEN_WINDOWS
    axis.set_xticks(centres, languages)
    axis.tick_params(axis="x", length=0)
    axis.set_xlim(-_BAR, left - _BETWEEN_LANGUAGES + _BAR)
    _percent_axis(axis)


def _bar(
    axis: Axes, left: float, measured: BinSummary, colour: str, hatched: bool, words: str
) -> None:
    bar = axis.add_patch(
        Rectangle(
            (left + 0.06, 0), 0.88 * _BAR, max(measured.accuracy, NOTHING),
            facecolor="white" if hatched else colour, edgecolor=colour, linewidth=0.9,
            hatch="//////" if hatched else None,
        )
    )  # fmt: skip
    says(bar, words)
    middle = left + _BAR / 2
    if measured.interval is not None:
        low, high = measured.interval
        axis.plot([middle, middle], [low, high], color=INK, linewidth=0.9, solid_capstyle="butt")
    if measured.published is not None:
        axis.plot(
            [middle], [measured.published.value], marker="D", markersize=3.6, color="white",
            markeredgecolor=INK, markeredgewidth=0.8, zorder=5, clip_on=False,
        )  # fmt: skip


def _measured(measured: BinSummary) -> str:
    """A bar in words: `51–100: 97.5 % (96.3–98.4), stateless 5.0 %, published 62.6 %`."""
    text = f"{dash(measured.window)}: {percent(measured.accuracy)}"
    if measured.interval is not None:
        text += f" ({'–'.join(map(points, measured.interval))})"
    if len(set(measured.seeds)) > 1:
        text += f", seeds {points(min(measured.seeds))} to {points(max(measured.seeds))}"
    if measured.baseline is not None:
        text += f", stateless {percent(measured.baseline)}"
    if measured.published is not None:
        text += f", published {percent(measured.published.value)}"
    return text


def _baseline(axis: Axes, left: float, bars: int, bins: Sequence[Sequence[BinSummary]]) -> None:
    values = [of_cell[0].baseline for of_cell in bins if of_cell]
    value = next((value for value in values if value is not None), None)
    if value is not None:
        axis.plot(
            [left - 0.15, left + bars * _BAR + 0.15], [value, value],
            color=INK, linewidth=1.3, linestyle=(0, (2, 1)), zorder=4,
        )  # fmt: skip


def _bar_legend(figure: Figure, summary: Summary) -> None:
    in_length, longer = _window_names(summary)
    handles: list[Line2D | Patch] = [
        Patch(facecolor=QUIET, edgecolor=QUIET, label=in_length),
        Patch(facecolor="white", edgecolor=QUIET, hatch="//////", label=longer),
        Line2D([], [], color=INK, linewidth=1.3, linestyle=(0, (2, 1)),
               label="best stateless baseline"),
    ]  # fmt: skip
    if any(b.published for cell in summary.cells for b in cell.bins):
        handles.append(
            Line2D([], [], linestyle="", marker="D", markersize=4, color="white",
                   markeredgecolor=INK, markeredgewidth=0.8, label="published")
        )  # fmt: skip
    _model_legend(figure, summary, handles)


def _model_legend(figure: Figure, summary: Summary, more: Sequence[Line2D | Patch]) -> None:
    colour = colours(_labels(summary))
    models = [Patch(color=colour[label], label=label) for label in _labels(summary)]
    handles = [*models, *more]
    longest = max(len(str(handle.get_label())) for handle in handles)
    fitting = max(1, int(figure.get_figwidth() / (0.5 + 0.072 * longest)))  # inches an entry takes
    columns = ceil(len(handles) / ceil(len(handles) / fitting))
    figure.legend(
        handles=handles, loc="outside upper center", ncols=columns,
        handlelength=1.6, columnspacing=1.4,
    )  # fmt: skip


def _window_names(summary: Summary) -> tuple[str, str]:
    """What the first two windows are called: their lengths where all languages share them."""
    names = []
    for rank, word in ((0, "in-length"), (1, "longer")):
        windows = {cell.bins[rank].window for cell in summary.cells if rank < len(cell.bins)}
        names.append(f"{word} ({dash(windows.pop())})" if len(windows) == 1 else word)
    return names[0], names[1]


def _grid(summary: Summary) -> tuple[Figure, dict[str, Axes]]:
    """A panel for each language, by class, three or more in a row."""
    names = [name for language_class, _ in PANELS for name in _languages(summary, language_class)]
    columns = min(len(names), 3 if len(names) <= 12 else 5)
    rows = ceil(len(names) / columns)
    figure = Figure(figsize=(max(2.55 * columns, 5.0), 1.75 * rows + 0.8), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    panels = dict(zip(names, axes, strict=False))
    for name, axis in panels.items():
        axis.set_title(name, fontsize=9)
    return figure, panels


def _window_curve(
    window: str, seeds: Sequence[Sequence[CurvePoint]]
) -> tuple[list[float], list[float]]:
    """Mean tokens and accuracy in a window, point by point, of the seeds that got so far."""
    tokens = []
    accuracies = []
    for reached in zip_longest(*seeds):
        known = [p for p in reached if p is not None and window in p.accuracy]
        if known:
            tokens.append(fmean(p.tokens for p in known))
            accuracies.append(fmean(p.accuracy[window] for p in known))
    return tokens, accuracies


def _width(summary: Summary, cell: Cell) -> float:
    """Earlier models are drawn thicker, so that none is hidden where they agree."""
    labels = _labels(summary)
    later = len(labels) - 1 - labels.index(cell.model.shown)
    return 1.2 + later * min(0.9, 2.7 / max(len(labels) - 1, 1))


def _broken(points: Sequence[LengthPoint]) -> tuple[list[float], list[float]]:
    """Lengths and accuracies with a break where no length was tested for a while."""
    lengths: list[float] = []
    accuracies: list[float] = []
    for point in points:
        if lengths and point.length - lengths[-1] > UNTESTED:
            lengths.append(nan)
            accuracies.append(nan)
        lengths.append(point.length)
        accuracies.append(point.accuracy)
    return lengths, accuracies


def _percent_axis(axis: Axes) -> None:
    axis.set_ylim(-0.03, 1.05)
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.tick_params(axis="y", length=0)


def _thousands(value: float, _: int) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}"
