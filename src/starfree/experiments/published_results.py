"""Every number the paper published, beside which ours are shown."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class PublishedResult:
    """One published number.

    Attributes:
        experiment: `suite`, `flipflop` or `bounded-dyck`.
        language: the catalog's name.
        layers: None for the transformers, whose depth the source does not give.
        bin: `0`, `1`, `2` (in-length, longer, longer still: the windows differ by language and are
            nominal) or the name of a split.
        value: a rate in 0..1 for metrics that end in `accuracy`, else in the metric's own unit.
        setting: the point of the grid, where it was published.
    """

    experiment: str
    language: str
    model: str
    layers: int | None
    bin: str
    metric: str
    value: float
    setting: str
    source: str

    @property
    def fields(self) -> dict[str, str]:
        """The setting's `name=value` parts: `{"d_model": "60", "learning_rate": "0.001"}`."""
        return dict(part.split("=") for part in self.setting.split() if "=" in part)


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """All of them, in the order of the paper's tables."""
    source = files("starfree.experiments").joinpath("published_results.csv")
    with source.open(encoding="utf-8") as stream:
        return tuple(_parse(row) for row in csv.DictReader(stream))


def _parse(row: Mapping[str, str]) -> PublishedResult:
    return PublishedResult(
        experiment=row["experiment"],
        language=row["language"],
        model=row["model"],
        layers=int(row["layers"]) if row["layers"] else None,
        bin=row["bin"],
        metric=row["metric"],
        value=float(row["value"]),
        setting=row["setting"],
        source=row["source"],
    )


@cache
def _suite_index() -> dict[tuple[str, str, int | None, str], PublishedResult]:
    return {
        (result.language, result.model, result.layers, result.bin): result
        for result in published_results()
        if result.experiment == "suite"
    }


def published_accuracy(
    language: str, model: str, layers: int | None, bin_index: int
) -> PublishedResult | None:
    """The string accuracy in the paper's suite, or None where none was published.

    Args:
        language: the catalog's name.
        model: `mamba` or `transformer` (whose depth was not published: `layers` is ignored).
        layers: of the mamba.
        bin_index: 0 in-length, 1 and 2 longer.
    """
    key = (language, model, None if model == "transformer" else layers, str(bin_index))
    return _suite_index().get(key)
