"""The transfer experiment in Markdown: which published conclusions stand on other strings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starfree.experiments.plan import make_plan
from starfree.experiments.store import Store
from starfree.experiments.transfer import TransferExperiment
from starfree.report.numbers import dash, points
from starfree.report.sections import Table
from starfree.report.transfer_report import GOOD, Group, gather, matrix_table


def transfer_page(experiment: TransferExperiment, store: Store) -> Iterator[str]:
    """Verdict by verdict, then every number."""
    results = store.results()
    groups = gather(experiment, make_plan(experiment, results), results)
    if not groups:
        yield "Not run yet."
        return
    window = longest_seen(experiment)
    yield from _counts(groups, window)
    yield ""
    yield from _verdicts(groups, window)
    for labels in experiment.labels:
        for window in experiment.data.test_windows:
            yield ""
            yield from _details(matrix_table(groups, experiment, labels, window))


def longest_seen(experiment: TransferExperiment) -> str:
    """The longest test window that training showed: a failure there is none to extrapolate."""
    high = int(experiment.data.train_window.partition("-")[2])
    windows = experiment.data.test_windows
    return [window for window in windows if int(window.partition("-")[2]) <= high][-1]


def _counts(groups: Sequence[Group], window: str) -> Iterator[str]:
    trials = sum(len(group.results) for group in groups)
    learned = [group for group in groups if _on(group, group.trained_on, window) >= GOOD]
    fallen = [group for group in learned if _worst(group, window) < GOOD]
    yield (
        f"{trials} trials at the chosen rates in {len(groups)} cells of training strings, labels, "
        f"language and model. At lengths {dash(window)}, which training showed, {len(learned)} "
        f"reach {points(GOOD)} % of the strings of their own distribution; {len(fallen)} of these "
        "fall below it on another."
    )


def _verdicts(groups: Sequence[Group], window: str) -> Iterator[str]:
    """The models trained on the authors' strings, and beside them those trained on uniform ones."""
    trained = {(g.language, g.model, g.labels, g.trained_on): g for g in groups}
    head = ["language", "model", "labels", "published → published", "→ uniform", "→ hard"]
    head += ["uniform → uniform", "→ hard", "what the published score shows"]
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for (language, model, labels, trained_on), group in trained.items():
        if trained_on != "published":
            continue
        even = trained.get((language, model, labels, "uniform"))
        shown = [_shown(group, name, window) for name in ("published", "uniform", "hard")]
        shown += [_shown(even, name, window) for name in ("uniform", "hard")]
        line = [language, model, labels, *shown, _conclusion(group, even, window)]
        yield "| " + " | ".join(line) + " |"
    yield ""
    yield (
        f"Mean % of strings right at lengths {dash(window)} over seeds, in brackets the seeds' "
        "range; = marks cells that a predictor without state solves on the same strings."
    )


def _conclusion(group: Group, even: Group | None, window: str) -> str:
    if _on(group, "published", window) < GOOD:
        return "not learned even there"
    if _worst(group, window) < GOOD:
        learned = even is not None and _worst(even, window) >= GOOD
        return "not that the state is tracked" + ("; uniform strings teach it" if learned else "")
    if all(_baseline(group, name, window) >= GOOD for name in group.results[0]["tests"]):
        return "right on all, as a predictor without state is"
    return "the state is tracked at these lengths"


def _baseline(group: Group, name: str, window: str) -> float:
    """What the best predictor without state has on the same strings."""
    return float(group.results[0]["tests"][name][window]["best_baseline"]["value"])


def _on(group: Group, name: str, window: str) -> float:
    return group.mean(name, window, "string_accuracy")


def _worst(group: Group, window: str) -> float:
    return min(_on(group, name, window) for name in group.results[0]["tests"])


def _shown(group: Group | None, name: str, window: str) -> str:
    if group is None or name not in group.results[0]["tests"]:
        return "–"
    seeds = group.metric(name, window, "string_accuracy")
    text = points(_on(group, name, window))
    if min(seeds) < max(seeds):
        text += f" ({points(min(seeds))}–{points(max(seeds))})"
    return text + (" =" if _baseline(group, name, window) >= GOOD else "")


def _details(table: Table) -> Iterator[str]:
    yield f"<details><summary>{table.title}</summary>"
    yield ""
    yield "| " + " | ".join(table.header) + " |"
    yield "|" + "---|" * len(table.header)
    for row in table.rows:
        yield "| " + " | ".join(row) + " |"
    yield ""
    yield table.note
    yield ""
    yield "</details>"
