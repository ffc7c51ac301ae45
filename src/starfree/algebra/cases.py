"""Cases and arguments that several rows of the verdict table share."""

from __future__ import annotations

from starfree.algebra.claims import Case
from starfree.algebra.conditions import (
    bounded_stack,
    counter,
    definite,
    last_letter,
    not_regular,
    one,
    regular,
    stack_bits,
    star_free,
)

NO_POSITION = "strict causal masking, no position code"
COUNTS = "right up to the largest exact count: 2^24 in float32, 2^11 in float16, 2^8 in bfloat16"
GATES_ONE = "gates exactly 1"

PROVEN = "the cascade of its automaton, proven equal by a product search when it is compiled"
DYADIC = "the circuit computes with dyadic numbers, which every arithmetic here holds exactly"
FROM_PREFIXES = "whether a letter is legal is membership of the prefix in a language of the class"
TO_MEMBERS = "members are the strings whose every letter is legal: star-free if legal sets are"

STACK = Case(
    bounded_stack, "can", "sarrof2024-dyck", lower=one, circuit="nonnegative", note=stack_bits
)
STAR_FREE = Case(star_free, "can", "sarrof2024", lower=one, circuit="nonnegative")
NO_AUTOMATON = Case(not_regular, "cannot", "finite-memory")
COUNTER = Case(counter, "can", "sarrof2024", GATES_ONE, one, one, "nonnegative")
SATURATED = Case(
    regular,
    "can",
    "merrill2020",
    "",
    one,
    one,
    derived="large weights saturate exactly: tanh rounds to 1 and sigmoid to 0 or 1",
)
WINDOW = (
    Case(last_letter, "can", "last-letter", lower=one, upper=one),
    Case(definite, "can", "alsmann2026", "a window of the last letters", one),
)
