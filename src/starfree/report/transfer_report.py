"""The transfer experiment in sentences, tables, matrices and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any

from starfree.experiments.plan import PlannedTrial, choose_rates, read_plan
from starfree.experiments.store import Store
from starfree.experiments.summary import PROVISIONAL_BELOW
from starfree.experiments.transfer import TransferExperiment
from starfree.report.details import Details
from starfree.report.numbers import dash, percent, points
from starfree.report.page import Drawing, draw
from starfree.report.sections import Report, Row, Table
from starfree.report.transfer_cells import transfer_details
from starfree.report.transfer_figure import Entry, Matrix, matrix_figure

Result = Mapping[str, Any]

GOOD = 0.99  # of strings: from here on a control counts as learned
_GAP = 0.05  # of strings: a smaller fall from the control to another distribution goes untold

_QUESTION = (
    "A model is trained on strings of one distribution and tested on strings of all: the authors' "
    "generators (published), lengths and members evenly spread (uniform), and members whose last "
    "10 symbols do not tell what follows (hard). A model that tracks the state does not care. "
    "Lengths up to 100 are within those of training."
)
_CAPTION = (
    "{model}, labels {labels}. Rows: trained on; columns: tested on; framed: the same distribution "
    "(the control). In a cell, mean over seeds: % of strings right at every position, below it % "
    "of positions, below that, in italics, % of strings of the best predictor without state on the "
    "same strings (= where that one solves them, so that the cell cannot tell). *: the strings use "
    "transitions seen fewer than 20 times in training. –: not run, or no such strings."
)


@dataclass(frozen=True)
class Group:
    """The seeds of one language, model, training distribution and kind of labels.

    Attributes:
        planned: one trial a seed, at the chosen learning rate.
        results: of the finished ones of these, in the same order.
    """

    language: str
    model: str
    trained_on: str
    labels: str
    planned: Sequence[PlannedTrial]
    results: Sequence[Result]

    @property
    def name(self) -> str:
        """What no other group is called."""
        return f"{self.language}, {self.model}, {self.trained_on} strings, labels {self.labels}"

    def mean(self, tested_on: str, window: str, metric: str) -> float:
        """Over seeds."""
        return fmean(self.metric(tested_on, window, metric))

    def metric(self, tested_on: str, window: str, metric: str) -> list[float]:
        """Seed by seed."""
        tests = [result["tests"][tested_on][window] for result in self.results]
        return [float(test["metrics"][metric]["value"]) for test in tests]


def transfer_report(experiment: TransferExperiment, store: Store) -> Report:
    """Everything that is known of the experiment so far."""
    _, planned = read_plan(store.folder)
    groups = gather(experiment, planned, store.results())
    opened = {group.name: _details(group, store) for group in groups}
    return Report(
        question=_QUESTION,
        findings=list(_findings(groups, experiment)),
        caveats=list(_caveats(groups, experiment)),
        drawings=list(_drawings(groups, experiment)),
        tables=[
            _opening(matrix_table(groups, experiment, labels, window), groups, labels, opened)
            for labels in experiment.labels
            for window in experiment.data.test_windows
            if groups
        ],
        rows=[row for group in groups for row in _rows(group, experiment)],
    )


def _details(group: Group, store: Store) -> Details:
    return transfer_details(group.name, [t.hash for t in group.planned], group.results, store)


def _opening(
    table: Table, groups: Sequence[Group], labels: str, opened: Mapping[str, Details]
) -> Table:
    """The same table with what its rows open, to be filtered by what a row is about."""
    details = [opened[group.name] for group in groups if group.labels == labels]
    return replace(table, details=details, selects=("language", "model", "trained on"))


def gather(
    experiment: TransferExperiment,
    planned: Sequence[PlannedTrial],
    results: Mapping[str, Result],
) -> list[Group]:
    """The groups with a result, in the order of the plan."""
    rates = choose_rates(planned, results, experiment.seeds[0])
    by_cell: dict[tuple[str, str], list[PlannedTrial]] = {}
    for trial in planned:
        chosen = not experiment.choosing or rates.get(trial.cell) == trial.learning_rate
        if chosen and trial.hash in results:
            by_cell.setdefault(trial.cell, []).append(trial)
    groups = []
    for (language, label), trials in by_cell.items():
        trials.sort(key=lambda trial: trial.seed)
        found = [results[trial.hash] for trial in trials]
        spec = found[0]["trial"]
        model = label.partition(": ")[2]
        trained_on = spec["data"]["train_distribution"]
        groups.append(Group(language, model, trained_on, spec["labels"], trials, found))
    return groups


def _drawings(groups: Sequence[Group], experiment: TransferExperiment) -> Iterator[Drawing]:
    for place, model in enumerate(experiment.models, start=1):
        for labels in experiment.labels:
            chosen = [g for g in groups if (g.model, g.labels) == (model.shown, labels)]
            if chosen:
                tail = "" if labels == "with $" else "-without-end"
                yield draw(
                    f"matrix-{place}{tail}",
                    matrix_figure(_matrices(chosen, experiment), experiment.train_data),
                    _CAPTION.format(model=model.shown, labels=labels),
                )


def _matrices(
    groups: Sequence[Group], experiment: TransferExperiment
) -> dict[tuple[str, str], Matrix]:
    """(language, window) -> matrix."""
    found: dict[tuple[str, str], dict[tuple[str, str], Entry]] = {}
    for group in groups:
        for tested_on, windows in group.results[0]["tests"].items():
            for window in experiment.data.test_windows:
                test = windows[window]
                matrix = found.setdefault((group.language, window), {})
                matrix[group.trained_on, tested_on] = Entry(
                    strings=group.mean(tested_on, window, "string_accuracy"),
                    positions=group.mean(tested_on, window, "position_accuracy"),
                    baseline=test["best_baseline"]["value"],
                    identifiable=test["identifiable"],
                )
    return dict(found)


def _findings(groups: Sequence[Group], experiment: TransferExperiment) -> Iterator[str]:
    """Where a control is passed and another distribution of the same lengths is not."""
    trained = {(g.language, g.model, g.trained_on, g.labels): g for g in groups}
    high = int(experiment.data.train_window.partition("-")[2])
    windows = [w for w in experiment.data.test_windows if int(w.partition("-")[2]) <= high]
    for group in groups:
        for window in windows:
            control = group.mean(group.trained_on, window, "string_accuracy")
            if control < GOOD:
                continue
            for tested_on in group.results[0]["tests"]:
                if tested_on == group.trained_on:
                    continue
                reached = group.mean(tested_on, window, "string_accuracy")
                if control - reached < _GAP:
                    continue
                places = group.mean(tested_on, window, "position_accuracy")
                text = (
                    f"{group.language}, {group.model}, {group.labels}, length {dash(window)}: "
                    f"trained on {group.trained_on} strings, {percent(control)} of those and "
                    f"{percent(reached)} of {tested_on} ones ({percent(places)} of positions)"
                )
                other = trained.get((group.language, group.model, tested_on, group.labels))
                if other is not None:
                    own = other.mean(tested_on, window, "string_accuracy")
                    text += f"; trained on {tested_on} strings, {percent(own)} of them"
                yield text + "."


def _caveats(groups: Sequence[Group], experiment: TransferExperiment) -> Iterator[str]:
    if not groups:
        yield "No trial is finished yet."
        return
    fewest = min(len(group.results) for group in groups)
    if fewest < PROVISIONAL_BELOW:
        yield (
            f"Provisional: some cells have {fewest} seed{'' if fewest == 1 else 's'}; claims about "
            f"training need {PROVISIONAL_BELOW}."
        )
    cells = {trial.cell for _, trial in _cells(experiment)}
    missing = len(cells) - len(groups)
    if missing:
        yield f"{missing} of {len(cells)} cells were not run yet."
    failed = sorted({g.language for g in groups if not _control_passed(g, experiment)})
    if failed:
        yield (
            "In some cells not even the training distribution was learned, so that a failure on "
            f"another says nothing: {', '.join(failed)}."
        )


def _cells(experiment: TransferExperiment) -> Iterator[tuple[int, PlannedTrial]]:
    """One planned trial a cell and rate."""
    first = experiment.seeds[0]
    for model, trial in experiment.trials((first,)):
        rate = trial.training.learning_rate
        yield first, PlannedTrial("", trial.language, model.shown, rate, first)


def _control_passed(group: Group, experiment: TransferExperiment) -> bool:
    window = experiment.data.test_windows[0]
    return group.mean(group.trained_on, window, "string_accuracy") >= GOOD


def matrix_table(
    groups: Sequence[Group], experiment: TransferExperiment, labels: str, window: str
) -> Table:
    """One kind of labels in one window of lengths: trained on in rows, tested on in columns."""
    return Table(
        title=f"Length {dash(window)}, labels {labels}, tested on",
        header=["language", "model", "trained on", "seeds", *experiment.train_data],
        rows=[
            [group.language, group.model, group.trained_on, str(len(group.results))]
            + [_shown(group, name, window) for name in experiment.train_data]
            for group in groups
            if group.labels == labels
        ],
        note="% of strings right at every position (smallest and largest of the seeds where they "
        "differ); after / % of positions; then the median first error of wrong strings, @position.",
    )


def _shown(group: Group, tested_on: str, window: str) -> str:
    if tested_on not in group.results[0]["tests"]:
        return "–"
    strings = group.metric(tested_on, window, "string_accuracy")
    text = points(fmean(strings))
    if len(strings) > 1 and min(strings) < max(strings):
        text += f" ({points(min(strings))}–{points(max(strings))})"
    text += f" / {points(group.mean(tested_on, window, 'position_accuracy'))}"
    errors = [
        error["0.5"]
        for result in group.results
        if (error := result["tests"][tested_on][window]["first_error"]) is not None
    ]
    return f"{text} @{median(errors):.0f}" if errors else text


def _rows(group: Group, experiment: TransferExperiment) -> Iterator[Row]:
    for planned, result in zip(group.planned, group.results, strict=True):
        for tested_on, windows in result["tests"].items():
            for window, test in windows.items():
                for metric, value, size, low, high in _metrics(test):
                    baseline, kind = _baseline(test, metric)
                    yield Row(
                        experiment=experiment.name,
                        language=group.language,
                        model=group.model,
                        layers=result["trial"]["options"].get("layers", ""),
                        protocol=f"sound, {group.labels}",
                        train_data=group.trained_on,
                        test_data=tested_on,
                        seed=planned.seed,
                        bin=window,
                        metric=metric,
                        value=value,
                        n=size,
                        low=None if low is None else round(low, 6),
                        high=None if high is None else round(high, 6),
                        baseline=baseline,
                        baseline_kind=kind,
                        published=None,
                        trial_hash=planned.hash,
                        commit=result["commit"] or "",
                    )


def _metrics(
    test: Mapping[str, Any],
) -> Iterator[tuple[str, float, int, float | None, float | None]]:
    """Name, value, how many were counted, 95 % interval where there is one."""
    for metric, found in test["metrics"].items():
        yield metric, found["value"], found["n"], found.get("low"), found.get("high")
    if test["first_error"] is not None:
        strings = test["metrics"]["string_accuracy"]
        wrong = round((1 - strings["value"]) * strings["n"])
        yield "first_error_median", test["first_error"]["0.5"], wrong, None, None


def _baseline(test: Mapping[str, Any], metric: str) -> tuple[float | None, str]:
    """Strings: the best predictor without state. Positions: the most that 10 symbols can tell."""
    if metric == "string_accuracy":
        return test["best_baseline"]["value"], test["best_baseline"]["kind"]
    if metric == "position_accuracy":
        window, best = list(test["best_windows"].items())[-1]
        return best["position_accuracy"], f"best of the last {window} symbols"
    return None, ""
