"""The certified experiment in sentences, a figure, tables and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starfree.experiments.certified import CertifiedExperiment
from starfree.experiments.plan import PlannedTrial, choose_rates, read_plan
from starfree.experiments.store import Store
from starfree.experiments.summary import PROVISIONAL_BELOW
from starfree.report.certified_figure import Mark, certified_figure
from starfree.report.numbers import dash, duration, points
from starfree.report.page import draw
from starfree.report.sections import Report, Row, Table
from starfree.training.intervals import binomial_interval

Result = Mapping[str, Any]

ALL_LENGTHS = "all lengths"
PROVEN = "PROVEN_ALL_LENGTHS"

_QUESTION = (
    "A model whose gates are 0 or 1 has finitely many states. It is trained on strings of the "
    "training lengths; then every reachable pair of a state of the model and one of the language "
    "is visited. Either this proves it right on strings of every length, or it gives the shortest "
    "strings on which it is wrong: these become training strings too, and training goes on, now "
    "and then with fresh weights, until the proof or the end of the budget."
)
_CAPTION = (
    "Batches of training until the proof, a mark a seed. Restarts and rounds of counterexamples "
    "count; an arrow stands where the budget ended without a proof."
)


@dataclass(frozen=True)
class Group:
    """The finished seeds of one language and model."""

    language: str
    model: str
    planned: Sequence[PlannedTrial]
    results: Sequence[Result]

    @property
    def proven(self) -> list[Result]:
        """Of the results."""
        return [result for result in self.results if is_proven(result)]

    @property
    def left(self) -> list[Result]:
        """Those without a proof."""
        return [result for result in self.results if not is_proven(result)]


def is_proven(result: Result) -> bool:
    """For strings of every length."""
    return bool(result["certificate"]["status"] == PROVEN)


def certified_report(experiment: CertifiedExperiment, store: Store) -> Report:
    """Everything that is known of the experiment so far."""
    _, planned = read_plan(store.folder)
    groups = _gather(experiment, planned, store.results())
    several = len(experiment.models) > 1
    drawings = []
    if groups:
        marks = {
            f"{g.language}, {g.model}" if several else g.language: [_mark(r) for r in g.results]
            for g in groups
        }
        drawings.append(draw("proofs", certified_figure(marks), _CAPTION))
    return Report(
        question=_QUESTION,
        findings=[_finding(group) for group in groups],
        caveats=list(_caveats(groups, planned, experiment)),
        drawings=drawings,
        tables=[_table(groups), _proofs(groups)] if groups else [],
        rows=[row for group in groups for row in _rows(group, experiment)],
    )


def _gather(
    experiment: CertifiedExperiment, planned: Sequence[PlannedTrial], results: Mapping[str, Result]
) -> list[Group]:
    """The groups with a result, in the order of the plan."""
    rates = choose_rates(planned, results, experiment.seeds[0])
    cells: dict[tuple[str, str], list[PlannedTrial]] = {}
    for trial in planned:
        chosen = not experiment.choosing or rates.get(trial.cell) == trial.learning_rate
        if chosen and trial.hash in results:
            cells.setdefault(trial.cell, []).append(trial)
    return [
        Group(language, model, trials, [results[trial.hash] for trial in trials])
        for (language, model), trials in cells.items()
    ]


def _finding(group: Group) -> str:
    proven, left = group.proven, group.left
    text = f"{group.language}: {len(proven)} of {len(group.results)} seeds proven at every length"
    if proven:
        text += (
            f", after {_span(r['steps'] for r in proven)} batches "
            f"(proofs tried: {_span(len(r['rounds']) for r in proven)}), over "
            f"{_span(r['certificate']['states'] for r in proven)} pairs of states"
        )
    if left:
        longest = max(left, key=_reach)
        counterexample = longest["certificate"]["counterexample"]
        text += f"; the best of the others is right up to length {_reach(longest)}"
        if counterexample:
            text += f" and wrong on {counterexample['string'] or 'the empty string'}"
    return text + "."


def _reach(result: Result) -> int:
    """All strings up to this length are right."""
    certificate = result["certificate"]
    found = certificate["counterexample"]
    return int(certificate["length"] or 0) if found is None else int(found["position"]) - 1


def _span(values: Iterator[int]) -> str:
    numbers = sorted(values)
    low, high = numbers[0], numbers[-1]
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _caveats(
    groups: Sequence[Group], planned: Sequence[PlannedTrial], experiment: CertifiedExperiment
) -> Iterator[str]:
    if not groups:
        yield "No trial is finished yet."
        return
    missing = len(planned) - sum(len(group.results) for group in groups)
    if missing:
        yield f"{missing} of {len(planned)} trials are not finished."
    if min(len(group.results) for group in groups) < PROVISIONAL_BELOW:
        yield (
            "Provisional: claims about training need "
            f"{PROVISIONAL_BELOW} seeds, and some languages have fewer."
        )
    yield (
        f"A seed had {experiment.training.tokens:,} symbols for all its rounds and restarts. What "
        "has no proof was not proven at this budget; that it cannot be is not said."
    )
    yield "A proof is about prefixes of members and the sign of each logit."


def _mark(result: Result) -> Mark:
    seed, certificate = result["trial"]["seed"], result["certificate"]
    if is_proven(result):
        said = f"proven over {certificate['states']:,} pairs of states"
    else:
        said = f"right up to length {_reach(result)}"
    return Mark(
        result["steps"],
        is_proven(result),
        f"{result['trial']['language']}, seed {seed}: {result['steps']:,} batches, {said}",
    )


def _table(groups: Sequence[Group]) -> Table:
    windows = list(groups[0].results[0]["bins"])
    return Table(
        title="Seeds proven right at every length",
        header=[
            "language", "model", "layers", "proven", "95 %", "proofs tried", "restarts", "batches",
            "training", "pairs of states", *(f"right at {dash(window)}" for window in windows),
        ],
        rows=[_line(group, windows) for group in groups],
        note="Smallest and largest of the seeds; training is time by the clock. 95 %: exact "
        "interval of the share of seeds. Right at: % of test strings right at every position, "
        "which is no proof.",
    )  # fmt: skip


def _line(group: Group, windows: Sequence[str]) -> list[str]:
    results = group.results
    low, high = binomial_interval(len(group.proven), len(results))
    seconds = sorted(float(result["seconds"]) for result in results)
    restarts = [result["rounds"][-1]["restart"] for result in results]
    return [
        group.language,
        group.model,
        str(results[0]["trial"]["options"]["layers"]),
        f"{len(group.proven)} of {len(results)}",
        f"{points(low)}–{points(high)}",
        _span(len(result["rounds"]) for result in results),
        _span(iter(restarts)),
        _span(result["steps"] for result in results),
        f"{duration(seconds[0])} – {duration(seconds[-1])}",
        _span(result["certificate"]["states"] for result in results),
        *(_accuracies(results, window) for window in windows),
    ]


def _accuracies(results: Sequence[Result], window: str) -> str:
    found = sorted(_accuracy(result, window)["value"] for result in results)
    if found[0] == found[-1]:
        return points(found[0])
    return f"{points(found[0])}–{points(found[-1])}"


def _accuracy(result: Result, window: str) -> Mapping[str, Any]:
    strings: Mapping[str, Any] = result["bins"][window]["metrics"]["string_accuracy"]
    return strings


def _proofs(groups: Sequence[Group]) -> Table:
    """Trial by trial."""
    rows = []
    for group in groups:
        for trial, result in zip(group.planned, group.results, strict=True):
            certificate = result["certificate"]
            found = certificate["counterexample"]
            rows.append(
                [
                    group.language,
                    str(trial.seed),
                    certificate["status"],
                    f"{certificate['states']:,}",
                    f"{len(result['rounds'])}",
                    found["string"] if found else "",
                    certificate["arithmetic"],
                    certificate["kernel"],
                    trial.hash,
                ]
            )
    return Table(
        title="Certificates",
        header=["language", "seed", "status", "pairs of states", "proofs tried",
                "shortest counterexample", "arithmetic", "kernel", "trial"],
        rows=rows,
        note="`starfree certify RUN:TRIAL LANGUAGE` repeats a proof. COUNTEREXAMPLE beside nothing "
        "is the empty string.",
        page_only=True,
    )  # fmt: skip


def _rows(group: Group, experiment: CertifiedExperiment) -> Iterator[Row]:
    for trial, result in zip(group.planned, group.results, strict=True):
        for window, metric, value, size, low, high in _numbers(result):
            baseline = result["bins"][window]["best_baseline"] if window != ALL_LENGTHS else None
            if metric == "position_accuracy":
                baseline = None
            yield Row(
                experiment=experiment.name,
                language=group.language,
                model=group.model,
                layers=result["trial"]["options"]["layers"],
                protocol="sound",
                train_data=experiment.data.train_distribution,
                test_data=experiment.data.test_distribution,
                seed=trial.seed,
                bin=window,
                metric=metric,
                value=value,
                n=size,
                low=low,
                high=high,
                baseline=baseline["value"] if baseline else None,
                baseline_kind=baseline["kind"] if baseline else "",
                published=None,
                trial_hash=trial.hash,
                commit=result["commit"] or "",
            )


def _numbers(
    result: Result,
) -> Iterator[tuple[str, str, float, int, float | None, float | None]]:
    """Window, metric, value, how many were counted, 95 % interval where there is one."""
    states = int(result["certificate"]["states"])
    yield ALL_LENGTHS, "proven", float(is_proven(result)), states, None, None
    if not is_proven(result):
        yield ALL_LENGTHS, "right_up_to_length", float(_reach(result)), states, None, None
    yield ALL_LENGTHS, "proofs_tried", float(len(result["rounds"])), 1, None, None
    yield ALL_LENGTHS, "batches", float(result["steps"]), 1, None, None
    for window, measured in result["bins"].items():
        for metric, found in measured["metrics"].items():
            yield window, metric, found["value"], found["n"], found.get("low"), found.get("high")
