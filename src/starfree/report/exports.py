"""A run's numbers for other programs: CSV, JSON, Parquet, and tables for LaTeX."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from starfree.errors import InputError
from starfree.experiments.store import Store
from starfree.experiments.summary import BinSummary, Summary
from starfree.files import write_atomically
from starfree.report.findings import measure, outcome, windows
from starfree.report.forms import Format
from starfree.report.latex import as_latex
from starfree.report.numbers import points
from starfree.report.sections import Row, Table, as_csv

FOLDER = "tables"


_SUFFIX = {Format.LATEX: "tex"}


def export(store: Store, rows: Sequence[Row], tables: Sequence[Table], form: Format) -> Path:
    """Write `DIR/tables/results.FORM` and say where it is.

    Args:
        store: the run's.
        rows: every number, of which CSV, JSON and Parquet have a line each.
        tables: as people read them, for LaTeX.
        form: which one.

    Raises:
        InputError: pyarrow is not installed.
        OSError: it cannot be written.
    """
    content: str | bytes
    match form:
        case Format.CSV:
            content = as_csv(rows)
        case Format.JSON:
            value = {"format": 1, "rows": [asdict(row) for row in rows]}
            content = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        case Format.PARQUET:
            content = _parquet(rows)
        case Format.LATEX:
            content = as_latex(tables)
    folder = store.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"results.{_SUFFIX.get(form, form.value)}"
    write_atomically(path, content)
    return path


def _parquet(rows: Sequence[Row]) -> bytes:
    """A column each of `Row`'s fields, with its type; what is not known is null."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(
            "--export parquet needs the package pyarrow: pip install 'starfree[parquet]'"
        ) from error
    kinds = {"int": pyarrow.int64(), "float | None": pyarrow.float64(), "str": pyarrow.string()}
    kinds["int | str"] = pyarrow.int64()  # layers, which are empty where a model has none
    schema = pyarrow.schema([(field.name, kinds[str(field.type)]) for field in fields(Row)])
    plain = [{**asdict(row), "layers": row.layers or None} for row in rows]
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(plain, schema=schema), stream)
    return stream.getvalue()


def summary_table(summary: Summary) -> Table:
    """Languages and models as a table: a line each, with the interval behind every number."""
    names = windows(summary)
    rows = []

    def add(language: str, model: str, theory: str, values: Sequence[str], last: str = "") -> None:
        empty = [""] * (len(names) - len(values))
        rows.append((language, model, theory, *values, *empty, last))

    before = None
    for cell in summary.cells:
        if cell.language != before:
            baselines = ["" if b.baseline is None else points(b.baseline) for b in cell.bins]
            add(cell.language.name, "stateless", "", baselines)
            before = cell.language
        seeds = len(cell.trials)
        tail = f" ({cell.solved_seeds} of {seeds} seeds)" if seeds > 1 else ""
        values = [_measured(measured) for measured in cell.bins]
        add("", cell.model.shown, cell.expectation.answer, values, outcome(cell) + tail)
        if any(measured.published for measured in cell.bins):
            paper = ["" if b.published is None else points(b.published.value) for b in cell.bins]
            add("", f"{cell.model.shown}, published", "", paper)
    return Table(
        title=summary.experiment.title or summary.experiment.name,
        header=("language", "model", "theory", *names, "outcome"),
        rows=rows,
        note=f"% of {measure(summary)}, with 95 % intervals over strings; stateless: the best "
        "predictor without state.",
    )


def _measured(measured: BinSummary) -> str:
    if measured.interval is None:
        return points(measured.accuracy)
    low, high = measured.interval
    return f"{points(measured.accuracy)} [{points(low)}, {points(high)}]"
