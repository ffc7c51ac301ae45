"""The same figure gives the same SVG text, whatever the last digits of its layout.

Matplotlib's layout differs in the last digits from run to run. That shows where a coordinate lies
between two roundings, and in the ids of clip paths, which hash all digits.
"""

from __future__ import annotations

import re

_GEOMETRY = re.compile(r'\s(?:x|y|d|width|height|transform)="[^"]*"')
_LONG = re.compile(r"-?\d+\.\d{5,}")


def settled(svg: str, name: str) -> str:
    """Coordinates to four decimals (of a point of 1/72 inch), clip paths by number.

    Args:
        svg: as matplotlib writes it, with six decimals.
        name: of the figure, which no other figure of the page has.
    """
    for number, found in enumerate(re.findall(r'<clipPath id="(\w+)"', svg), start=1):
        svg = svg.replace(found, f"{name}-clip-{number}")
    return _GEOMETRY.sub(lambda attribute: _LONG.sub(_rounded, attribute[0]), svg)


def _rounded(number: re.Match[str]) -> str:
    short = f"{float(number[0]):.4f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short
