"""The figure of the precision experiment: a strip an arithmetic, a panel a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator

from starfree.report.style import COLOURS, INK, QUIET, style

RIGHT, WRONG = COLOURS[0], COLOURS[4]
_MAP = LinearSegmentedColormap.from_list("right", [WRONG, "#F2E6D8", RIGHT])
_HALF = 0.38  # of a strip's height
_BELOW = 3.0  # inches


@dataclass(frozen=True)
class Strip:
    """How far one arithmetic is right.

    Attributes:
        n: points.
        share: of answers right at each, over seeds and fillings.
        ever: what is known at the last point holds for every larger n.
    """

    n: Sequence[int]
    share: Sequence[float]
    ever: bool


@dataclass(frozen=True)
class Panel:
    """A model on a language: arithmetic -> strip; what is missing was not measured."""

    title: str
    strips: Mapping[str, Strip]


@dataclass(frozen=True)
class Group:
    """A row of panels that share their verdicts.

    Attributes:
        label: of the axis of n.
        verdicts: arithmetic -> `can`, `cannot`, `open`.
    """

    label: str
    verdicts: Mapping[str, str]
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Decay:
    """A stored 1 under a gate: name -> values over updates."""

    title: str
    curves: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Kept:
    """What is left of a stored 1: arithmetic -> gate -> value; 0 is lost."""

    gates: Sequence[str]
    left: Mapping[str, Mapping[str, float]]


def precision_figure(
    groups: Sequence[Group], arithmetics: Sequence[str], decays: Sequence[Decay], kept: Kept
) -> Figure:
    """Strips above, what one unit does with a stored 1 below.

    Args:
        groups: rows of panels.
        arithmetics: in the order of the strips, from above.
        decays: two.
        kept: the table beside them.
    """
    with style():
        height = 0.75 + 0.19 * len(arithmetics)
        # The layout of nested figures leaves the labels at the left too little room.
        room = ConstrainedLayoutEngine(rect=(0.035, 0, 0.965, 1))
        figure = Figure(figsize=(14.5, height * len(groups) + _BELOW + 0.4), layout=room)
        parts: Any = figure.subfigures(2, 1, height_ratios=[height * len(groups), _BELOW])
        above, below = parts
        columns = max(len(group.panels) for group in groups)
        strips = above.subplots(len(groups), columns, squeeze=False)
        for row, group in enumerate(groups):
            for axis in strips[row, len(group.panels) :]:
                axis.set_visible(False)
            for column, panel in enumerate(group.panels):
                axis = strips[row, column]
                _panel(axis, panel, arithmetics)
                axis.set_xlabel(group.label, fontsize=8)
                axis.set_yticks(range(len(arithmetics)))
                axis.set_yticklabels([])
                if column == 0:
                    _name(axis, group, arithmetics)
        *curves, table = below.subplots(1, len(decays) + 1)
        for axis, decay in zip(curves, decays, strict=True):
            _decay(axis, decay)
        _kept(table, kept)
        above.legend(
            handles=[
                Patch(color=RIGHT, label="right"),
                Patch(color="#F2E6D8", label="half"),
                Patch(color=WRONG, label="wrong"),
            ],
            loc="outside upper right", ncols=3,
        )  # fmt: skip
    return figure


def _panel(axis: Axes, panel: Panel, arithmetics: Sequence[str]) -> None:
    axis.set_title(panel.title, fontsize=8.5)
    axis.set_xscale("log")
    last = max((strip.n[-1] for strip in panel.strips.values()), default=10)
    axis.set_xlim(0.8, 3.2 * last)
    axis.set_ylim(len(arithmetics) - 0.4, -0.6)
    axis.xaxis.set_major_locator(LogLocator(100 if last > 10_000 else 10))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.tick_params(labelsize=7, length=2)
    axis.grid(visible=False)
    for place, name in enumerate(arithmetics):
        strip = panel.strips.get(name)
        if strip is None:
            axis.plot([1, last], [place, place], color="#E5E5E5", linewidth=0.8, zorder=1)
            continue
        points = np.array(strip.n, dtype=float)
        edges = np.sqrt(points[1:] * points[:-1])
        # What holds for every larger n is drawn as far as the others are measured.
        end = last if strip.ever else points[-1]
        edges = np.concatenate([[points[0] * 0.85], edges, [end * 1.12]])
        axis.pcolormesh(
            edges, [place - _HALF, place + _HALF], np.array([strip.share]), cmap=_MAP,
            vmin=0, vmax=1, rasterized=False, linewidth=0, antialiased=False,
        )  # fmt: skip
        if strip.ever:
            right = strip.share[-1] == 1
            axis.text(1.35 * last, place, "∞", color=RIGHT if right else WRONG,
                      fontsize=8, va="center", fontweight="bold")  # fmt: skip


def _name(axis: Axes, group: Group, arithmetics: Sequence[str]) -> None:
    """Arithmetic and verdict beside each strip."""
    names = [f"{name.replace(', subnormals', '')}:  {group.verdicts[name]}" for name in arithmetics]
    axis.set_yticklabels(names, fontsize=7.5)
    axis.tick_params(axis="y", length=0)
    colour = {"can": RIGHT, "cannot": WRONG, "open": QUIET}
    for label, name in zip(axis.get_yticklabels(), arithmetics, strict=True):
        label.set_color(colour.get(group.verdicts.get(name, ""), INK))


def _decay(axis: Axes, decay: Decay) -> None:
    axis.set_title(decay.title, fontsize=8.5)
    for (name, values), colour, line in zip(
        decay.curves.items(), (QUIET, RIGHT, WRONG), ((0, (1, 1.2)), "-", "-"), strict=False
    ):
        axis.plot(range(1, len(values) + 1), values, color=colour, linestyle=line, label=name)
    axis.set_xscale("log")
    axis.set_ylim(-0.03, 1.05)
    axis.set_xlabel("updates", fontsize=8)
    axis.set_ylabel("what is left of 1", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.legend(fontsize=7.5, loc="lower left", bbox_to_anchor=(0.02, 0.12))


def _kept(axis: Axes, kept: Kept) -> None:
    axis.set_title("What is left of 1 in the end, by gate a", fontsize=8.5)
    names = list(kept.left)
    axis.set_xlim(-0.5, len(kept.gates) - 0.5)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(visible=False)
    axis.set_xticks(range(len(kept.gates)), kept.gates)
    axis.set_yticks(range(len(names)), names)
    axis.tick_params(labelsize=7, length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    for row, name in enumerate(names):
        for column, gate in enumerate(kept.gates):
            value = kept.left[name][gate]
            lost = value == 0
            axis.text(
                column, row, "0" if lost else f"{value:.3g}", ha="center", va="center",
                fontsize=7, color=WRONG if lost else RIGHT,
                fontweight="bold" if value == 1 else "normal",
            )  # fmt: skip
