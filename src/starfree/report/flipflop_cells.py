"""What a row of the flip-flop report opens: errors over training, how long a bit keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starfree.report.cell_details import row_details, seed_of
from starfree.report.details import Chart, Dash, Details, DetailTable, Line

Result = Mapping[str, Any]

_DASHES: dict[str, Dash] = {"FFL(0.8)": "solid", "FFL(0.98)": "dashed", "FFL(0.1)": "dotted"}


def flipflop_details(
    label: str, facts: Mapping[str, str], results: Mapping[str, Result]
) -> Details:
    """Everything that is known of the seeds of one row.

    Args:
        label: the row's.
        facts: what the seeds share.
        results: by hash.
    """
    seeds = list(results.values())
    charts = [_errors(seeds, "reads"), _errors(seeds, "strings"), _losses(seeds), _stress(seeds)]
    return row_details("flipflop", label, facts, results, charts, _tests(seeds))


def _errors(seeds: list[Result], measure: str) -> Chart:
    first = seeds[0]["curve"]
    lines = []
    for place, (test, _) in enumerate(first["tests"].items()):
        for result in seeds:
            found = result["curve"]["tests"][test]
            if measure == "reads":
                ys = [wrong / found["reads"] for wrong in found["wrong_reads"]]
            else:
                ys = [1 - right for right in found["right"]]
            lines.append(
                Line(f"{test}, seed {seed_of(result)}", ys, place, _DASHES.get(test, "solid"), test)
            )
    return Chart(
        f"Wrong {measure}", "iterations", f"share of {measure} wrong",
        first["iteration"], lines, log_y=True,
    )  # fmt: skip


def _losses(seeds: list[Result]) -> Chart:
    lines = [
        Line(f"seed {seed_of(result)}", result["curve"]["train_loss"], place)
        for place, result in enumerate(seeds)
    ]
    at = seeds[0]["curve"]["iteration"]
    return Chart("Training loss", "iterations", "loss", at, lines, log_y=True)


def _stress(seeds: list[Result]) -> Chart:
    rows = seeds[0]["stress"]["rows"]
    lines = [
        Line(
            f"seed {seed_of(result)}",
            [wrong / rows for wrong in result["stress"]["wrong"]],
            place,
        )
        for place, result in enumerate(seeds)
    ]
    return Chart(
        "How long the bit keeps",
        "ignored pairs between the write and its read",
        f"share wrong, of {rows} strings",
        seeds[0]["stress"]["ignored"],
        lines,
        percent=True,
        log_x=True,
    )


def _tests(seeds: list[Result]) -> DetailTable:
    header = ["test", "measure", *(f"seed {seed_of(result)}" for result in seeds), "of"]
    header.append("95 % of the first seed")
    rows = [
        [
            test,
            words,
            *(f"{result['bins'][test]['metrics'][metric]['value']:.6g}" for result in seeds),
            f"{measured['metrics'][metric]['n']:,}",
            "{low:.6g} to {high:.6g}".format_map(measured["metrics"][metric]),
        ]
        for test, measured in seeds[0]["bins"].items()
        for metric, words in _MEASURES
    ]
    return DetailTable("After training", header, rows, "Shares between 0 and 1.")


_MEASURES = (("read_error", "wrong reads"), ("string_accuracy", "strings right"))
