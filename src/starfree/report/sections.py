"""A report made of sections: sentences first, then figures, tables, and where it all comes from.

The experiments with fields of their own (`spec.KINDS`) report so; each has a module that turns its
results into a `Report`. Page, terminal and CSV show the same content.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from starfree.experiments.spec import Experiment
from starfree.experiments.store import Store
from starfree.files import write_atomically
from starfree.report.details import Details
from starfree.report.origin import origin
from starfree.report.page import Drawing, inline
from starfree.report.style import style
from starfree.report.templates import render_template

_NUMBER = re.compile(r"[+−-]?\d")


@dataclass(frozen=True)
class Table:
    """A table as text, the first column being what a row is about.

    Attributes:
        note: how to read it.
        page_only: too long for a terminal.
        details: what each row opens on the page, None for a row that opens nothing.
        selects: columns that the page lets one choose the rows by.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    page_only: bool = False
    details: Sequence[Details | None] = ()
    selects: Sequence[str] = ()

    def opened(self) -> Sequence[Details | None]:
        """What each row opens, a row each."""
        return self.details or [None] * len(self.rows)

    def is_numeric(self, column: int) -> bool:
        """Whether most of what stands in a column begins with a number."""
        cells = [row[column] for row in self.rows if row[column]]
        return 2 * sum(bool(_NUMBER.match(cell)) for cell in cells) > len(cells) and column > 0


@dataclass(frozen=True)
class Row:
    """A line of the committed CSV files: one number of one trial."""

    experiment: str
    language: str
    model: str
    layers: int | str
    protocol: str
    train_data: str
    test_data: str
    seed: int
    bin: str
    metric: str
    value: float | None
    n: int
    low: float | None
    high: float | None
    baseline: float | None
    baseline_kind: str
    published: float | None
    trial_hash: str
    commit: str


@dataclass(frozen=True)
class Report:
    """What an experiment of a kind of its own has to show.

    Attributes:
        question: what is asked, in a paragraph.
        findings: what came out, a sentence each.
        caveats: what to keep in mind, a sentence each.
        rows: every number, for programs.
    """

    question: str
    findings: Sequence[str]
    caveats: Sequence[str]
    drawings: Sequence[Drawing]
    tables: Sequence[Table]
    rows: Sequence[Row]


def write_report(store: Store, page: str, report: Report, experiment: Experiment) -> None:
    """Figures, the page, and the CSV file beside the folder, `NAME.csv`.

    Args:
        store: the run's.
        page: file name of the page.
        report: what to show.
        experiment: as planned.

    Raises:
        OSError: something cannot be written.
    """
    folder = store.folder / "figures"
    folder.mkdir(exist_ok=True)
    for drawing in report.drawings:
        path = folder / drawing.name
        with style():
            drawing.figure.savefig(path.with_suffix(".png"), metadata={"Software": None})
            drawing.figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
        write_atomically(path.with_suffix(".svg"), drawing.svg)
    write_atomically(store.folder / page, _render(report, experiment, store))
    write_atomically(csv_path(store.folder), as_csv(report.rows))


def csv_path(folder: Path) -> Path:
    """Beside a run's folder: its name and `.csv`."""
    resolved = folder.resolve()
    return resolved.with_name(f"{resolved.name}.csv")


def as_csv(rows: Sequence[Row]) -> str:
    """The rows under the names of `Row`'s fields; None is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    for row in rows:
        writer.writerow(["" if value is None else value for value in asdict(row).values()])
    return stream.getvalue()


def print_report(console: Console, report: Report) -> None:
    """Tables, then what they say."""
    for table in (table for table in report.tables if not table.page_only):
        shown = RichTable(
            title=table.title, title_style="bold", title_justify="left",
            box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold",
        )  # fmt: skip
        for column, name in enumerate(table.header):
            shown.add_column(
                name, justify="right" if column else "left", no_wrap=not column, overflow="fold"
            )
        for row in table.rows:
            shown.add_row(*(Text(cell) for cell in row))
        console.print(shown)
        if table.note:
            console.print(Text(table.note, style="dim"))
        console.print()
    for line in report.findings:
        console.print(Text(f"• {line}"))
    for line in report.caveats:
        console.print(Text("! " + line, style="yellow"))


def _render(report: Report, experiment: Experiment, store: Store) -> str:
    every = [one for table in report.tables for one in table.opened() if one is not None]
    return render_template(
        "sections.html",
        title=experiment.title or experiment.name,
        report=report,
        drawings=[(drawing, inline(drawing.svg, drawing.name)) for drawing in report.drawings],
        facts=list(origin(store, list(store.results().values()))),
        spec=yaml.safe_dump(experiment.plain(), sort_keys=False, allow_unicode=True, width=100),
        details=list({one.name: one for one in every}.values()),
    )
