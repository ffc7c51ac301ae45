"""Commands about data sets: data, audit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from starfree.cli.output import Json, LanguageReference, console, print_json

if TYPE_CHECKING:
    from starfree.data.audit import AuditReport

ERRORS_FOUND = 3


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(data)
    app.command()(audit)


def data(
    language: LanguageReference,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new or empty folder.")],
    protocol: Annotated[
        Literal["sound", "published"],
        typer.Option(help="Disjoint splits and longer bins, or windows and draws as published."),
    ] = "sound",
    task: Annotated[
        Literal["predict", "recognise"],
        typer.Option(help="Members with labels at every prefix, or members and non-members."),
    ] = "predict",
    labels: Annotated[
        Literal["legal", "authors", "published"] | None,
        typer.Option(
            help="Legal sets; the authors' encodings, right; or with their two mistakes. By "
            "default legal, under the published protocol published."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    to: Annotated[
        Literal["text", "torch", "huggingface"],
        typer.Option(
            help="text: the authors' layout; torch: tensors as safetensors; huggingface: JSON "
            'lines for `load_dataset("json", ...)`.'
        ),
    ] = "text",
) -> None:
    """Write a data set: training, validation, test bins from short to long, and a manifest."""
    from starfree.data.exports import write_json_lines, write_tensors
    from starfree.data.files import write_folder
    from starfree.data.splits import make_splits
    from starfree.languages.catalog import language as named

    made = make_splits(named(language), protocol, seed, task)
    if to == "text":
        write_folder(made, out, labels)
    elif to == "torch":
        write_tensors(made, out, task)
    else:
        write_json_lines(made, out)
    sizes = {"train": made.train, "validation": made.validation, **made.bins}
    counts = ", ".join(f"{name} {len(part)}" for name, part in sizes.items() if part is not None)
    print(f"{out}: {counts} strings")


def audit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A data set, ours or theirs.")],
    language: Annotated[
        str | None,
        typer.Option(metavar="LANG", help="Whose; by default as the manifest or the name says."),
    ] = None,
    json: Json = False,
) -> None:
    """What is wrong with a data set, and what its scores can mean.

    Ends with exit code 3 if there are errors. A limit is no error: no better data could mend it.
    """
    from starfree.data.audit import audit as examine
    from starfree.languages.catalog import language as named

    report = examine(folder, named(language) if language else None)
    if json:
        print_json(report.as_dict())
    else:
        _print_report(report)
    if report.has_errors:
        sys.exit(ERRORS_FOUND)


def _print_report(report: AuditReport) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    out.print(f"{report.folder}: {report.language}, labels: {report.labels}\n")
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    rows.add_column("split")
    headings = list(next(iter(report.splits.values()), {}))
    for heading in headings:
        rows.add_column(heading.replace("_", " "), justify="right")
    for name, values in report.splits.items():
        rows.add_row(name, *(_cell(values[heading]) for heading in headings))
    out.print(rows)
    scores = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="bold",
    )
    scores.add_column("predictor")
    for name in report.baselines:
        scores.add_column(name, justify="right")
    kinds = {kind: None for found in report.baselines.values() for kind in found}
    for kind in kinds:
        scores.add_row(kind, *(_score(found.get(kind)) for found in report.baselines.values()))
    out.print("\nstrings that predictors without state get wholly right, %")
    out.print(scores)
    out.print(Text(f"\n{report.learner.words}\n"))
    style = {"error": "bold red", "limit": "yellow"}
    for finding in report.findings:
        line = Text(f"{finding.severity:<5}  ", style=style.get(finding.severity, "dim"))
        line.append(f"{finding.split or 'all'}: {finding.message}", style="default")
        out.print(line)
    if not report.findings:
        out.print("nothing found")


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return str(len(value))
    if isinstance(value, list | tuple):
        return "..".join(str(part) for part in value)
    if isinstance(value, float):
        return f"{value:.1f}"
    return "" if value is None else str(value)


def _score(found: object) -> str:
    if not isinstance(found, dict):
        return ""
    value = found.get("string_accuracy")
    return "" if value is None else f"{100 * value:.1f}"
