"""Commands about theory: classify, cite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from starfree.cli.arguments import names_model
from starfree.cli.classify_model import classify_model
from starfree.cli.output import Json, print_json
from starfree.errors import InputError


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(classify)
    app.command()(cite)


def classify(
    language: Annotated[
        str,
        typer.Argument(
            metavar="LANG|MODEL",
            help="A name (`starfree languages`), or regex:..., pltl:..., dfa:FILE.json; or a "
            "model: a directory, RUN_DIR:HASH, package.module:build@weights.safetensors.",
        ),
    ],
    max_images: Annotated[
        int, typer.Option(min=1, help="How many sets of states may be visited.")
    ] = 200_000,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Of a language: write a page too, with its automaton, its circuit running on "
            "what you type, and the verdicts.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """What a language needs in algebra, and which architectures can model it, by which theorem.

    Of a model: its gates, measured on random strings, and what theory knows of such gates.
    """
    if names_model(language):
        if page:
            raise InputError(f"{language}: --page draws a language, and this is a model")
        classify_model(language, json)
        return
    from starfree.algebra.classify import classify as decide
    from starfree.languages.catalog import language as named

    spoken = named(language)
    found = decide(spoken, max_images)
    if page:
        from starfree.report.language_page import write_page

        write_page(page, spoken, found)
    if json:
        print_json(found.to_json())
        return
    from starfree.cli.classify_language import print_language

    print_language(found)
    if page:
        print(f"page: {page}")


def cite(
    verdict: Annotated[
        str | None,
        typer.Argument(
            metavar="[VERDICT]", help="The id that `classify` prints; by default all of them."
        ),
    ] = None,
) -> None:
    """The theorem behind a verdict, and its BibTeX."""
    from starfree.algebra.theorems import THEOREMS, theorem

    found = [theorem(verdict)] if verdict else list(THEOREMS)
    for one in found:
        print(f"{one.reference}\n{one.statement}\nstatus: {one.status}\n\n{one.bibtex()}\n")
