"""What a row of the bounded-Dyck report opens: accuracy by distance, losses, every test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starfree.report.cell_details import row_details, seed_of
from starfree.report.details import Chart, Details, DetailTable, Line

Result = Mapping[str, Any]

_MEASURES = (
    ("closing_accuracy", "closes right, over prefixes"),
    ("closing_accuracy_over_distances", "closes right, over distances"),
    ("closing_accuracy_far", "closes right, distance 20 and more"),
)


def bounded_dyck_details(
    label: str, facts: Mapping[str, str], results: Mapping[str, Result]
) -> Details:
    """Everything that is known of the seeds of one point of the grid.

    Args:
        label: the row's.
        facts: what the seeds share.
        results: by hash.
    """
    seeds = list(results.values())
    return row_details(
        "bounded dyck",
        label,
        facts,
        results,
        [_distances(seeds), _losses(seeds)],
        _tests(seeds),
        title=f"layers, width, rate: {label}",
    )


def _distances(seeds: list[Result]) -> Chart:
    lines = [
        Line(
            f"{test}, seed {seed_of(result)}",
            [right / total for right, total in measured["by_distance"].values()],
            colour=place,
            group=test,
            at=[int(start) + 1 for start in measured["by_distance"]],
        )
        for result in seeds
        for place, (test, measured) in enumerate(result["bins"].items())
    ]
    return Chart(
        "Accuracy by distance", "symbols since the bracket was opened, itself counted",
        "closes right", (), lines, percent=True, log_x=True,
    )  # fmt: skip


def _losses(seeds: list[Result]) -> Chart:
    lines = [
        Line(
            f"{words}, seed {seed_of(result)}",
            [point[key] for point in result["curve"]],
            colour=place,
            group=words,
            at=[point["tokens"] for point in result["curve"]],
        )
        for result in seeds
        for place, (key, words) in enumerate(
            (("validation_loss", "dev"), ("train_loss", "training"))
        )
    ]
    return Chart("Learning curves", "training tokens", "loss, nats a symbol", (), lines)


def _tests(seeds: list[Result]) -> DetailTable:
    header = ["test", "measure", *(f"seed {seed_of(result)}" for result in seeds), "of at most"]
    rows = []
    for test, measured in seeds[0]["bins"].items():
        for metric, words in _MEASURES:
            values = [result["bins"][test][metric] for result in seeds]
            shown = ["" if value is None else f"{100 * value:.2f}" for value in values]
            ceiling = f"{100 * measured['ceiling']:.2f}" if metric == "closing_accuracy" else ""
            rows.append([test, words, *shown, ceiling])
    return DetailTable("Every test", header, rows, "%. Of at most: what a perfect model scores.")
