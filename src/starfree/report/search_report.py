"""A search in sentences, tables, figures and rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from starfree.experiments.search.experiment import SearchExperiment
from starfree.experiments.search.history import CellHistory, read_history
from starfree.experiments.search.space import Axis, Range
from starfree.experiments.store import Store
from starfree.experiments.summary import Summary, summarise
from starfree.files import write_atomically
from starfree.report.figures import accuracy_figure
from starfree.report.findings import against_theory, caveats, outcome, windows
from starfree.report.numbers import percent, points
from starfree.report.page import Drawing, draw
from starfree.report.rows import rows
from starfree.report.search_figure import history_figure, pruning_figure, settings_figure
from starfree.report.sections import Report, Table

Result = Mapping[str, Any]

HISTORY = "history.csv"

_HISTORY_CAPTION = (
    "Validation loss of every configuration in the order in which they were tried. Only those "
    "trained to the end can be chosen; of one that was given up the loss is that of its last look."
)
_SETTINGS_CAPTION = (
    "The same losses by the value of each setting. Where the best values lie at an edge, the space "
    "may be too small."
)
_PRUNING_CAPTION = (
    "Validation loss along the training of every configuration. What was given up is cut off there."
)
_ACCURACY_CAPTION = (
    "The chosen configurations, trained again with fresh seeds, on test strings, which no part of "
    "the search has read. Solid: lengths of the training set; hatched: longer. Whiskers: 95 % over "
    "strings. Dashed: the best predictor without state on the same strings."
)


def search_report(experiment: SearchExperiment, store: Store) -> Report:
    """Everything that is known of the search so far; writes the history as a CSV file too.

    Raises:
        OSError: the file cannot be written.
    """
    cells = read_history(experiment, store)
    results = store.results()
    fresh = [trial for cell in cells for trial in cell.fresh]
    failures = {
        trial.hash: failure["message"]
        for trial in fresh
        if trial.hash not in results and (failure := store.failure(trial.hash)) is not None
    }
    summary = summarise(experiment, fresh, results, failures)
    write_atomically(store.folder / HISTORY, history_csv(experiment, cells))
    return Report(
        question=_question(experiment),
        findings=[*_findings(experiment, cells), *against_theory(summary)] if cells else [],
        caveats=[*_caveats(cells), *(caveats(summary) if summary.cells else [])],
        drawings=list(_drawings(experiment, cells, summary)),
        tables=[
            _chosen_table(experiment, cells, results),
            *([_tested_table(summary)] if summary.cells else []),
            _history_table(cells),
        ],
        rows=list(rows(experiment, fresh, results)),
    )


def history_csv(experiment: SearchExperiment, cells: Sequence[CellHistory]) -> str:
    """A line a configuration that was tried, in the order in which they were."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = list(experiment.search.space)
    after = ("state", "validation_loss", "tokens", "seconds", "chosen", "trial_hash")
    writer.writerow(["language", "model", "trial", *names, *after])
    for cell in cells:
        chosen = cell.chosen
        for one in cell.tried:
            loss = "" if one.loss is None else one.loss
            best = int(chosen is not None and one.hash == chosen.hash)
            found = (one.state, loss, one.tokens, one.seconds, best, one.hash)
            writer.writerow(
                [cell.language, cell.model.shown, one.number, *one.point.values(), *found]
            )
    return stream.getvalue()


def _question(experiment: SearchExperiment) -> str:
    settings = experiment.search
    budget = f"{experiment.training.tokens:,} tokens each"
    how = {
        "grid": "every combination of a grid",
        "random": f"{settings.trials} random configurations",
        "tpe": f"{settings.trials} configurations that Optuna's TPE sampler proposed",
    }[settings.method]
    return (
        f"Which settings ({', '.join(settings.space)}) suit each language and model? Of {how}, "
        f"trained with {budget} and seed {settings.seed}, the one with the smallest loss on the "
        "validation strings is trained again with fresh seeds "
        f"({', '.join(map(str, experiment.seeds))}). Only these read test strings."
    )


def _findings(experiment: SearchExperiment, cells: Sequence[CellHistory]) -> Iterator[str]:
    tried = [one for cell in cells for one in cell.tried]
    pruned = sum(one.state == "pruned" for one in tried)
    read = sum({one.hash: one.tokens for one in tried}.values())
    full = experiment.training.tokens * len({one.hash for one in tried if one.tokens})
    text = f"{len(tried)} configurations were compared by their validation loss"
    if pruned:
        text += (
            f"; {pruned} of them were given up early, so that the search read {read:,} tokens, "
            f"{percent(read / full)} of what it would have read otherwise"
        )
    yield text + "."
    for name, axis in experiment.search.space.items():
        for end, value in (("smallest", _ends(axis)[0]), ("largest", _ends(axis)[1])):
            at_edge = [
                cell.name
                for cell in cells
                if cell.chosen is not None and cell.chosen.point[name] == value
            ]
            if value is not None and at_edge:
                yield (
                    f"The chosen {name} is the {end} of the space ({value:g}) for "
                    f"{'; '.join(at_edge)}: values beyond it were not tried."
                )


