"""A language as a machine that is explored as far as a search needs it."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from starfree.languages.language import Language

DEAD = 0
"""The number of the configuration from which no member can follow."""


class Machine:
    """Configurations by number: where each letter leads and what is legal after each."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._letters = range(len(language.alphabet))
        self._numbers: dict[Hashable | None, int] = {}
        self._configurations: list[Hashable | None] = []
        self._rows: list[list[int]] = []
        self._legal: list[list[bool]] = []
        self._number(None)
        self.start = self._number(language.initial())

    def _number(self, configuration: Hashable | None) -> int:
        number = self._numbers.setdefault(configuration, len(self._configurations))
        if number == len(self._configurations):
            self._configurations.append(configuration)
        return number

    def _row(self, number: int) -> list[int]:
        """Successors by letter; computes all numbers up to this one."""
        while len(self._rows) <= number:
            configuration = self._configurations[len(self._rows)]
            alive = configuration is not None
            row = [
                self._number(self._language.successor(configuration, letter) if alive else None)
                for letter in self._letters
            ]
            ends = alive and self._language.is_final(configuration)
            self._rows.append(row)
            self._legal.append([*(target != DEAD for target in row), ends])
        return self._rows[number]

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
        """The legal sets, bool ``[B, n+1]``."""
        rows = []
        for number in numbers.tolist():
            self._row(number)
            rows.append(self._legal[number])
        return np.array(rows, dtype=np.bool_).reshape(len(rows), len(self._letters) + 1)
