"""Everything that the algebra says of a language: `starfree classify`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starfree.algebra.aperiodicity import DEFAULT_IMAGE_LIMIT, Witness
from starfree.algebra.circuits import circuit_sizes
from starfree.algebra.facts import facts
from starfree.algebra.groups import Group
from starfree.algebra.verdict import Size, Verdict, verdicts
from starfree.languages.language import Language


@dataclass(frozen=True, eq=False)
class Classification:
    """What `classify` found; None where it is undecided or does not apply.

    Attributes:
        states: live states of the minimal automaton.
        sink: whether a letter can be illegal.
        monoid: size of the syntactic monoid, with the identity.
        witness: why the language is not star-free; None iff star-free or a counter language.
        groups: the non-trivial groups of the monoid, with their invariants.
        definiteness: predictive k: the legal set depends on the last k letters only.
        classes: star_free, definite, locally_testable, j_trivial, r_trivial, l_trivial, da,
            dot_depth_one.
        circuits: for each kind of gates, the size of the circuit that the compiler has.
        accepted_in_cycle: for n below the witness's period, whether u w^n v is a member.
        undecided: for each search that reached its limit, what was visited and what is known.
    """

    language: str
    alphabet: tuple[str, ...]
    states: int | None
    sink: bool | None
    monoid: int | None
    star_free: bool | None
    witness: Witness | None
    groups: tuple[Group, ...] | None
    definiteness: int | None
    classes: Mapping[str, bool | None]
    circuits: Mapping[str, Size]
    verdicts: tuple[Verdict, ...]
    accepted_in_cycle: tuple[bool, ...] = ()
    undecided: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The object of `classify --json`."""
        witness = None
        if self.witness is not None:
            witness = {
                "u": [self.alphabet[letter] for letter in self.witness.u],
                "w": [self.alphabet[letter] for letter in self.witness.w],
                "v": [self.alphabet[letter] for letter in self.witness.v],
                "period": self.witness.period,
            }
        return {
            "format": 1,
            "language": self.language,
            "alphabet": list(self.alphabet),
            "states": self.states,
            "sink": self.sink,
            "monoid": self.monoid,
            "star_free": self.star_free,
            "witness": witness,
            "groups": None if self.groups is None else [g.to_json() for g in self.groups],
            "definiteness": self.definiteness,
            "classes": dict(self.classes),
            "undecided": list(self.undecided),
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
        }


def classify(language: Language, max_images: int = DEFAULT_IMAGE_LIMIT) -> Classification:
    """Decide everything about a language that the limits allow.

    Args:
        language: any language; one without an automaton carries its class by definition.
        max_images: limit of the image orbit; beyond it `star_free` and what follows are None.
    """
    known = facts(language, max_images)
    sizes = circuit_sizes(language, known)
    return Classification(
        language=language.name,
        alphabet=language.alphabet,
        states=known.states,
        sink=known.sink,
        monoid=known.monoid,
        star_free=known.star_free,
        witness=known.witness,
        groups=known.groups,
        definiteness=known.definiteness,
        classes=known.classes,
        circuits=sizes,
        verdicts=verdicts(known, sizes),
        accepted_in_cycle=_accepted_in_cycle(language, known.witness),
        undecided=known.undecided,
    )


def _accepted_in_cycle(language: Language, witness: Witness | None) -> tuple[bool, ...]:
    if witness is None:
        return ()
    words = ((*witness.u, *witness.w * n, *witness.v) for n in range(witness.period))
    return tuple(language.accepts(word) for word in words)
