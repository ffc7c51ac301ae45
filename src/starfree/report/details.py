"""What a row of a table opens: charts, tables, wrong strings and their origin, as plain data.

Python gathers the numbers; the page's script draws them when the row is opened (details.js), so
that a report of a thousand trials stays a small file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

AHEAD = 8  # symbols of a wrong string that are shown after its first error

Number = float | int | None
Dash = Literal["solid", "dashed", "dotted"]


@dataclass(frozen=True)
class Line:
    """Values over the chart's places.

    Attributes:
        ys: a value a place; None where there is none.
        colour: place in the palette; None is the colour of the letters.
        group: what the legend calls it and its like; by default its name.
        at: places of its own.
    """

    name: str
    ys: Sequence[Number]
    colour: int | None = None
    dash: Dash = "solid"
    group: str | None = None
    at: Sequence[Number] | None = None


@dataclass(frozen=True)
class Chart:
    """Lines over one axis.

    Attributes:
        x, y: what the axes are called.
        at: the places along x.
        percent: y is a rate, drawn from 0 to 1.
        shade: a stretch of x to be shaded.
        gap: places further apart than this are not joined.
    """

    title: str
    x: str
    y: str
    at: Sequence[Number]
    lines: Sequence[Line]
    percent: bool = False
    log_x: bool = False
    log_y: bool = False
    shade: tuple[int, int] | None = None
    gap: float | None = None
    note: str = ""


@dataclass(frozen=True)
class DetailTable:
    """A small table; `last` ones stand below the wrong strings."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    last: bool = False


@dataclass(frozen=True)
class Example:
    """A string on which a model is wrong.

    Attributes:
        where: seed and window.
        before: what was read when the answer was wrong.
        after: some symbols that follow.
        position: how many symbols `before` has, of `length`.
        expected, given: what may follow there, as the language and the model have it.
    """

    where: str
    before: str
    after: str
    position: int
    length: int
    expected: Sequence[str]
    given: Sequence[str]


@dataclass(frozen=True)
class Details:
    """Everything that a row opens.

    Attributes:
        name: unlike those of all other rows of the page; no spaces.
        notes: sentences that come first.
        facts: label and value.
        spec: what was run, as text.
    """

    name: str
    title: str
    notes: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[DetailTable] = ()
    examples: Sequence[Example] = ()
    spec: str = ""

    def as_json(self) -> str:
        """For a script element: compact, and without a `<` that could end it."""
        plain = _compact(asdict(self) | {"name": None})
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.replace("<", "\\u003c")


def details_name(*parts: str) -> str:
    """A name that can stand in a link: letters, digits, dashes.

    >>> details_name("d-4", "Mamba, 3 layers")
    'd-4-mamba-3-layers'
    """
    return re.sub(r"[^a-z0-9.]+", "-", " ".join(parts).lower()).strip("-")


# What the script asks for without a question whether it is there.
_KEPT = ("notes", "facts", "charts", "tables", "examples", "lines", "rows", "colour")


def _compact(value: Any) -> Any:
    """Without what is empty, and numbers at six digits."""
    if isinstance(value, dict):
        return {
            key: _compact(item)
            for key, item in value.items()
            if key in _KEPT or not (item is None or item is False or item in ("", (), []))
        }
    if isinstance(value, list | tuple):
        return [_compact(item) for item in value]
    if isinstance(value, float):
        rounded = float(f"{value:.6g}")
        return int(rounded) if rounded.is_integer() else rounded
    return value


def shortened(example: Mapping[str, Any], where: str) -> Example:
    """An example of a result: a causal model is wrong because of what it has read until then."""
    string = example["string"]
    between = " " if " " in string else ""
    symbols = string.split() if between else list(string)
    position = example["position"]
    following = symbols[position : position + AHEAD]
    after = between.join(following) + ("…" if len(symbols) > position + AHEAD else "")
    return Example(
        where=where,
        before=between.join(symbols[:position]),
        after=between + after if after else "",
        position=position,
        length=len(symbols),
        expected=example["expected"],
        given=example["given"],
    )
