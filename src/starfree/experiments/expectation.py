"""What theory lets one expect of a cell, until `algebra` computes it: one table, one function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Answer = Literal["can", "cannot", "open"]

STAR_FREE = "star-free"
NOT_STAR_FREE = "not star-free"
COUNTER = "counter"

_SARROF = "Sarrof, Veitsman, Hahn 2024 (2405.17394)"
_LI = "Li, Cotterell 2025 (2505.23623)"
_WEISS = "Weiss, Goldberg, Yahav 2018; Merrill et al. 2020"
_BHATTAMISHRA = "Bhattamishra, Ahuja, Goyal 2020 (2009.11264)"

_FINITE = "finite precision"
_COUNTING = "finite precision, unbounded integer part"

# The suite's R-trivial languages: past temporal logic with one operator (Li, Cotterell 2025).
_R_TRIVIAL = {"tomita-1", "tomita-7", "aabbccddee", "ab-d-bc"}
# Every string is a prefix of a member, so that predicting the end is recognising the language.
_WITHOUT_SINK = {"parity", "aa-star", "aaaa-star", "tomita-5", "tomita-6", "012-02"}
_UNIFORM_COUNTING = {"dyck-1", "shuffle-2", "shuffle-4", "shuffle-6", "boolean-3", "boolean-5"}


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


def expectation(
    language: str, language_class: str | None, model: str, options: Mapping[str, Any]
) -> Expectation:
    """Theory's answer for task `predict`.

    Args:
        language: the catalog's name.
        language_class: as in the catalog; None if not known.
        model: the registry's name.
        options: the model's, every default explicit.
    """
    if language_class is None:
        return OPEN
    if model == "mamba":
        return {
            STAR_FREE: Expectation("can", _FINITE, _SARROF),
            NOT_STAR_FREE: Expectation("cannot", f"{_FINITE}, gates >= 0", _SARROF),
            COUNTER: Expectation("can", _COUNTING, _SARROF),
        }.get(language_class, OPEN)
    if model == "lstm":
        condition = _COUNTING if language_class == COUNTER else _FINITE
        return Expectation("can", condition, _WEISS)
    if model == "transformer":
        return _of_transformer(language, options.get("position"))
    return OPEN


def _of_transformer(language: str, position: object) -> Expectation:
    soft = f"{_FINITE}, softmax, no position code"
    if language in _UNIFORM_COUNTING:
        return Expectation("can", "uniform attention counts, precision grows", _BHATTAMISHRA)
    if position != "none":
        return OPEN
    if language in _R_TRIVIAL:
        return Expectation("can", soft, _LI)
    if language in _WITHOUT_SINK:
        return Expectation("cannot", soft, _LI)
    return OPEN
