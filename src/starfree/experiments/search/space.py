"""What is searched: values of model options and training settings, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from starfree.experiments.spec import Option, Strict
from starfree.training.settings import TrainSettings

Point = Mapping[str, Option]
"""A value for each name of a space."""

TRAINING = frozenset(TrainSettings.model_fields)
SHARED = frozenset(("tokens", "evaluations", "validation_strings", "bin_strings", "early_stop"))
"""Settings that are the same for all that is compared: the budget, and what is looked at."""


class Range(Strict):
    """Every number from `low` to `high`: whole numbers if both are whole.

    Attributes:
        log: evenly spread over the logarithm.
    """

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.high <= self.low:
            raise ValueError(f"high ({self.high:g}) must be above low ({self.low:g})")
        if self.log and self.low <= 0:
            raise ValueError(f"with log, low ({self.low:g}) must be above 0")
        return self


def _form(value: Any) -> str | None:
    if isinstance(value, Range | dict):
        return "range"
    return "list" if isinstance(value, list | tuple) else None


Axis = Annotated[
    Annotated[Range, Tag("range")]
    | Annotated[Annotated[tuple[Option, ...], Field(min_length=1)], Tag("list")],
    Discriminator(
        _form,
        custom_error_type="axis",
        custom_error_message="Give a list of values, or a range such as {low: 1, high: 8}",
    ),
]
"""The values of one name: a list, or a range."""

Space = dict[str, Axis]


def examples(axis: Axis) -> tuple[Option, ...]:
    """Values that show whether an axis is allowed: all of a list, the ends of a range."""
    return (axis.low, axis.high) if isinstance(axis, Range) else axis


def grid(space: Mapping[str, tuple[Option, ...]]) -> Iterator[Point]:
    """Every combination, the last name changing fastest.

    >>> list(grid({"layers": (1, 2), "norm": ("rms",)}))
    [{'layers': 1, 'norm': 'rms'}, {'layers': 2, 'norm': 'rms'}]
    """
    for values in product(*space.values()):
        yield dict(zip(space, values, strict=True))
