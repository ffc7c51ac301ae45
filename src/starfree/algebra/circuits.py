"""The circuit of a language for a kind of gates, by whichever front end is smallest."""

from __future__ import annotations

from collections import Counter

from starfree.algebra.cascade import Gates, cascade
from starfree.algebra.circuit import Circuit
from starfree.algebra.claims import Size
from starfree.algebra.facts import LARGE_STACK, Facts
from starfree.algebra.templates import template
from starfree.errors import ComplexityLimit, InputError
from starfree.languages.language import Language
from starfree.languages.stack import BoundedDyck

SIZED_STATES = 5_000
SIZED_SETS = 2_000
SIZED_LEVELS = 64
"""Cascade states, image sets, levels up to which a circuit is built only to tell its size."""


def circuit(language: Language, gates: Gates = "nonnegative") -> Circuit:
    """The circuit that predicts the language with such gates.

    Counter languages and Dyck(K, h) with many states come from templates, all others from the
    cascade of their automaton.

    Raises:
        NotStarFree: non-negative gates, and the language is regular but not star-free.
        InputError: the gates are too weak in another way.
        ComplexityLimit: the cascade is too large.
    """
    if language.automaton is None or _from_template(language):
        return template(language)
    return cascade(language.automaton, gates=gates)


def _from_template(language: Language) -> bool:
    large = isinstance(language, BoundedDyck) and language.live_states > LARGE_STACK
    return large or language.automaton is None


def size_of(made: Circuit) -> Size:
    """Levels, and units by kind; wires hold nothing."""
    kinds = Counter[str](unit.kind for unit in made.units if unit.kind != "wire")
    return Size(max(len(made.levels), 1), dict(kinds))


def circuit_sizes(language: Language, known: Facts) -> dict[str, Size]:
    """For each kind of gates that can do the language, the size of its circuit.

    What takes longer than seconds to build is left out. `recogniser` is right on every string: a
    cascade with a latch on one more level, where a letter can be illegal; templates have none.
    """
    if known.regular and not known.star_free:
        kinds: tuple[Gates, ...] = ("signed", "rotation", "reflection")
        found = {kind: _size(language, kind) for kind in kinds}
        return {kind: size for kind, size in found.items() if size is not None}
    made = _size(language, "nonnegative")
    sizes = {}
    if made is not None and not _from_template(language):
        sizes["recogniser"] = _with_latch(made) if known.sink and known.states else made
    if isinstance(language, BoundedDyck):
        layered = size_of(template(language))
        made = layered if made is None or layered.layers < made.layers else made
    if made is not None:
        sizes |= dict.fromkeys(("nonnegative", "signed", "rotation", "reflection"), made)
    return sizes


def _size(language: Language, gates: Gates) -> Size | None:
    try:
        if language.automaton is None or _from_template(language):
            return size_of(template(language))
        made = cascade(
            language.automaton, "predictive", gates, SIZED_STATES, SIZED_SETS, SIZED_LEVELS
        )
    except (InputError, ComplexityLimit):  # too weak, too large, or no template
        return None
    return size_of(made)


def _with_latch(size: Size) -> Size:
    layers = size.layers + 1 if size.units else 1
    return Size(layers, {**size.units, "reset": size.units.get("reset", 0) + 1})
