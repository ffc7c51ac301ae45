"""Every named language, and `language(reference)`: one door for names, notations and files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from starfree.errors import InputError
from starfree.languages.automaton import Automaton
from starfree.languages.copying import Copy
from starfree.languages.counters import BooleanExpressions, EqualBlocks, Shuffle
from starfree.languages.language import Language
from starfree.languages.recall import AssociativeRecall
from starfree.languages.regular import RegularLanguage
from starfree.languages.stack import AUTOMATON_STATES, BoundedDyck
from starfree.languages.undo import UndoFlipFlop

RECALL_STATES = 1_000
"""Larger automata of recall-K-V-Q are not built."""

LanguageClass = Literal["star-free", "not star-free", "counter", "context-sensitive"]


@dataclass(frozen=True)
class CatalogEntry:
    """A named language.

    Attributes:
        name: what `language()` takes.
        title: mathematical notation.
        language_class: star-free, not star-free (regular), counter, or context-sensitive.
        in_suite: one of the 27 languages of Bhattamishra et al. 2020 that the paper trains on.
    """

    name: str
    title: str
    language_class: LanguageClass
    in_suite: bool = True


SUITE = (
    CatalogEntry("tomita-1", "1*", "star-free"),
    CatalogEntry("tomita-2", "(10)*", "star-free"),
    CatalogEntry("tomita-4", "no factor 000", "star-free"),
    CatalogEntry("tomita-7", "0*1*0*1*", "star-free"),
    CatalogEntry("d-2", "(a(ab)*b)*", "star-free"),
    CatalogEntry("d-3", "(a D_2 b)*", "star-free"),
    CatalogEntry("d-4", "(a D_3 b)*", "star-free"),
    CatalogEntry("d-12", "(a D_11 b)*", "star-free"),
    CatalogEntry("aabbccddee", "aa*bb*cc*dd*ee*", "star-free"),
    CatalogEntry("ab-d-bc", "{a,b}*d{b,c}*", "star-free"),
    CatalogEntry("012-02", "{0,1,2}*02*", "star-free"),
    CatalogEntry("parity", "an even number of 1", "not star-free"),
    CatalogEntry("aa-star", "(aa)*", "not star-free"),
    CatalogEntry("aaaa-star", "(aaaa)*", "not star-free"),
    CatalogEntry("abab-star", "(abab)*", "not star-free"),
    CatalogEntry(
        "tomita-3", "no odd block of 1 directly before an odd block of 0", "not star-free"
    ),
    CatalogEntry("tomita-5", "even numbers of 0 and of 1", "not star-free"),
    CatalogEntry("tomita-6", "#0 - #1 = 0 mod 3", "not star-free"),
    CatalogEntry("dyck-1", "balanced ( )", "counter"),
    CatalogEntry("shuffle-2", "2 balanced pairs, any interleaving", "counter"),
    CatalogEntry("shuffle-4", "4 balanced pairs, any interleaving", "counter"),
    CatalogEntry("shuffle-6", "6 balanced pairs, any interleaving", "counter"),
    CatalogEntry("boolean-3", "prefix expressions, arities 1..3", "counter"),
    CatalogEntry("boolean-5", "prefix expressions, arities 1..5", "counter"),
    CatalogEntry("anbn", "a^n b^n, n >= 1", "counter"),
    CatalogEntry("anbncn", "a^n b^n c^n, n >= 1", "counter"),
    CatalogEntry("anbncndn", "a^n b^n c^n d^n, n >= 1", "counter"),
)

BEYOND_SUITE = (
    CatalogEntry("flipflop", "the bit after r is the last one written", "star-free", False),
    CatalogEntry("undo-flipflop-3", "flip-flop; u pops the last write", "star-free", False),
    CatalogEntry("dyck-2-4", "2 bracket types, depth <= 4", "star-free", False),
    CatalogEntry("dyck-8-10", "8 bracket types, depth <= 10", "star-free", False),
    CatalogEntry("z-3", "sum = 0 mod 3", "not star-free", False),
    CatalogEntry("s3", "products of generators of S3 that are 1", "not star-free", False),
    CatalogEntry("a5", "products of generators of A5 that are 1", "not star-free", False),
    CatalogEntry("s5", "products of generators of S5 that are 1", "not star-free", False),
    CatalogEntry("copy-2", "w # w, w of 2 letters, not empty", "context-sensitive", False),
    CatalogEntry("recall-2-2", "pairs of 2 keys, 2 values; 1 query", "star-free", False),
)

FAMILIES = (
    *("d-N", "shuffle-K", "boolean-N", "z-N", "dyck-K-H", "undo-flipflop-H", "copy-K"),
    *("recall-K-V", "recall-K-V-Q"),
)

_FINITE: dict[str, Callable[[], Automaton]] = {
    "tomita-1": lambda: _from_rows("01", {"A": "- A"}, "A", "A"),
    "tomita-2": lambda: _from_rows("01", {"even": "- odd", "odd": "even -"}, "even", "even"),
    "tomita-3": lambda: _from_rows(
        # O: inside an odd block of 1; Z1, Z0: odd and even blocks of 0 after an odd block of 1.
        "01",
        {"E": "E O", "O": "Z1 E", "Z1": "Z0 -", "Z0": "Z1 O"},
        "E",
        "E O Z0",
    ),
    "tomita-4": lambda: _from_rows("01", {"0": "1 0", "1": "2 0", "2": "- 0"}, "0", "0 1 2"),
    "tomita-5": lambda: _from_rows(
        "01", {"00": "10 01", "10": "00 11", "01": "11 00", "11": "01 10"}, "00", "00"
    ),
    "tomita-6": lambda: _from_rows("01", {"0": "1 2", "1": "2 0", "2": "0 1"}, "0", "0"),
    "tomita-7": lambda: _from_rows(
        "01", {"A": "A B", "B": "C B", "C": "C D", "D": "- D"}, "A", "A B C D"
    ),
    "parity": lambda: _from_rows("01", {"even": "even odd", "odd": "odd even"}, "even", "even"),
    "aa-star": lambda: _from_rows("a", {"0": "1", "1": "0"}, "0", "0"),
    "aaaa-star": lambda: _from_rows("a", {"0": "1", "1": "2", "2": "3", "3": "0"}, "0", "0"),
    "abab-star": lambda: _from_rows(
        "ab", {"0": "1 -", "1": "- 2", "2": "3 -", "3": "- 0"}, "0", "0"
    ),
    "aabbccddee": lambda: _from_rows(
        "abcde",
        {
            "0": "a - - - -",
            "a": "a b - - -",
            "b": "- b c - -",
            "c": "- - c d -",
            "d": "- - - d e",
            "e": "- - - - e",
        },
        "0",
        "e",
    ),
    "ab-d-bc": lambda: _from_rows(
        "abcd", {"before": "before before - after", "after": "- after after -"}, "before", "after"
    ),
    "012-02": lambda: _from_rows("012", {"no": "yes no no", "yes": "yes no yes"}, "no", "yes"),
    "flipflop": lambda: _from_rows(
        # M: an instruction is next; the digit is the bit in memory. W, I, R: a bit is next.
        ("w", "r", "i", "0", "1"),
        {
            "S": "W - - - -",
            "W": "- - - M0 M1",
            "M0": "W R0 I0 - -",
            "M1": "W R1 I1 - -",
            "R0": "- - - M0 -",
            "R1": "- - - - M1",
            "I0": "- - - M0 M0",
            "I1": "- - - M1 M1",
        },
        "S",
        "M0 M1",
    ),
    "s3": lambda: _word_problem([(1, 0, 2), (1, 2, 0)]),
    "a5": lambda: _word_problem([(1, 2, 0, 3, 4), (1, 2, 3, 4, 0)]),
    "s5": lambda: _word_problem([(1, 0, 2, 3, 4), (1, 2, 3, 4, 0)]),
}

_EQUAL_BLOCKS = {"anbn": 2, "anbncn": 3, "anbncndn": 4}


def entries() -> tuple[CatalogEntry, ...]:
    """The catalog: the 27 languages of the suite, then the others and one of each family."""
    return SUITE + BEYOND_SUITE


def language_class(name: str) -> LanguageClass | None:
    """The class of a catalog name or family member; None for a notation or a file."""
    for entry in entries():
        if entry.name == name:
            return entry.language_class
    family = name.split("-")[0]
    if family in ("d", "dyck", "undo", "recall"):
        return "star-free"
    if family == "copy":
        return "context-sensitive"
    if family in ("shuffle", "boolean"):
        return "counter"
    return "not star-free" if family == "z" and name != "z-1" else None


def language(reference: str) -> Language:
    """The language that a reference names.

    Args:
        reference: a catalog name (`tomita-4`, `d-12`, `dyck-8-10`), or `regex:...`, `pltl:...`,
            `dfa:FILE.json`.

    Raises:
        InputError: no such language, or a malformed notation or file; says what is near.

    Example:
        >>> language("parity").accepts([1, 0, 1])
        True
    """
    if reference.startswith("dfa:"):
        return _written(reference)  # not cached: the file may change
    return _cached(reference)


@lru_cache(maxsize=256)
def _cached(reference: str) -> Language:
    if reference.startswith(("regex:", "pltl:")):
        return _written(reference)
    if reference in _FINITE:
        return RegularLanguage(reference, _FINITE[reference]())
    if reference in _EQUAL_BLOCKS:
        return EqualBlocks(reference, _EQUAL_BLOCKS[reference])
    if reference == "dyck-1":
        return Shuffle(reference, 1)
    member = re.fullmatch(
        r"(d|shuffle|boolean|z|undo-flipflop|copy)-(\d+)|(dyck|recall)-(\d+)-(\d+)(?:-(\d+))?",
        reference,
    )
    if member is None or (member[3] == "dyck" and member[6]):
        raise _unknown(reference)
    if member[3] == "dyck":
        return BoundedDyck(reference, int(member[4]), int(member[5]))
    if member[3]:
        return _recall(reference, int(member[4]), int(member[5]), int(member[6] or 1))
    size = int(member[2])
    if size < 1:
        raise InputError(f"{reference}: the number must be at least 1")
    match member[1]:
        case "d":
            return RegularLanguage(reference, _bounded_depth(reference, size))
        case "shuffle":
            return Shuffle(reference, size)
        case "boolean":
            return BooleanExpressions(reference, size)
        case "z":
            return RegularLanguage(reference, _cyclic(reference, size))
        case "copy":
            return Copy(reference, size)
        case _:
            return _undo_flipflop(reference, size)


def _written(reference: str) -> Language:
    from starfree.languages.notation import parse  # not needed for names; imports the parser

    notation, _, text = reference.partition(":")
    return parse(notation, text, reference)


def _unknown(reference: str) -> InputError:
    names = [entry.name for entry in entries()]
    near = difflib.get_close_matches(reference, names, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return InputError(
        f"unknown language {reference!r}{hint} (`starfree languages` lists the names; families "
        f"{', '.join(FAMILIES)}; or regex:..., pltl:..., dfa:FILE.json)"
    )


def _check_size(name: str, states: int) -> None:
    if states > 10 * AUTOMATON_STATES:
        raise InputError(
            f"{name}: {states} states; automata of named languages stop at {10 * AUTOMATON_STATES}"
        )


def _bounded_depth(name: str, depth: int) -> Automaton:
    """D_n = (a D_{n-1} b)*: the state is the depth."""
    _check_size(name, depth + 1)
    table = np.stack([np.arange(1, depth + 2), np.arange(-1, depth)], axis=1).astype(np.int32)
    table[depth, 0] = -1
    return Automaton(("a", "b"), table, 0, np.arange(depth + 1) == 0)


def _cyclic(name: str, order: int) -> Automaton:
    """Letters 0 .. N-1 that sum to 0 mod N: the state is the sum."""
    _check_size(name, order * order)
    table = (np.arange(order)[:, None] + np.arange(order)) % order
    alphabet = tuple(str(letter) for letter in range(order))
    return Automaton(alphabet, table.astype(np.int32), 0, np.arange(order) == 0)


def _word_problem(generators: list[tuple[int, ...]]) -> Automaton:
    """Words over the generators a, b, .. whose product is the identity; the state is the product.

    A permutation g maps point i to ``g[i]``; the letter read last acts last.
    """
    identity = tuple(range(len(generators[0])))
    return Automaton.explore(
        "abcdefgh"[: len(generators)],
        identity,
        lambda product, token: tuple(generators[token][point] for point in product),
        lambda product: product == identity,
    )


def _undo_flipflop(name: str, writes: int) -> Language:
    """By its automaton while that is small, else by its stack."""
    machine = UndoFlipFlop(name, writes)
    if machine.live_states > AUTOMATON_STATES:
        return machine
    return RegularLanguage(
        name,
        Automaton.explore(machine.alphabet, machine.initial(), machine.successor, machine.is_final),
    )


def _recall(name: str, keys: int, values: int, queries: int) -> Language:
    """By its automaton while that is small, else by its registers."""
    machine = AssociativeRecall(name, keys, values, queries)
    if machine.live_states > RECALL_STATES:
        return machine
    return RegularLanguage(
        name,
        Automaton.explore(machine.alphabet, machine.initial(), machine.successor, machine.is_final),
    )


def _from_rows(
    alphabet: Sequence[str], rows: Mapping[str, str], start: str, accepting: str
) -> Automaton:
    """An automaton written by hand: ``{"E": "E O", "O": "- E"}`` maps a state to its targets.

    One target a symbol in the alphabet's order, `-` for none; `accepting` lists states.
    """
    number = {state: index for index, state in enumerate(rows)} | {"-": -1}
    table = [[number[target] for target in targets.split()] for targets in rows.values()]
    accepts = np.array([state in accepting.split() for state in rows])
    return Automaton(tuple(alphabet), np.array(table, dtype=np.int32), number[start], accepts)
