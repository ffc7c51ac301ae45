"""What theory lets one expect of a cell: the one seam between reports and the verdict table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from starfree.algebra.verdict import expected
from starfree.errors import StarfreeError
from starfree.languages.catalog import language

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


def expectation(reference: str, task: str, model: str, options: Mapping[str, Any]) -> Expectation:
    """Theory's answer for a language and a model of the registry.

    Args:
        reference: of the language.
        task: theory is asked about `predict`; the authors' labels are a function of legal sets.
        model: the registry's name.
        options: the model's, every default explicit.
    """
    if task not in ("predict", "published") or model not in _ARCHITECTURES:
        return OPEN
    return _expected(reference, model, str(options.get("position", "none")))


@lru_cache(maxsize=1_024)
def _expected(reference: str, architecture: str, position: str) -> Expectation:
    try:
        verdict = expected(language(reference), architecture, position)
    except StarfreeError:
        return OPEN  # a file that is no longer there, or an automaton beyond the limits
    conditions = "; ".join(text for text in (verdict.arithmetic, verdict.conditions) if text)
    return Expectation(verdict.answer, conditions, verdict.reference)
