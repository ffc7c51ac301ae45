"""The matrix of the transfer experiment: trained on, tested on, with the baselines in the cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from starfree.report.hover import says
from starfree.report.numbers import dash, percent, points
from starfree.report.style import INK, ON_DARK, ON_LIGHT, QUIET, style

_DARK = 0.45  # below it a cell is dark enough for white letters
_COLOURS = "viridis"


@dataclass(frozen=True)
class Entry:
    """One cell of a matrix.

    Attributes:
        strings: share of strings right at every position, mean over seeds.
        positions: share of positions right, mean over seeds.
        baseline: the best predictor without state on the same strings, as a share of strings.
        identifiable: whether training showed every transition that the strings use.
    """

    strings: float
    positions: float
    baseline: float
    identifiable: bool


Matrix = Mapping[tuple[str, str], Entry]
"""(trained on, tested on) -> entry."""


def matrix_figure(
    matrices: Mapping[tuple[str, str], Matrix], distributions: Sequence[str]
) -> Figure:
    """A row a language, a column a window, in each panel a matrix.

    Args:
        matrices: (language, window) -> matrix; a pair or an entry that is missing was not run.
        distributions: in the order of rows and columns of a matrix.
    """
    languages = list(dict.fromkeys(language for language, _ in matrices))
    windows = list(dict.fromkeys(window for _, window in matrices))
    with style():
        figure = Figure(
            figsize=(0.9 + 1.95 * len(windows), 0.9 + 1.62 * len(languages)), layout="constrained"
        )
        axes = figure.subplots(len(languages), len(windows), squeeze=False)
        for i, language in enumerate(languages):
            for j, window in enumerate(windows):
                axis = axes[i, j]
                _panel(axis, matrices.get((language, window), {}), distributions)
                if i == 0:
                    axis.set_title(f"length {dash(window)}", fontsize=9)
                if j == 0:
                    axis.set_ylabel(language, fontsize=10, fontweight="bold")
                    axis.set_yticks(range(len(distributions)), distributions)
                if i == len(languages) - 1:
                    axis.set_xticks(range(len(distributions)), distributions)
        figure.supxlabel("tested on", fontsize=9)
        figure.supylabel("trained on", fontsize=9)
    return figure


def _panel(axis: Axes, matrix: Matrix, distributions: Sequence[str]) -> None:
    size = len(distributions)
    axis.set_xlim(-0.5, size - 0.5)
    axis.set_ylim(size - 0.5, -0.5)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.tick_params(length=0, labelsize=7)
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)
    for row, trained_on in enumerate(distributions):
        for column, tested_on in enumerate(distributions):
            entry = matrix.get((trained_on, tested_on))
            if entry is None:
                axis.text(column, row, "–", color=QUIET, ha="center", va="center")
            else:
                about = f"trained on {trained_on}, tested on {tested_on}"
                _cell(axis, row, column, entry, f"{about}: {_in_words(entry)}")
            if row == column:
                axis.add_patch(
                    Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False,
                              edgecolor=INK, linewidth=1.4)
                )  # fmt: skip


def _cell(axis: Axes, row: int, column: int, entry: Entry, words: str) -> None:
    square = axis.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5), 1, 1, linewidth=0,
            facecolor=colormaps[_COLOURS](0.12 + 0.88 * entry.strings),
        )
    )  # fmt: skip
    says(square, words)
    ink = ON_DARK if entry.strings < _DARK else ON_LIGHT
    mark = "" if entry.identifiable else "*"
    axis.text(column, row - 0.2, points(entry.strings) + mark, color=ink, fontsize=7.5,
              ha="center", va="center", fontweight="bold")  # fmt: skip
    axis.text(column, row + 0.09, points(entry.positions), color=ink, fontsize=5.5,
              ha="center", va="center")  # fmt: skip
    told = "= " if entry.baseline == 1.0 else ""
    axis.text(column, row + 0.32, f"{told}{points(entry.baseline)}", color=ink, fontsize=5.5,
              ha="center", va="center", style="italic")  # fmt: skip


def _in_words(entry: Entry) -> str:
    text = f"{percent(entry.strings)} of strings, {percent(entry.positions)} of positions; "
    text += f"stateless {percent(entry.baseline)} of strings"
    return text if entry.identifiable else f"{text}; not identifiable"
