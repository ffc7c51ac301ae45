"""What theory lets one expect of a cell: `algebra.verdict`, for the models that reports know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from starfree.algebra.theorems import theorem
from starfree.algebra.verdict import expected
from starfree.errors import StarfreeError
from starfree.languages.catalog import language as named

Answer = Literal["can", "cannot", "open"]

_ARCHITECTURES = ("mamba", "transformer", "lstm")


@dataclass(frozen=True)
class Expectation:
    """Whether weights exist that are right at every length; nothing about learning them.

    Attributes:
        conditions: the arithmetic and the variant it holds under.
        source: the theorem; empty where none is known.
    """

    answer: Answer
    conditions: str
    source: str


OPEN = Expectation("open", "no theorem covers it", "")


def expectation(language: str, model: str, options: Mapping[str, Any]) -> Expectation:
    """Theory's answer for task `predict` under the sign reading, with p fractional bits.

    Args:
        language: a reference, as `catalog.language` takes it.
        model: the registry's name; a user's own model is `open`.
        options: the model's, every default explicit.
    """
    if model not in _ARCHITECTURES:
        return OPEN
    return _expected(language, model, str(options.get("position", "none")))


@lru_cache(maxsize=1024)
def _expected(language: str, model: str, position: str) -> Expectation:
    try:
        verdict = expected(named(language), model, position)
    except StarfreeError:
        return OPEN  # too large to decide, or the file of a `dfa:` language has gone
    source = theorem(verdict.theorem).reference if verdict.theorem else ""
    conditions = "; ".join(part for part in (verdict.arithmetic, verdict.conditions) if part)
    return Expectation(verdict.answer, conditions, source)
