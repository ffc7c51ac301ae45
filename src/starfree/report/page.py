"""The page: one HTML file that opens offline, summary first."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from starfree.experiments.plan import CellKey
from starfree.experiments.summary import Summary
from starfree.report import findings, winners
from starfree.report.details import Details
from starfree.report.hover import measure_axes, told, untitled
from starfree.report.settled import settled
from starfree.report.style import INK, QUIET, RULE, style
from starfree.report.templates import render_template

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
        measure_axes(figure)
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return Drawing(name, figure, told(settled(stream.getvalue(), name)), caption)


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        spec: the experiment as YAML.
        facts: label and value, in the order to be shown.
    """

    spec: str
    facts: Sequence[tuple[str, str]]


# What a dark page turns round; the colours of the data stay.
_THEME = {
    INK.lower(): "--ink",
    QUIET.lower(): "--line",
    RULE.lower(): "--rule",
    "#ffffff": "--paper",
}


def inline(text: str, prefix: str) -> Markup:
    """An SVG document as an element of a page: no header, own ids, light or dark as the page."""
    start = text.index("<svg")
    body = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{prefix}-", untitled(text[start:]))
    body = re.sub(
        r"\b(fill|stroke): (#[0-9a-f]{6})\b",
        lambda found: f"{found[1]}: {_themed(found[2])}",
        body,
    )
    body = re.sub(r'\b(?:d|x|y|transform)="[^"]*"', _rounded, body)
    head, rest = body.split(">", 1)
    found = re.search(r'viewBox="0 0 ([0-9.]+) ', head)
    points_wide = float(found[1]) if found else 0.0
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    sizes = f"min-width:{points_wide:.0f}px;max-width:{1.5 * points_wide:.0f}px"
    said = f'class="picture" role="img" aria-labelledby="{prefix}-caption"'
    return Markup(f'{head} {said} style="{sizes}">{rest}')


def _themed(colour: str) -> str:
    return f"var({_THEME[colour]})" if colour in _THEME else colour


def _rounded(attribute: re.Match[str]) -> str:
    """Places fine enough for values to be read off them (figures.js)."""
    return re.sub(r"(\.\d{4})\d+", r"\1", attribute[0])


def render(
    summary: Summary,
    drawings: Sequence[Drawing],
    provenance: Provenance,
    details: Mapping[CellKey, Details],
    searched: Mapping[CellKey, Sequence[str]],
) -> str:
    """The whole page.

    Args:
        summary: what came out.
        drawings: the figures.
        provenance: where it comes from.
        details: what each cell opens.
        searched: what searches beyond the test strings found, of the cells that had one.
    """
    tallies = findings.tallies(summary)
    classes = [
        words
        for _, words in findings.CLASSES
        if any(words in by_class for by_class in tallies.values())
    ]
    return render_template(
        "page.html",
        title=summary.experiment.title or summary.experiment.name,
        summary=summary,
        experiment=summary.experiment,
        tallies=tallies,
        classes=classes,
        class_words=dict(findings.CLASSES),
        wins=list(winners.told(summary)),
        theory=findings.theory_findings(summary),
        differing=findings.differing(summary),
        compared=findings.compared_with_published(summary),
        caveats=findings.caveats(summary),
        outcome=findings.outcome,
        standing=findings.standing,
        overview=findings.overview(summary),
        run_models=findings.run_models(summary),
        measure=findings.measure(summary),
        question=_QUESTIONS[summary.experiment.task],
        windows=findings.windows(summary),
        drawings=[(drawing, inline(drawing.svg, drawing.name)) for drawing in drawings],
        provenance=provenance,
        details=list(details.values()),
        details_name=lambda cell: details[cell.key].name,
        searched=searched,
    )
