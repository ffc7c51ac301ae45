"""The one environment of all page templates."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from starfree.report.numbers import dash, percent, points, signed
from starfree.report.style import COLOURS


def render_template(name: str, **values: Any) -> str:
    """A page of results as text.

    Args:
        name: a file beside this one.
        values: what it asks for.
    """
    environment = Environment(
        loader=PackageLoader("starfree.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(dash=dash, points=points, percent=percent, signed=signed)
    return environment.get_template(name).render(colours=COLOURS, **values)
