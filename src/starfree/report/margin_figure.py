"""How a model's margin shrinks along u w^n."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure

from starfree.errors import InputError
from starfree.files import write_atomically
from starfree.report.style import COLOURS, QUIET, style
from starfree.verification.refutation import Refutation

KINDS = (".png", ".pdf", ".svg")


def draw_margin(found: Refutation, path: Path) -> None:
    """Draw the smallest signed margin over n; below 0 the model is wrong.

    Raises:
        InputError: the name of the file ends in something else, or there is no curve.
        OSError: it cannot be written.
    """
    if path.suffix not in KINDS:
        raise InputError(f"--figure {path}: the name must end in {', '.join(KINDS)}")
    if not found.curve:
        raise InputError(f"--figure {path}: no u w^n was read, so there is nothing to draw")
    with style():
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.add_subplot()
        rounds, margins = zip(*found.curve, strict=True)
        axes.plot(rounds, margins, color=COLOURS[0], marker="o", markersize=3)
        axes.axhline(0, color=QUIET, linewidth=0.8)
        axes.set_xscale("log")
        marks = (
            ("measured", found.collapse, COLOURS[4], "-"),
            ("predicted", found.predicted, QUIET, "--"),
        )
        for name, n, colour, line in marks:
            if n is not None:
                axes.axvline(n, color=colour, linestyle=line, label=f"wrong at n = {n:,}, {name}")
        if found.collapse is not None or found.predicted is not None:
            axes.legend(loc="best")
        axes.set_title(f"{found.language}: after {found.curve_of}")
        axes.set_xlabel("n")
        axes.set_ylabel("smallest signed margin (logit)")
        drawn = io.BytesIO()
        figure.savefig(drawn, format=path.suffix[1:])
    write_atomically(path, drawn.getvalue())
