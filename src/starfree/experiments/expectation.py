"""What theory lets one expect of a cell: the one seam between reports and the verdict table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from starfree.algebra.verdict import Verdict, expected, expected_of_window
from starfree.errors import StarfreeError
from starfree.languages.catalog import language
from starfree.languages.language import Language

Answer = Literal["can", "cannot", "open"]


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


@dataclass(frozen=True)
class Kind:
    """A model between the architectures of the verdict table.

    Attributes:
        within: architectures that contain it: what one of them cannot, it cannot.
        contains: what all of these can (by one construction), it can.
        position: code of a transformer.
        window: it is a map of so many last symbols, and nothing else is asked.
    """

    within: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    position: str = "none"
    window: int = 0

    def judge(self, asked: Language) -> Verdict | None:
        """The verdict, or None where nothing is known."""
        if self.window:
            return expected_of_window(asked, self.window)
        above = [expected(asked, name, self.position) for name in self.within]
        below = [expected(asked, name, self.position) for name in self.contains]
        for verdict in above:
            if verdict.answer == "cannot":
                return verdict
        if below and all(verdict.answer == "can" for verdict in below):
            return below[0]
        return next((verdict for verdict in above if verdict.answer == "open"), None)


def exactly(architecture: str, position: str = "none") -> Kind:
    """An architecture of the table."""
    return Kind((architecture,), (architecture,), position)


def _mamba(options: Mapping[str, Any]) -> Kind:
    if not options.get("recurrence", True):
        return Kind(window=int(options["layers"]) * (int(options["d_conv"]) - 1) + 1)
    return exactly("signed" if options.get("gates") == "signed" else "mamba")


_KINDS: dict[str, Callable[[Mapping[str, Any]], Kind]] = {
    "mamba": _mamba,
    "transformer": lambda options: exactly("transformer", str(options.get("position", "none"))),
    "lstm": lambda options: exactly("lstm"),
}


def expectation(reference: str, task: str, model: str, options: Mapping[str, Any]) -> Expectation:
    """Theory's answer for a language and a model of the registry.

    Args:
        reference: of the language.
        task: theory is asked about `predict`; the authors' labels are a function of legal sets.
        model: the registry's name.
        options: the model's, every default explicit.
    """
    if task not in ("predict", "published") or model not in _KINDS:
        return OPEN
    return _expected(reference, _KINDS[model](options))


@lru_cache(maxsize=1_024)
def _expected(reference: str, kind: Kind) -> Expectation:
    try:
        verdict = kind.judge(language(reference))
    except StarfreeError:
        return OPEN  # a file that is no longer there, or an automaton beyond the limits
    if verdict is None:
        return OPEN
    conditions = "; ".join(text for text in (verdict.arithmetic, verdict.conditions) if text)
    return Expectation(verdict.answer, conditions, verdict.reference)
