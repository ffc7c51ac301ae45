"""Make all that is read of a run: results.json, the CSV file, figures, the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from starfree.experiments.plan import read_plan
from starfree.experiments.spec import bounds
from starfree.experiments.store import Store
from starfree.experiments.summary import Summary, read_summary
from starfree.files import write_atomically, write_json
from starfree.report import figures, page
from starfree.report.numbers import duration
from starfree.report.rows import rows
from starfree.report.sections import as_csv, csv_path
from starfree.report.style import style

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
    text = page.render(summary, drawings, _provenance(summary, used))
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
    drawings = [
        page.draw("accuracy", figures.accuracy_figure(summary), _ACCURACY_CAPTION),
        page.draw("lengths", figures.length_figure(summary, by_length, baselines), _LENGTH_CAPTION),
    ]
    if any(curves.values()):
        drawings.append(
            page.draw("curves", figures.curves_figure(summary, curves), _CURVES_CAPTION)
        )
    return drawings


_ACCURACY_CAPTION = (
    "Share of test strings that are right. Solid: lengths of the training set; "
    "hatched: longer. Whiskers: 95 % over strings. Dashed: the best predictor without state on "
    "the same strings: a bar below it shows no state. A bar of 0 is drawn as a thin line."
)
_LENGTH_CAPTION = (
    "Where it breaks: share of right strings by length. Shaded: the lengths of "
    "the training set. Nothing was tested where a line is interrupted."
)
_CURVES_CAPTION = (
    "Learning curves on a part of the test strings. They are shown, never selected on: the "
    "numbers of this report are those of the end of training."
)


def _length_points(result: Result, key: str) -> list[figures.LengthPoint]:
    """A few points a window, each of the strings of neighbouring lengths."""
    points = []
    for window, measured in result["bins"].items():
        low, high = bounds(window)
        step = (high - low + 1) / POINTS_A_WINDOW
        rows = sorted((int(length), *share) for length, share in measured[key].items())
        for _, group in groupby(rows, key=lambda row: int((row[0] - low) / step)):
            lengths, right, total = zip(*group, strict=True)
            weight = sum(total)
            mean = sum(n * t for n, t in zip(lengths, total, strict=True)) / weight
            points.append(figures.LengthPoint(mean, sum(right) / weight))
    return points


def _save(drawing: page.Drawing, path: Path) -> None:
    with style():
        drawing.figure.savefig(path.with_suffix(".png"), metadata={"Software": None})
        drawing.figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
    write_atomically(path.with_suffix(".svg"), drawing.svg)


def _provenance(summary: Summary, results: Sequence[Result]) -> page.Provenance:
    experiment = summary.experiment
    machines = sorted({_machine(result["machine"]) for result in results})
    seconds = sum(result["total_seconds"] for result in results)
    dates = sorted(result["finished"] for result in results)
    first = results[0]
    facts = [
        ("starfree", "; ".join(summary.versions)),
        ("libraries", ", ".join(f"{k} {v}" for k, v in first["machine"]["libraries"].items())),
        ("machine", "; ".join(machines)),
        ("computed", f"{dates[0]} to {dates[-1]}; {duration(seconds)} of one core"),
        ("trials", f"{len(results)} shown; seeds {', '.join(map(str, experiment.seeds))}"),
        ("training", _training(results)),
        ("data", f"{experiment.protocol} protocol, data seed {experiment.data.seed}"),
    ]
    return page.Provenance(experiment.text(), facts)


def _machine(machine: Mapping[str, Any]) -> str:
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"


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
