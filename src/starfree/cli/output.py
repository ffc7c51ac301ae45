"""How commands print: tables as wide as the terminal, JSON a value a line."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

UNBOUNDED_WIDTH = 140  # of tables that go to no terminal, unless COLUMNS says otherwise

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
LanguageReference = Annotated[
    str,
    typer.Argument(
        metavar="LANG",
        help="A name (`starfree languages`), or regex:..., pltl:..., dfa:FILE.json.",
    ),
]


def console() -> Console:
    """Where commands print for people."""
    from rich.console import Console

    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if known else UNBOUNDED_WIDTH
    return Console(width=width, highlight=False)


def print_json(value: Any) -> None:
    """One value on one line."""
    print(json.dumps(value, ensure_ascii=False))
