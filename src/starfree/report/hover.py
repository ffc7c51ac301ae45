"""What a figure tells a reader who points at it: words on marks, names on lines, scales on axes.

Matplotlib writes an artist's `gid` into its SVG; here it carries the words. `told` turns them into
titles, which every browser shows; the page's own script (figures.js) reads the same words.
"""

from __future__ import annotations

import json
import re

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

POINTS = 72  # an inch, in the units of an SVG file

_SAYS, _NAMED, _ZERO, _SCALE = "says:", "named:", "zero:", "scale:"


def says(artist: Artist, words: str) -> None:
    """Show these words over a mark."""
    artist.set_gid(_SAYS + words)


def named(line: Artist, name: str) -> None:
    """Show this name over a line, with the values of its point next to the pointer."""
    line.set_gid(_NAMED + name)


def zero_at(axes: Axes, value: float) -> None:
    """Say 0 of what is drawn at a logarithmic axis's `value`."""
    axes.set_gid(f"{_ZERO}{value:g}")


def measure_axes(figure: Figure) -> None:
    """Write into each axes with a named line what its coordinates stand for.

    To be called when the layout is final.
    """
    width, height = figure.get_size_inches() * POINTS
    for axes in figure.axes:
        lines = [child for child in axes.get_children() if isinstance(child, Line2D)]
        if not any((line.get_gid() or "").startswith(_NAMED) for line in lines):
            continue
        box = axes.get_position()
        gid = axes.get_gid() or ""
        scale = {
            "x": _axis(axes.get_xlim(), (box.x0 * width, box.x1 * width), axes.get_xscale()),
            "y": _axis(
                axes.get_ylim(), ((1 - box.y0) * height, (1 - box.y1) * height), axes.get_yscale()
            ),
            "percent": isinstance(axes.yaxis.get_major_formatter(), PercentFormatter),
            "zero": float(gid.removeprefix(_ZERO)) if gid.startswith(_ZERO) else None,
        }
        axes.set_gid(_SCALE + json.dumps(scale, separators=(",", ":")))


def _axis(limits: tuple[float, float], ends: tuple[float, float], scale: str) -> list[object]:
    """Values at both ends, where the ends are drawn, and whether it is logarithmic."""
    return [*(float(f"{x:.7g}") for x in limits), *(round(x, 5) for x in ends), scale == "log"]


def told(svg: str) -> str:
    """An SVG document whose words are titles and attributes instead of ids."""
    return re.sub(r"""<g id=(["'])(says|named|scale):(.*?)\1>""", _written, svg)


def _written(found: re.Match[str]) -> str:
    kind, words = found[2], found[3].replace('"', "&quot;")
    if kind == "scale":
        return f'<g data-scale="{words}">'
    return f'<g class="{kind}"><title>{words}</title>'


def untitled(svg: str) -> str:
    """The same for a page with a script of its own: no second, native tooltip."""
    return re.sub(
        r'<g class="(says|named)"><title>([^<]*)</title>', r'<g data-\1="\2" class="\1">', svg
    )
