"""The paper's figure 5 with its own numbers beside ours: three panels, in-length and longer."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import PercentFormatter

from starfree.report.comparison import Compared
from starfree.report.hover import says
from starfree.report.numbers import percent
from starfree.report.style import COLOURS, INK, QUIET, style

LAYERS = 3  # the Mamba that the paper's figure shows
NOTHING = 0.008  # a bar of height 0 is drawn this high

_PANELS = (
    ("star-free", "Star-free"),
    ("not star-free", "Regular, not star-free"),
    ("counter", "Counter"),
)
_OURS = COLOURS[0]
_STEP = 3.4  # from one language to the next, in widths of a bar
_KINDS = ("transformer", "mamba", "ours")
_FILL = {"transformer": COLOURS[1], "mamba": QUIET, "ours": _OURS}


def paper_figure(compared: Sequence[Compared], classes: dict[str, str]) -> Figure:
    """Published transformer, published Mamba and ours, a row for each of the first two bins.

    Args:
        compared: all published numbers beside ours.
        classes: language -> its class.
    """
    found = {
        (c.published.language, c.published.model, c.published.bin): c
        for c in compared
        if c.published.layers in (None, LAYERS)
    }
    panels = [
        (title, [name for name, kind in classes.items() if kind == wanted])
        for wanted, title in _PANELS
    ]
    with style():
        figure = Figure(figsize=(11.5, 5.4), layout="constrained")
        axes = figure.subplots(
            2, len(panels), sharey=True, width_ratios=[len(names) for _, names in panels]
        )
        for rank, words in enumerate(("in-length", "longer")):
            for axis, (title, names) in zip(axes[rank], panels, strict=True):
                _bars(axis, found, names, str(rank))
                if rank == 0:
                    axis.set_title(title)
            axes[rank][0].set_ylabel(f"strings right, {words}")
        handles: list[Patch | Line2D] = [
            Patch(color=_FILL["transformer"], label="transformer, published"),
            Patch(color=_FILL["mamba"], label=f"Mamba, {LAYERS} layers, published"),
            Patch(color=_OURS, label=f"Mamba, {LAYERS} layers, ours (dots: seeds)"),
            Line2D([], [], color=INK, linewidth=1.3, linestyle=(0, (2, 1)),
                   label="best stateless baseline"),
        ]  # fmt: skip
        figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def _bars(
    axis: Axes, found: dict[tuple[str, str, str], Compared], names: Sequence[str], rank: str
) -> None:
    for place, name in enumerate(names):
        left = place * _STEP
        for offset, kind in enumerate(_KINDS):
            beside = found.get((name, "mamba" if kind == "ours" else kind, rank))
            if beside is None:
                continue
            if kind != "ours":
                words = f"{name}, {kind}, published: {percent(beside.published.value)}"
                _bar(axis, left + offset, beside.published.value, _FILL[kind], words)
            elif beside.measured is None:
                axis.text(left + offset + 0.5, 0.02, "not run", rotation=90, fontsize=6,
                          color=QUIET, ha="center", va="bottom")  # fmt: skip
            else:
                words = f"{name}, mamba, ours: {percent(beside.measured.accuracy)}"
                _bar(axis, left + offset, beside.measured.accuracy, _OURS, words)
                for value in beside.measured.seeds:
                    axis.plot([left + offset + 0.5], [value], marker="o", markersize=2.4,
                              color=INK, clip_on=False, zorder=5)  # fmt: skip
                if beside.measured.baseline is not None:
                    axis.plot([left - 0.15, left + len(_KINDS) + 0.15],
                              [beside.measured.baseline] * 2, color=INK, linewidth=1.3,
                              linestyle=(0, (2, 1)), zorder=4)  # fmt: skip
    centres = [place * _STEP + len(_KINDS) / 2 for place in range(len(names))]
    axis.set_xticks(centres, names, rotation=55, ha="right", rotation_mode="anchor")
    axis.tick_params(axis="both", length=0)
    axis.set_xlim(-0.6, len(names) * _STEP)
    axis.set_ylim(-0.03, 1.05)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _bar(axis: Axes, left: float, value: float, colour: str, words: str) -> None:
    bar = axis.add_patch(
        Rectangle((left + 0.06, 0), 0.88, max(value, NOTHING), facecolor=colour, linewidth=0)
    )
    says(bar, words)
