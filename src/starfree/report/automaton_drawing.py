"""An automaton as an SVG picture: states as circles, letters on arrows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from starfree.languages.automaton import Automaton
from starfree.report.layered import LOOP, RADIUS, Arrow, Layout, Point, layered

MAX_STATES = 40
"""Above this a picture says less than a table."""
MAX_ARROWS = 150

LETTERS_SHOWN = 5  # on one arrow; all of them are in its tooltip
CHARACTER, LINE = 8.2, 17.0  # size of a label's character, px
TIP = 3.0  # from an arrow's end to the circle


def can_be_drawn(automaton: Automaton) -> bool:
    """Whether the picture would be readable."""
    return 0 < automaton.states <= MAX_STATES and len(_letters(automaton)) <= MAX_ARROWS


def draw(automaton: Automaton) -> str:
    """The picture. Each state is a group with class `state` and its number as `data-state`."""
    letters = _letters(automaton)
    labels = [_shortened(own) for own in letters.values()]
    arrows = [
        Arrow(source, target, CHARACTER * len(label), LINE)
        for (source, target), label in zip(letters, labels, strict=True)
    ]
    layout = layered(automaton.states, arrows, automaton.start)
    parts = [
        f'<svg class="automaton" viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" role="img" '
        f'aria-label="automaton with {automaton.states} states" '
        f'style="width:min({layout.width:.0f}px,100%);min-width:{0.8 * layout.width:.0f}px">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0.8 8 4 0 7.2z"/></marker></defs>',
    ]
    for route in layout.routes:
        parts.append(f'<path class="arrow" d="{_path(route)}" marker-end="url(#tip)"/>')
    for label, own, (x, y) in zip(labels, letters.values(), layout.labels, strict=True):
        title = f"<title>{escape(', '.join(own))}</title>" if len(own) > LETTERS_SHOWN else ""
        parts.append(f'<text class="letter" x="{x:.1f}" y="{y:.1f}">{escape(label)}{title}</text>')
    parts += _states(automaton, layout)
    parts.append("</svg>")
    return "\n".join(parts)


def _letters(automaton: Automaton) -> dict[tuple[int, int], list[str]]:
    """(source, target) -> the letters that lead there."""
    found: dict[tuple[int, int], list[str]] = {}
    for state, row in enumerate(automaton.transitions.tolist()):
        for symbol, target in zip(automaton.alphabet, row, strict=True):
            if target >= 0:
                found.setdefault((state, target), []).append(symbol)
    return found


def _shortened(letters: Sequence[str]) -> str:
    if len(letters) <= LETTERS_SHOWN:
        return ", ".join(letters)
    shown = ", ".join(letters[: LETTERS_SHOWN - 2])
    return f"{shown}, … ({len(letters)})"


def _states(automaton: Automaton, layout: Layout) -> list[str]:
    x, y = layout.nodes[automaton.start]
    parts = [
        f'<path class="arrow" d="M{x - RADIUS - 24:.1f} {y:.1f}H{x - RADIUS - TIP:.1f}" '
        'marker-end="url(#tip)"/>'
    ]
    for state, (x, y) in enumerate(layout.nodes):
        inner = (
            f'<circle class="accepting" cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS - 4:g}"/>'
            if automaton.accepting[state]
            else ""
        )
        parts.append(
            f'<g class="state" data-state="{state}"><circle cx="{x:.1f}" cy="{y:.1f}" '
            f'r="{RADIUS:g}"/>{inner}<text x="{x:.1f}" y="{y:.1f}">{state}</text></g>'
        )
    return parts


def _path(route: Sequence[Point]) -> str:
    """A smooth curve through the points, from circle to circle."""
    if len(route) == 1:
        return _loop(route[0])
    start = _towards(route[0], route[1], RADIUS)
    end = _towards(route[-1], route[-2], RADIUS + TIP)
    points = [start, *route[1:-1], end]
    text = f"M{start[0]:.1f} {start[1]:.1f}"
    if route[0][0] == route[-1][0]:  # out to the side and back, upright in the middle
        (x, y), upper, lower = route[1], start, end
        for one, other in ((upper, (x, y)), ((x, y), lower)):
            corner_one = (one[0] + (x - one[0]) * 0.9, one[1])
            corner_other = (other[0] + (x - other[0]) * 0.9, other[1])
            text += _bend(corner_one, corner_other, other)
        return text
    for place, (one, other) in enumerate(pairwise(points)):
        reach = (other[0] - one[0]) / 2
        first: Point = (one[0] + reach, one[1])
        second: Point = (other[0] - reach, other[1])
        if place == 0:
            first = _towards(one, other, abs(reach) * 0.8)
        if place == len(points) - 2:
            second = _towards(other, one, abs(reach) * 0.8)
        text += _bend(first, second, other)
    return text


def _bend(first: Point, second: Point, end: Point) -> str:
    numbers = (f"{x:.1f} {y:.1f}" for x, y in (first, second, end))
    return "C" + " ".join(numbers)


def _loop(centre: Point) -> str:
    x, y = centre
    spread, side = RADIUS * 0.55, RADIUS * 1.15
    rim = math.sqrt(RADIUS**2 - spread**2)
    top = y - RADIUS - LOOP
    return (
        f"M{x - spread:.1f} {y - rim:.1f}C{x - side:.1f} {top:.1f} {x + side:.1f} {top:.1f} "
        f"{x + spread + 1:.1f} {y - rim - TIP:.1f}"
    )


def _towards(point: Point, goal: Point, distance: float) -> Point:
    dx, dy = goal[0] - point[0], goal[1] - point[1]
    length = math.hypot(dx, dy) or 1.0
    return point[0] + dx / length * distance, point[1] + dy / length * distance
