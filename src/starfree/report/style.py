"""One look for every figure: colours that colour-blind readers can tell, and quiet axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from cycler import cycler

# Okabe and Ito's palette, without its yellow (too faint on white) and black (the baselines'), and
# seven more for the largest experiments, to be told apart on white and on black.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9",
    "#8A5A44", "#8D79D6", "#9A9A2E", "#4338CA", "#90C078", "#8F0F66", "#A31515",
)  # fmt: skip
INK = "#222222"
QUIET = "#8A8A8A"
RULE = "#D9D9D9"
# On a coloured ground, the same on a light page and on a dark one.
ON_LIGHT, ON_DARK = "#212121", "#FEFEFE"

_SETTINGS: Any = {  # matplotlib types the names of its settings one by one
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 1.0,
    "lines.linewidth": 1.6,
    "savefig.dpi": 200,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    # The same results give the same bytes: ids from content, no dates.
    "svg.fonttype": "none",
    "svg.hashsalt": "starfree",
    "pdf.fonttype": 42,
    "axes.prop_cycle": cycler(color=COLOURS),
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the settings above, whatever the user's own matplotlib settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each model, the same in every figure of a report."""
    return {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}
