"""The circuit of a language for a kind of gates, by whichever front end is smallest."""

from __future__ import annotations

from collections import Counter

from starfree.algebra.cascade import Gates, cascade
from starfree.algebra.circuit import Circuit
from starfree.algebra.facts import LARGE_STACK, Facts
from starfree.algebra.templates import template
from starfree.algebra.verdict import Size
from starfree.errors import StarfreeError
from starfree.languages.language import Language
from starfree.languages.stack import BoundedDyck


def circuit(language: Language, gates: Gates = "nonnegative") -> Circuit:
    """The circuit that predicts the language with such gates.

    Counter languages and Dyck(K, h) with many states come from templates, all others from the
    cascade of their automaton.

    Raises:
        NotStarFree: non-negative gates, and the language is regular but not star-free.
        InputError: the gates are too weak in another way.
        ComplexityLimit: the cascade is too large.
    """
    large = isinstance(language, BoundedDyck) and language.live_states > LARGE_STACK
    if language.automaton is None or large:
        return template(language)
    return cascade(language.automaton, gates=gates)


def size_of(made: Circuit) -> Size:
    """Levels, and units by kind; wires hold nothing."""
    kinds = Counter[str](unit.kind for unit in made.units if unit.kind != "wire")
    return Size(max(len(made.levels), 1), dict(kinds))


def circuit_sizes(language: Language, known: Facts) -> dict[str, Size]:
    """For each kind of gates that can do the language, the size of its circuit."""
    if known.star_free or not known.regular:
        made = [circuit(language)]
        if isinstance(language, BoundedDyck):
            made.append(template(language))
        every = min(map(size_of, made), key=lambda size: size.layers)
        return {"nonnegative": every, "signed": every, "rotation": every, "reflection": every}
    sizes: dict[str, Size] = {}
    gates: tuple[Gates, ...] = ("signed", "rotation", "reflection")
    for kind in gates:
        try:
            sizes[kind] = size_of(circuit(language, kind))
        except StarfreeError:
            continue
    return sizes
