"""What a search beyond the test strings found of a trained model, from beside its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starfree.experiments.store import Store
from starfree.report.details import Example, shortened

FILE = "refutation.json"


@dataclass(frozen=True)
class Refutation:
    """The outcome of `starfree refute` on a trial's weights.

    Attributes:
        status: COUNTEREXAMPLE, PROVEN_ALL_LENGTHS, PROVEN_UP_TO or UNKNOWN.
        length: of the counterexample; else up to which all strings are right.
        example: the counterexample, None if there is none.
    """

    status: str
    length: int | None
    family: str
    example: Example | None

    @property
    def wrong(self) -> bool:
        """Whether a wrong string was found."""
        return self.status == "COUNTEREXAMPLE"

    @property
    def words(self) -> str:
        """`wrong at length 1,875 on w1 (i0)^936 r`."""
        at = "" if self.length is None else f"{self.length:,}"
        if self.wrong:
            return "wrong" + (f" at length {at}" if at else "") + self._on
        if self.status == "PROVEN_ALL_LENGTHS":
            return "proven right at every length"
        up_to = f" (all strings up to length {at} are right)" if at else ""
        return f"no wrong string found beyond the tests{up_to}"

    @property
    def _on(self) -> str:
        return f" on {self.family}" if self.family else ""


def read_refutation(store: Store, trial_hash: str) -> Refutation | None:
    """What stands in the trial's folder; None if nothing does, or nothing that can be read."""
    try:
        text = (store.trial_folder(trial_hash) / FILE).read_text(encoding="utf-8")
        found = json.loads(text)
        return _parse(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _parse(found: Mapping[str, Any]) -> Refutation:
    counterexample = found.get("counterexample")
    if counterexample is None and "string" in found:
        counterexample = found
    example = None if counterexample is None else shortened(counterexample, "search")
    length = found.get("length")
    if length is None and example is not None:
        length = example.length
    return Refutation(str(found["status"]), length, _spelled(found.get("family")), example)


def _spelled(family: object) -> str:
    """`u (w)^n v`; a family that is already words stays."""
    if not isinstance(family, Mapping):
        return family if isinstance(family, str) else ""
    if "w" not in family or "n" not in family:
        return ""
    return f"{family.get('u', '')} ({family['w']})^{family['n']} {family.get('v', '')}".strip()
