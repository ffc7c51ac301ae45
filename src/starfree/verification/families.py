"""Families u w^n v of strings: where models that forget, drift or count wrongly come to grief.

The first is the algebraic witness of a language that is not star-free. The others go round a
loop: w leads from a configuration back to itself, like the ignored letters of a flip-flop, so that
a model has to keep what u said through every w. Where configurations are counts, w may raise them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from starfree.algebra.aperiodicity import Witness
from starfree.verification.machine import DEAD, Machine

Word = tuple[int, ...]
Origin = Literal["witness", "loop", "growth"]

ROOTS = 12  # configurations from which loops start
LONGEST_LOOP = 3
LOOPS = 600  # of one length; longer ones are left out where there are more
ROUNDS = 24  # of w that must be possible before a family without a loop counts as endless
SUFFIXES = 48


@dataclass(frozen=True)
class Family:
    """The strings u w^n, n = 1, 2, ..; after each, suffixes tell what a model remembers.

    Attributes:
        origin: the algebraic `witness`; a `loop` that comes back to one configuration; or `growth`
            of a count.
        suffixes: words v with u w^n v in the domain for the n that were tried.
    """

    u: Word
    w: Word
    origin: Origin
    suffixes: tuple[Word, ...]


def families(machine: Machine, witness: Witness | None, limit: int) -> list[Family]:
    """At most `limit` families, the witness first, then by length.

    Args:
        machine: whose configurations are explored.
        witness: of a regular language that is not star-free.
        limit: how many.

    Example:
        of the flip-flop: u = ``w 1``, w = ``i 0``, and ``r`` among the suffixes.
    """
    if machine.start == DEAD:
        return []
    letters = range(len(machine.language.alphabet))
    found = []
    if witness is not None:
        end = _run(machine, machine.start, witness.u)
        own = {witness.v, *_suffixes(machine, letters, _run(machine, end, witness.w))}
        found.append(Family(witness.u, witness.w, "witness", tuple(sorted(own - {()}))))
    candidates = sorted(
        _candidates(machine, letters),
        key=lambda family: (len(family.w), family.origin != "loop", len(family.u)),
    )
    return [*found, *candidates][:limit]


def _candidates(machine: Machine, letters: range) -> Iterator[Family]:
    for u, root in _roots(machine, letters):
        for size in range(1, LONGEST_LOOP + 1):
            if len(letters) ** size > LOOPS:
                break
            for w in itertools.product(letters, repeat=size):
                if _is_power(w):
                    continue
                seen, place = [root], root
                for _ in range(ROUNDS):
                    place = _run(machine, place, w)
                    if place == DEAD:
                        break
                    seen.append(place)
                if place == DEAD:
                    continue
                loops = len(set(seen)) < len(seen)
                yield Family(
                    u, w, "loop" if loops else "growth", _suffixes(machine, letters, place)
                )


def _roots(machine: Machine, letters: range) -> list[tuple[Word, int]]:
    """Some configurations with a shortest word to each, by length."""
    found: list[tuple[Word, int]] = [((), machine.start)]
    known = {machine.start}
    for word, place in found:
        for letter in letters:
            target = machine.successor(place, letter)
            if target not in known and target != DEAD and len(found) < ROOTS:
                known.add(target)
                found.append(((*word, letter), target))
    return found


def _suffixes(machine: Machine, letters: range, place: int) -> tuple[Word, ...]:
    """Words of at most three letters that are legal from here; no word is a prefix of another."""
    ended: list[Word] = []
    live: list[tuple[Word, int]] = [((), place)]
    for _ in range(3):
        longer: list[tuple[Word, int]] = []
        for word, end in live:
            after = [(letter, machine.successor(end, letter)) for letter in letters]
            onward = [((*word, letter), target) for letter, target in after if target != DEAD]
            longer += onward
            if not onward and word:
                ended.append(word)
        if not longer or len(ended) + len(longer) > SUFFIXES:
            break
        live = longer
    return tuple(dict.fromkeys([*(word for word, _ in live if word), *ended]))


def _run(machine: Machine, place: int, word: Word) -> int:
    for letter in word:
        place = machine.successor(place, letter)
    return place


def _is_power(word: Word) -> bool:
    """Whether a word is a shorter one repeated."""
    return any(
        len(word) % size == 0 and word == word[:size] * (len(word) // size)
        for size in range(1, len(word))
    )
