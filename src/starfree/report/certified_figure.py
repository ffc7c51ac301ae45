"""The figure of the certified experiment: how much training until the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from starfree.report.hover import says
from starfree.report.style import COLOURS, INK, RULE, style

PROVEN, LEFT = COLOURS[2], COLOURS[4]


@dataclass(frozen=True)
class Mark:
    """A seed.

    Attributes:
        steps: batches until the proof, or until the budget was spent.
        words: what the page says of it.
    """

    steps: int
    proven: bool
    words: str


def certified_figure(marks: Mapping[str, Sequence[Mark]]) -> Figure:
    """A line for each language, a mark for each seed, over batches of training."""
    with style():
        figure = Figure(figsize=(7.0, 0.27 * len(marks) + 1.3), layout="constrained")
        axis = figure.subplots()
        for place, seeds in enumerate(marks.values()):
            for number, mark in enumerate(seeds):
                (dot,) = axis.plot(
                    [mark.steps], [place + 0.1 * (number - (len(seeds) - 1) / 2)],
                    marker="o" if mark.proven else ">", markersize=5, linestyle="",
                    color=PROVEN if mark.proven else "white",
                    markeredgecolor=PROVEN if mark.proven else LEFT, clip_on=False,
                )  # fmt: skip
                says(dot, mark.words)
        axis.set_xlim(left=0)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.set_yticks(range(len(marks)), list(marks), fontsize=9)
        axis.set_ylim(len(marks) - 0.5, -0.5)
        axis.grid(axis="x", color=RULE)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel("batches of training, all rounds and restarts together")
        handles = [
            Line2D([], [], linestyle="", marker="o", color=PROVEN, label="proven at every length"),
            Line2D([], [], linestyle="", marker=">", color="white", markeredgecolor=LEFT,
                   label="budget spent, a counterexample is left"),
        ]  # fmt: skip
        figure.legend(handles=handles, loc="outside upper center", ncols=2, labelcolor=INK)
    return figure
