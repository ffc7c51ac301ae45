"""The abstract cases of a counter language: which counts stand for all, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import torch
from torch import Tensor

from starfree.algebra.bounds import exact_length
from starfree.languages.counters import (
    BooleanExpressions,
    CounterLanguage,
    EqualBlocks,
    Shuffle,
)
from starfree.verification.induction import Answers, Proof

FEW = 3  # of more counters than this only 0, 1 and the largest count are tried together
BATCH = 4096


class CountCases:
    """Configurations in which every count is 0, small, or near the largest.

    Attributes:
        counters: how many.
        letters: all tokens of the alphabet.
        steps: what each letter adds to each count, int64 ``[letters, counters]``.
        start: the counts before the first letter, ``[1, counters]``.
        legal_first: the legal set before the first letter, ``[1, n+1]``.
    """

    def __init__(self, language: CounterLanguage, largest: int) -> None:
        self.language, self.largest = language, largest
        self.letters = torch.arange(language.end)
        initial = language.initial()
        self.start = torch.tensor([_counts(language, initial)])
        self.counters = self.start.shape[1]
        self.steps = torch.tensor(_steps(language))
        self.legal_first = torch.tensor([_legal(language, initial)])

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Counts before a letter, the letter, counts after it, and the legal set then."""
        rows: list[tuple[tuple[int, ...], int, tuple[int, ...], list[bool]]] = []
        for configuration in _configurations(self.language, self.largest):
            before = _counts(self.language, configuration)
            for letter in range(self.language.end):
                reached = self.language.successor(configuration, letter)
                if reached is None:
                    continue
                after = _counts(self.language, reached)
                if max(after) <= self.largest:
                    rows.append((before, letter, after, _legal(self.language, reached)))
        for first in range(0, len(rows), BATCH):
            before, letters, after, legal = zip(*rows[first : first + BATCH], strict=True)
            yield (
                torch.tensor(before),
                torch.tensor(letters),
                torch.tensor(after),
                torch.tensor(legal),
            )

    def proof(self, answers: Answers, reading: str = "") -> Proof:
        """What was proven, after all cases went through."""
        largest, length = self.largest, exact_length(self.language, self.largest)
        covers = (
            f"prefixes of members whose counts stay within 0..{largest:,}: all of them up to "
            f"length {length:,}"
        )
        if isinstance(self.language, EqualBlocks):
            covers += f", and all members up to {largest:,} of each letter"
        return Proof(
            f"{_meaning(self.language)}; every gate is exactly 1, and answers depend on the last "
            "letter and on which counts are 0",
            covers + reading,
            answers.cases,
            answers.margin,
            length,
        )


def _configurations(language: CounterLanguage, largest: int) -> list[Any]:
    match language:
        case Shuffle():
            if language.pairs <= FEW:
                return list(product((0, 1, 2, largest - 1, largest), repeat=language.pairs))
            patterns = [(0, 1), (0, largest), (0, largest - 1)]
            return [c for p in patterns for c in product(p, repeat=language.pairs)]
        case BooleanExpressions():
            near = range(largest - language.arity, largest + 1)
            return [*range(language.arity + 2), *near]
        case EqualBlocks():
            found = [(0, 0, 0)]
            for length in (1, 2, 3, largest - 1, largest):
                found.append((0, length, length))
                reads = sorted(read for read in {1, 2, length - 1, length} if 1 <= read <= length)
                found += product(range(1, language.end), reads, (length,))
            return found
    raise AssertionError(f"{language.name}: a counter language of an unknown kind")


def _counts(language: CounterLanguage, configuration: Any) -> tuple[int, ...]:
    """The counts, as the templates count (`algebra.templates`)."""
    match language:
        case EqualBlocks():
            block, read, length = configuration
            missing = [0] * language.end
            missing[block] = length - read
            if block + 1 < language.end:
                missing[block + 1] = read
            return tuple(missing[1:])
        case BooleanExpressions():
            return (configuration,)
    return tuple(configuration)


def _steps(language: CounterLanguage) -> list[list[int]]:
    """What each letter adds to each count, by the language's definition."""
    match language:
        case Shuffle():
            pairs = range(language.pairs)
            return [
                [(1 if letter % 2 == 0 else -1) * (letter // 2 == pair) for pair in pairs]
                for letter in range(language.end)
            ]
        case BooleanExpressions():
            return [[-1], [-1], *([arity - 1] for arity in range(1, language.arity + 1))]
    blocks = range(1, language.end)
    return [
        [(letter == block - 1) - (letter == block) for block in blocks]
        for letter in range(language.end)
    ]


def _legal(language: CounterLanguage, configuration: Any) -> list[bool]:
    letters = range(language.end)
    legal = [language.successor(configuration, letter) is not None for letter in letters]
    return [*legal, language.is_final(configuration)]


def _meaning(language: CounterLanguage) -> str:
    match language:
        case Shuffle():
            return "number i is how many brackets of pair i are open"
        case BooleanExpressions():
            return "the number is how many operands are still owed, 1 at first"
    a = language.alphabet
    pairs = ", ".join(f"#{one} - #{two}" for one, two in pairwise(a))
    return f"the numbers are {pairs}"
