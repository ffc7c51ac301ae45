"""A language as a machine that is explored as far as a search needs it."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from starfree.languages.language import Language
from starfree.languages.strings import BoolArray, Strings

DEAD = 0
"""The number of what no string is asked about: from there no member can follow."""


class Machine:
    """What is asked of task `predict`: the legal set after each prefix of a member.

    Configurations by number: where each letter leads and what is right after each.

    Attributes:
        language: whose configurations they are.
        bits: of an answer.
        start: the number of the first configuration.
        asks_empty: whether the empty string is asked about.
    """

    asks_empty = True
    _outside: Hashable | None = None

    def __init__(self, language: Language) -> None:
        self.language = language
        self._letters = range(len(language.alphabet))
        self._numbers: dict[Hashable | None, int] = {}
        self._configurations: list[Hashable | None] = []
        self._rows: dict[int, list[int]] = {}
        self._right: dict[int, list[bool]] = {}
        self._number(self._outside)
        self.bits = self._size()
        self.start = self._number(language.initial())

    def _number(self, configuration: Hashable | None) -> int:
        number = self._numbers.setdefault(configuration, len(self._configurations))
        if number == len(self._configurations):
            self._configurations.append(configuration)
        return number

    def _row(self, number: int) -> list[int]:
        """Successors by letter."""
        if number not in self._rows:
            configuration = self._configurations[number]
            alive = configuration is not None and configuration is not self._outside
            row = [
                self._number(self.language.successor(configuration, letter) if alive else None)
                for letter in self._letters
            ]
            ends = alive and self.language.is_final(configuration)
            self._rows[number] = row
            self._right[number] = self._answer(row, ends)
        return self._rows[number]

    def _size(self) -> int:
        return len(self._letters) + 1

    def _answer(self, row: list[int], ends: bool) -> list[bool]:
        return [*(target != DEAD for target in row), ends]

    def successor(self, number: int, letter: int) -> int:
        """Where one letter leads from one configuration."""
        return self._row(number)[letter]

    def live_letters(self, number: int) -> list[int]:
        """The letters after which members still follow."""
        return [letter for letter, target in enumerate(self._row(number)) if target != DEAD]

    def successors(self, numbers: NDArray[np.int64], letter: int) -> NDArray[np.int64]:
        """Where one letter leads."""
        return np.array([self._row(number)[letter] for number in numbers.tolist()], dtype=np.int64)

    def legal(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The right answers, bool ``[B, bits]``: the legal sets, `$` last."""
        rows = []
        for number in numbers.tolist():
            self._row(number)
            rows.append(self._right[number])
        return np.array(rows, dtype=np.bool_).reshape(len(rows), self.bits)

    def answers(self, strings: Strings) -> BoolArray:
        """What is right after every prefix of some strings, bool ``[B, L+1, bits]``."""
        return self.language.legal_batch(strings)


class Recogniser(Machine):
    """What is asked of task `recognise`: one bit after any string, whether it is a member.

    The empty string is left out: training strings have at least one symbol.
    """

    asks_empty = False
    _outside = object()

    def _size(self) -> int:
        return 1

    def _answer(self, row: list[int], ends: bool) -> list[bool]:
        return [ends]

    def answers(self, strings: Strings) -> BoolArray:
        """Whether each prefix is a member, bool ``[B, L+1, 1]``."""
        return self.language.legal_batch(strings)[..., -1:]
