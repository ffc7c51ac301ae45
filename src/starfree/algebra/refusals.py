"""What gates cannot do, in sentences, and which can."""

from __future__ import annotations

from collections.abc import Sequence

from starfree.algebra.aperiodicity import Witness, decide
from starfree.algebra.groups import Group
from starfree.errors import InputError
from starfree.languages.automaton import Automaton

SHOWN = 4
"""Strings u w^n v that a sentence shows."""


class NotStarFree(InputError):
    """The language needs more than non-negative gates; carries the witness."""

    def __init__(self, message: str, witness: Witness) -> None:
        super().__init__(message)
        self.witness = witness


class NotSolvable(InputError):
    """The language needs a group of this order that no rotations compose."""

    def __init__(self, order: int, target: str) -> None:
        super().__init__(
            f"{target} gates do solvable groups only, and this language needs a group of order "
            f"{order} that is not solvable; choose the target reflection"
        )
        self.order = order


class NotTwoGroup(InputError):
    """The language needs a group that sign flips do not compose."""

    def __init__(self, order: int, able: str) -> None:
        super().__init__(
            f"signed gates do groups of order 2, 4, 8, .. only, and this language needs one of "
            f"order {order}; choose the target {able}"
        )
        self.order = order


def able(groups: Sequence[Group]) -> str:
    """The targets that can do all of these groups: ``rotation or reflection``."""
    found = ["reflection"]
    if all(group.solvable for group in groups):
        found.insert(0, "rotation")
    if all(group.is_2_group for group in groups):
        found.insert(0, "signed")
    return " or ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def not_star_free(automaton: Automaton, groups: Sequence[Group]) -> NotStarFree:
    """The witness as strings that are members and are not, in a cycle.

    Args:
        automaton: of a language that is not star-free.
        groups: that its cascade needs.
    """
    witness = decide(automaton).witness
    if witness is None:
        raise AssertionError("a group level in the cascade of an aperiodic automaton")
    shown: list[str] = []
    for power in range(SHOWN):
        word = [*witness.u, *witness.w * power, *witness.v]
        verb = "is" if automaton.accepts(word) else "is not"
        member = "" if shown else " a member"
        shown.append(f"{_written(automaton, word)} {verb}{member}")
    return NotStarFree(
        f"not star-free: {', '.join(shown)}, and so on for ever in a cycle of {witness.period}, "
        "which a non-negative gate cannot follow: it settles where a word repeats; choose the "
        f"target {able(groups)}",
        witness,
    )


def _written(automaton: Automaton, word: Sequence[int]) -> str:
    if not word:
        return "the empty string"
    joint = "" if all(len(symbol) == 1 for symbol in automaton.alphabet) else " "
    return repr(joint.join(automaton.alphabet[letter] for letter in word))
