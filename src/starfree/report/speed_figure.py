"""How the time of a training step grows with length and with width."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from starfree.files import write_atomically
from starfree.report.style import COLOURS, INK, style

NAMES = ("scaling.png", "scaling.pdf")


def draw_scaling(scaling: dict[str, Any], folder: Path) -> list[Path]:
    """Draw microseconds a token over each axis of `starfree bench`'s scaling; returns the files.

    Flat over length is linear time; over width the products of a token grow with its square.

    Raises:
        OSError: a file cannot be written.
    """
    with style():
        figure = Figure(figsize=(7.2, 3.0), layout="constrained")
        panels = figure.subplots(1, len(scaling))
        titles = {"length": "2 layers, width 64, one string", "width": "2 layers, 8 x 128 symbols"}
        for axes, colour, (axis, steps) in zip(panels, COLOURS, scaling.items(), strict=False):
            sizes = [step[axis] for step in steps]
            times = [step["us_per_token"] for step in steps]
            axes.plot(sizes, times, color=colour, marker="o", markersize=4)
            axes.set_xscale("log")
            for size, value in zip(sizes, times, strict=True):
                axes.annotate(
                    f"{value:.3g}", (size, value), (0, 6), textcoords="offset points",
                    ha="center", color=INK, fontsize=8,
                )  # fmt: skip
            axes.set_title(titles[axis])
            axes.set_xlabel(axis)
            axes.set_ylabel("µs a token, training step")
            axes.set_ylim(0, max(times) * 1.2)
            axes.xaxis.set_major_locator(FixedLocator(sizes))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
        paths = []
        for name in NAMES:
            drawn = io.BytesIO()
            kind = name.rpartition(".")[2]
            undated = {"CreationDate": None} if kind == "pdf" else None
            figure.savefig(drawn, format=kind, metadata=undated)
            paths.append(folder / name)
            write_atomically(paths[-1], drawn.getvalue())
    return paths
