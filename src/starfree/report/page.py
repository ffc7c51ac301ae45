"""The page: one HTML file that opens offline, summary first."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from starfree.experiments.summary import Summary
from starfree.report import findings
from starfree.report.numbers import dash, percent, points
from starfree.report.style import style

_QUESTIONS = {
    "predict": "A model reads a string symbol by symbol and says, after every prefix, which "
    "symbols may follow and whether the string may end. A string counts only if every answer is "
    "right.",
    "recognise": "A model reads a string and says at its end whether it is a member; half of the "
    "strings are not.",
    "state": "A model reads a string symbol by symbol and says, after every prefix, in which state "
    "the language's automaton is. A string counts only if every answer is right.",
    "published": "A model reads a string symbol by symbol and gives, after each, the label of the "
    "paper's authors. A string counts only if every answer is right.",
}


@dataclass(frozen=True)
class Drawing:
    """A figure on the page.

    Attributes:
        name: of its files, without extension.
        svg: the figure as an SVG document; the same figure gives the same text.
        caption: what one sees, and how to read it.
    """

    name: str
    figure: Figure
    svg: str
    caption: str


def draw(name: str, figure: Figure, caption: str) -> Drawing:
    """Lay a figure out once, for all its formats, and write it as SVG."""
    stream = io.StringIO()
    with style():
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return Drawing(name, figure, stream.getvalue(), caption)


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        spec: the experiment as YAML.
        facts: label and value, in the order to be shown.
    """

    spec: str
    facts: Sequence[tuple[str, str]]


def inline(text: str, prefix: str) -> Markup:
    """An SVG document as an element of a page: no header, own ids, never blown up."""
    start = text.index("<svg")
    body = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{prefix}-", text[start:])
    head, rest = body.split(">", 1)
    found = re.search(r'viewBox="0 0 ([0-9.]+) ', head)
    points_wide = float(found[1]) if found else 0.0
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    sizes = f"min-width:{points_wide:.0f}px;max-width:{1.5 * points_wide:.0f}px"
    return Markup(f'{head} style="{sizes}">{rest}')


def render(summary: Summary, drawings: Sequence[Drawing], provenance: Provenance) -> str:
    """The whole page."""
    environment = Environment(
        loader=PackageLoader("starfree.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(dash=dash, points=points, percent=percent)
    tallies = findings.tallies(summary)
    classes = [
        words
        for _, words in findings.CLASSES
        if any(words in by_class for by_class in tallies.values())
    ]
    return environment.get_template("page.html").render(
        summary=summary,
        experiment=summary.experiment,
        tallies=tallies,
        classes=classes,
        class_words=dict(findings.CLASSES),
        theory=findings.against_theory(summary),
        differing=findings.against_published(summary),
        compared=findings.compared_with_published(summary),
        caveats=findings.caveats(summary),
        outcome=findings.outcome,
        measure=findings.measure(summary),
        question=_QUESTIONS[summary.experiment.task],
        agrees=findings.agrees,
        difference=_signed_points,
        windows=findings.windows(summary),
        drawings=[(drawing, inline(drawing.svg, drawing.name)) for drawing in drawings],
        provenance=provenance,
    )


def _signed_points(value: float) -> str:
    """A difference of two rates in points, with its sign."""
    return f"{100 * value:+.1f}".replace("-", "−")
