"""Commands about theory: classify, cite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starfree.cli.arguments import names_model
from starfree.cli.classify_model import classify_model
from starfree.cli.output import Json, console, print_json
from starfree.errors import InputError

if TYPE_CHECKING:
    from starfree.algebra.classify import Classification


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
    _print_classification(found)
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


def _print_classification(found: Classification) -> None:
    from rich.table import Table

    plain = found.to_json()
    out = console()
    out.print(f"{plain['language']}: {_sentence(plain)}\n")
    facts = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    facts.add_row("live states", _or_dash(plain["states"]))
    facts.add_row("monoid", _or_dash(plain["monoid"]))
    facts.add_row("predictively definite", _or_dash(plain["definiteness"]))
    classes = plain["classes"]
    facts.add_row(
        "classes", ", ".join(k for k, v in classes.items() if v) or "none of those tested"
    )
    for group in plain["groups"]:
        kind = (
            "abelian" if group["abelian"] else "solvable" if group["solvable"] else "not solvable"
        )
        facts.add_row("group", f"order {group['order']}, {kind}")
    out.print(facts)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("architecture", "task", "reading", "arithmetic", "answer", "layers", "theorem"):
        table.add_column(heading)
    colour = {"can": "green", "cannot": "red", "open": "yellow"}
    for verdict in plain["verdicts"]:
        layers = [verdict["layers_lower"], verdict["layers_upper"]]
        table.add_row(
            verdict["architecture"],
            verdict["task"],
            verdict["reading"],
            verdict["arithmetic"] + (f"; {verdict['conditions']}" if verdict["conditions"] else ""),
            f"[{colour[verdict['answer']]}]{verdict['answer']}[/]",
            "" if layers == [None, None] else "..".join(_or_dash(bound) for bound in layers),
            verdict["theorem"],
        )
    out.print()
    out.print(table)
    out.print("\n`starfree cite THEOREM` prints the theorem and its status.", style="dim")


def _sentence(plain: dict[str, object]) -> str:
    star_free, witness = plain["star_free"], plain["witness"]
    if star_free:
        return "star-free"
    if star_free is None:
        return "whether it is star-free is undecided within the limits"
    if not isinstance(witness, dict):
        return "not regular, so not star-free"
    u, w, v = ("".join(witness[part]) or "(empty)" for part in ("u", "w", "v"))
    return (
        f"not star-free: whether u w^n v is a member never settles as n grows, it repeats with "
        f"period {witness['period']} (u = {u}, w = {w}, v = {v})"
    )


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
