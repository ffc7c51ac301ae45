"""What searches beyond the test strings found of trained models, as the page says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starfree.experiments.refuting import words
from starfree.report.details import Example, shortened

Refutation = Mapping[str, Any]  # of a refutation.json

LONGEST = 400  # symbols of a wrong string that is written out


def is_wrong(found: Refutation) -> bool:
    """Whether a wrong string was found."""
    return bool(found["status"] == "COUNTEREXAMPLE")


def refuted_note(seed: int, found: Refutation, solved_at: int | None) -> str:
    """`Seed 0: solved@1,000 in every window, wrong at length 1,875 on w1 (i0)^936 r.`

    Args:
        seed: of the trial.
        found: its refutation.
        solved_at: strings of the smallest window if it solved all windows, else None.
    """
    tests = "" if solved_at is None else f"solved@{solved_at:,} in every window, "
    return f"Seed {seed}: {tests}{words(found)}."


def refuted_words(found: Iterable[Refutation], solved_at: int | None) -> list[str]:
    """The same of all seeds of a cell in a few words; what several seeds share is said once."""
    tests = "" if solved_at is None else f"solved@{solved_at:,}, but "
    return list(dict.fromkeys((tests if is_wrong(one) else "") + words(one) for one in found))


def refuted_examples(found: Mapping[int, Refutation]) -> Sequence[Example]:
    """The wrong strings, by seed; long ones as powers."""
    examples = []
    for seed, one in found.items():
        if not is_wrong(one):
            continue
        where = f"seed {seed}, searched"
        wrong = one["counterexample"]
        if wrong["position"] <= LONGEST:
            examples.append(shortened(wrong, where))
        else:
            length = wrong["position"]
            expected, given = wrong["expected"], wrong["given"]
            examples.append(Example(where, one["word"], "", length, length, expected, given))
    return examples
