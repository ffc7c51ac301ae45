"""Make all that is read of a run: results.json, the CSV file, figures, the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starfree.experiments.plan import read_plan
from starfree.experiments.store import Store
from starfree.experiments.summary import Summary, read_summary
from starfree.files import write_atomically, write_json
from starfree.languages.catalog import entries
from starfree.report import figures, page
from starfree.report.cell_details import cell_details, searched
from starfree.report.comparison import compare, published_languages
from starfree.report.lengths import stretches
from starfree.report.origin import origin
from starfree.report.paper_figure import paper_figure
from starfree.report.rows import rows
from starfree.report.sections import as_csv, csv_path
from starfree.report.style import style
from starfree.report.verdict_figure import caption, verdict_figure, worth_drawing

PAGE = "report.html"
RESULTS = "results.json"
POINTS_A_WINDOW = 5  # of accuracy over length

Result = Mapping[str, Any]


def build_report(store: Store) -> Summary:
    """Read the trials, write the report beside them.

    Raises:
        InputError: the folder is no run's folder.
        OSError: something cannot be written.
    """
    _, planned = read_plan(store.folder)
    summary, results = read_summary(store)
    write_json(
        store.folder / RESULTS,
        {
            "format": 1,
            "experiment": summary.experiment.plain(),
            "trials": [{"hash": name, **result} for name, result in results.items()],
            "failures": summary.failures,
        },
    )
    if not summary.cells:
        return summary
    found = list(rows(summary.experiment, planned, results))
    write_atomically(csv_path(store.folder), as_csv(found))
    drawings = _draw(store, summary, results)
    folder = store.folder / "figures"
    folder.mkdir(exist_ok=True)
    for drawing in drawings:
        _save(drawing, folder / drawing.name)
    used = [results[trial] for cell in summary.cells for trial in cell.trials]
    text = page.render(
        summary,
        drawings,
        _provenance(store, summary, used),
        {cell.key: cell_details(cell, results, store) for cell in summary.cells},
        {cell.key: lines for cell in summary.cells if (lines := searched(cell, store))},
    )
    write_atomically(store.folder / PAGE, text)
    return summary


def _draw(store: Store, summary: Summary, results: Mapping[str, Result]) -> list[page.Drawing]:
    trials = [trial for cell in summary.cells for trial in cell.trials]
    curves = {
        trial: [figures.CurvePoint(int(row["tokens"]), row["bins"]) for row in store.curve(trial)]
        for trial in trials
    }
    by_length = {trial: _length_points(results[trial], "by_length") for trial in trials}
    baselines = {
        cell.language.name: _length_points(results[cell.trials[0]], "baseline_by_length")
        for cell in summary.cells
    }
    drawings = []
    if published_languages() <= set(summary.experiment.languages):
        asked = summary.experiment.languages
        classes = {e.name: str(e.language_class) for e in entries() if e.name in asked}
        figure = paper_figure(list(compare(summary)), classes)
        drawings.append(page.draw("paper", figure, _PAPER_CAPTION))
    drawings += [
        page.draw("accuracy", figures.accuracy_figure(summary), _ACCURACY_CAPTION),
        page.draw("lengths", figures.length_figure(summary, by_length, baselines), _LENGTH_CAPTION),
    ]
    if worth_drawing(summary):
        drawings.append(page.draw("theory", verdict_figure(summary), caption(summary)))
    if any(curves.values()):
        drawings.append(
            page.draw("curves", figures.curves_figure(summary, curves), _CURVES_CAPTION)
        )
    return drawings


_PAPER_CAPTION = (
    "The paper's figure: its numbers, and ours beside them. Its test strings have other lengths "
    "and another distribution, so that a bar beside another compares conclusions, not runs."
)
_ACCURACY_CAPTION = (
    "Share of test strings that are right. Solid: lengths of the training set; "
    "hatched: longer. Whiskers: 95 % over strings. Dashed: the best predictor without state on "
    "the same strings: a bar below it shows no state. A bar of 0 is drawn as a thin line."
)
_LENGTH_CAPTION = (
    "Where it breaks: share of right strings by length, the mean over seeds as a line and their "
    "range as a band. Shaded: the lengths of the training set. Nothing was tested where a line is "
    "interrupted."
)
_CURVES_CAPTION = (
    "Learning curves on a part of the test strings, the mean over seeds; a cell opens those of "
    "each seed. They are shown, never selected on: the numbers of this report are those of the "
    "end of training."
)


def _length_points(result: Result, key: str) -> list[figures.LengthPoint]:
    """A few points a window, each of the strings of neighbouring lengths."""
    return [
        figures.LengthPoint(stretch.length, stretch.accuracy)
        for stretch in stretches(result["bins"], key, POINTS_A_WINDOW)
    ]


def _save(drawing: page.Drawing, path: Path) -> None:
    with style():
        drawing.figure.savefig(path.with_suffix(".png"), metadata={"Software": None})
        drawing.figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
    write_atomically(path.with_suffix(".svg"), drawing.svg)


def _provenance(store: Store, summary: Summary, results: Sequence[Result]) -> page.Provenance:
    experiment = summary.experiment
    facts = [
        *origin(store, results),
        ("training", _training(results)),
        ("data", f"{experiment.protocol} protocol, data seed {experiment.data.seed}"),
    ]
    return page.Provenance(experiment.text(), facts)


def _training(results: Sequence[Result]) -> str:
    budget = max(result["trial"]["training"]["tokens"] for result in results)
    early = sum(result["stopped"] == "solved" for result in results)
    text = f"budget of {budget:,} tokens a trial"
    if early:
        text += (
            f"; {early} of {len(results)} stopped before, their validation strings being all "
            "right several times in a row"
        )
    diverged = sum(result["stopped"] == "diverged" for result in results)
    return text + (f"; {diverged} diverged" if diverged else "")