def _ends(axis: Axis) -> tuple[float | None, float | None]:
    """The smallest and the largest of numbers; other values, and two alone, have no edges."""
    if isinstance(axis, Range):
        return axis.low, axis.high
    numbers = [v for v in axis if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(axis) or len(axis) < 3:
        return None, None
    return min(numbers), max(numbers)


def _caveats(cells: Sequence[CellHistory]) -> Iterator[str]:
    for state, words in (
        ("not finished", "not finished yet"),
        ("failed", "failed (why is in its folder, failure.json)"),
        ("diverged", "diverged and cannot be chosen"),
    ):
        names = [f"{cell.name}, trial {one.number}" for cell in cells for one in cell.tried
                 if one.state == state]  # fmt: skip
        if names:
            yield f"{len(names)} configuration{'s' * (len(names) > 1)} {words}: {_some(names)}."
    empty = [cell.name for cell in cells if cell.chosen is None]
    if empty:
        yield f"Nothing to choose from yet: {_some(empty)}."
    yield (
        "The loss by which a configuration was chosen is the smallest of many and flatters it; the "
        "one with fresh seeds does not."
    )


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more


def _drawings(
    experiment: SearchExperiment, cells: Sequence[CellHistory], summary: Summary
) -> Iterator[Drawing]:
    if not any(one.loss is not None for cell in cells for one in cell.tried):
        return
    yield draw("history", history_figure(cells), _HISTORY_CAPTION)
    yield draw("settings", settings_figure(cells, experiment.search.space), _SETTINGS_CAPTION)
    if experiment.search.pruning is not None:
        points_of_curve = experiment.training.evaluations
        yield draw("pruning", pruning_figure(cells, points_of_curve), _PRUNING_CAPTION)
    if summary.cells:
        yield draw("accuracy", accuracy_figure(summary), _ACCURACY_CAPTION)


def _chosen_table(
    experiment: SearchExperiment, cells: Sequence[CellHistory], results: Mapping[str, Result]
) -> Table:
    names = list(experiment.search.space)
    lines = []
    for cell in cells:
        chosen = cell.chosen
        values = ["–"] * len(names) if chosen is None else map(_written, chosen.point.values())
        found = [results[one.hash]["validation"] for one in cell.fresh if one.hash in results]
        losses = [validation["loss"] for validation in found]
        mean = fmean(losses) if losses and None not in losses else None
        loss = None if chosen is None else chosen.loss
        lines.append([cell.name, *values, _written(loss), _written(mean)])
    return Table(
        "What was chosen",
        ["", *names, "loss", "fresh seeds"],
        lines,
        "Loss on the validation strings: of the search's seed, by which the configuration was "
        "chosen, and the mean of the fresh seeds.",
    )


def _tested_table(summary: Summary) -> Table:
    tested = windows(summary)
    lines = [
        [
            f"{cell.language.name}, {cell.model.shown}",
            *(
                points(b.accuracy) + ("" if b.baseline is None else f" ({points(b.baseline)})")
                for b in cell.bins
            ),
            *("" for _ in tested[len(cell.bins) :]),
            outcome(cell),
            f"{cell.solved_seeds} of {len(cell.trials)}",
        ]
        for cell in summary.cells
    ]
    return Table(
        "On test strings",
        ["", *tested, "outcome", "seeds that solved it"],
        lines,
        "% of test strings of these lengths right at every position, mean of the fresh seeds; in "
        "brackets the best predictor without state.",
    )


def _history_table(cells: Sequence[CellHistory]) -> Table:
    lines = []
    for cell in cells:
        for one in cell.tried:
            mark = " ← chosen" if cell.chosen is not None and one.hash == cell.chosen.hash else ""
            lines.append(
                [
                    f"{cell.name}, {one.number}{mark}",
                    *(_written(value) for value in one.point.values()),
                    one.state,
                    _written(one.loss),
                    f"{one.tokens:,}",
                ]
            )
    names = list(cells[0].tried[0].point) if cells else []
    return Table(
        "Every configuration that was tried",
        ["language, model, trial", *names, "state", "validation loss", "tokens"],
        lines,
        f"The same as {HISTORY} beside this page.",
        page_only=True,
    )


def _written(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
