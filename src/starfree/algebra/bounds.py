"""How much the templates hold beside what any model must: state bits, and the range of counts."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from starfree.algebra.circuit import Circuit
from starfree.errors import InputError
from starfree.languages.counters import BooleanExpressions, EqualBlocks, Shuffle
from starfree.languages.language import Language
from starfree.languages.stack import BoundedDyck

MANTISSAS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
"""Significant bits p of a float: all integers up to 2^p are exact, 2^p + 1 is not."""


@dataclass(frozen=True)
class StackBits:
    """What the two-layer template of Dyck(K, h) holds.

    Attributes:
        units: numbers in its state, 1 + h ceil(log2 K).
        held: log2 of how many states these have, (h + 1) 2^(h ceil(log2 K)).
        needed: log2 of the live states of the minimal automaton; no online model does with fewer
            states (Hewitt et al. 2020).
    """

    units: int
    held: float
    needed: float


def stack_bits(language: BoundedDyck) -> StackBits:
    """State bits of the template beside the information bound.

    >>> bits = stack_bits(BoundedDyck("dyck-8-10", 8, 10))
    >>> bits.units, round(bits.held, 2), round(bits.needed, 2)
    (31, 33.46, 30.19)
    """
    registers = language.depth * (language.types - 1).bit_length()
    held = log2(language.depth + 1) + registers
    return StackBits(1 + registers, held, log2(language.live_states))


def exact_length(language: Language, largest: int) -> int:
    """Up to which length no prefix of a member counts beyond the largest exact integer.

    At this length plus one some prefix does.

    >>> exact_length(Shuffle("dyck-1", 1), 256), exact_length(BooleanExpressions("b", 5), 256)
    (256, 63)

    Raises:
        InputError: not a counter language.
    """
    match language:
        case Shuffle() | EqualBlocks():
            return largest  # one symbol adds 1
        case BooleanExpressions():
            # One operand is owed at first, and an operator of arity N owes N - 1 more.
            return (largest - 1) // (language.arity - 1)
    raise InputError(f"{language.name}: not a counter language")


def remarks(circuit: Circuit, language: Language) -> list[str]:
    """What `compile` says of a template: its state beside the bound, or how far it counts."""
    counters = sum(unit.kind == "counter" for unit in circuit.units)
    if not counters:
        return []
    size = f"{len(circuit.levels)} layer{'s' if len(circuit.levels) > 1 else ''}"
    if isinstance(language, BoundedDyck):
        bits = stack_bits(language)
        return [
            f"{size}, {bits.units} state units, which hold {bits.held:.2f} bits; "
            f"no online model does with fewer than {bits.needed:.2f}"
        ]
    lengths = {name: exact_length(language, 2**bits) for name, bits in MANTISSAS.items()}
    told = ", ".join(f"{length:,} in {name}" for name, length in lengths.items())
    plural = "s" if counters > 1 else ""
    return [f"{size}, {counters} counter{plural} with A = 1, exact up to length {told}"]
