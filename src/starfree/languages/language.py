"""The contract of a language: exact legal sets after every prefix. No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from starfree.errors import InputError
from starfree.languages.automaton import Automaton
from starfree.languages.strings import BoolArray, IntArray, Strings

Growth = Literal["bounded", "polynomial", "exponential"]


class Language(ABC):
    """A formal language over a finite alphabet.

    Symbol i of `alphabet` is token i; end of string `$` is index n = ``len(alphabet)``; beginning
    of string `^` is index n + 1 where a model needs one.

    Attributes:
        name: what the user called it (a catalog name, or `regex:...`, `pltl:...`, `dfa:...`).
        alphabet: the symbols; a symbol may have several characters, e.g. ``(a``.
    """

    name: str
    alphabet: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def end(self) -> int:
        """Index of `$`, the end of string."""
        return len(self.alphabet)

    @property
    def begin(self) -> int:
        """Index of `^`, the beginning of string."""
        return len(self.alphabet) + 1

    @property
    def automaton(self) -> Automaton | None:
        """The minimal partial automaton; None where there is none or it is too large to build."""
        return None

    @abstractmethod
    def legal_batch(self, strings: Strings) -> BoolArray:
        """What may follow every prefix.

        Returns:
            bool ``[B, L+1, n+1]``: row t = what may follow the first t symbols (column n: the
            string may end here). Rows after an illegal symbol, and rows beyond a string's own
            length, are all False.
        """

    @abstractmethod
    def accepts_batch(self, strings: Strings) -> BoolArray:
        """Membership, bool ``[B]``."""

    def count(self, length: int) -> int:
        """How many members have exactly `length` symbols (an exact Python integer)."""
        return self._count(int(length))  # a numpy integer would overflow in what follows

    @abstractmethod
    def _count(self, length: int) -> int: ...

    def draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        """Draw members of exactly `length` symbols, uniformly, int16 ``[count, length]``.

        Raises:
            InputError: no member has this length.
        """
        if self.count(length) == 0:
            raise InputError(f"{self.name}: no member has length {length}")
        return self._draw(int(length), count, generator)

    @abstractmethod
    def _draw(
        self, length: int, count: int, generator: np.random.Generator
    ) -> NDArray[np.int16]: ...

    @abstractmethod
    def ambiguous_batch(self, strings: Strings, window: int) -> BoolArray:
        """Where the last `window` symbols leave the legal set open (k-confusable positions).

        Returns:
            bool ``[B, L+1]``: entry t is True iff t >= window, the prefix of length t is live, and
            another prefix of a member ends in the same `window` symbols with another legal set.
        """

    @abstractmethod
    def definiteness(self, limit: int = 64) -> int | None:
        """Smallest k <= limit with no k-confusable position at all (predictive definiteness)."""

    @abstractmethod
    def initial(self) -> Hashable | None:
        """The configuration, before the first symbol, of the machine that reads the language.

        None for the empty language.
        """

    @abstractmethod
    def successor(self, configuration: Any, token: int) -> Hashable | None:
        """The configuration after one more symbol; None if no member continues so."""

    @abstractmethod
    def is_final(self, configuration: Any) -> bool:
        """Whether the string read so far is a member."""

    def classify(self) -> Any:
        """What the language needs in algebra, and who can model it: `starfree.classify` of it.

        A shorthand for users. The floor above is asked by name: nothing here depends on it.
        """
        return import_module("starfree").classify(self)

    @property
    @abstractmethod
    def growth(self) -> Growth:
        """How the number of members grows with length."""

    @property
    @abstractmethod
    def nested(self) -> bool:
        """Whether each member is a prefix of the next longer one."""

    def state_batch(self, strings: Strings) -> NDArray[np.int32]:
        """The automaton's state (or group element) after every prefix, int32 ``[B, L+1]``.

        -1 after an illegal symbol and beyond a string's own length.

        Raises:
            InputError: the language has no finite automaton that is small enough.
        """
        raise InputError(
            f"{self.name}: no finite automaton; task `state` needs a regular language "
            "(`starfree languages` lists them)"
        )

    def legal(self, tokens: Sequence[int] | IntArray) -> BoolArray:
        """`legal_batch` of one string: bool ``[L+1, n+1]``."""
        rows: BoolArray = self.legal_batch(Strings.of([tokens]))[0]
        return rows

    def accepts(self, tokens: Sequence[int] | IntArray) -> bool:
        """Membership of one string."""
        return bool(self.accepts_batch(Strings.of([tokens]))[0])

    def encode(self, text: str) -> NDArray[np.int16]:
        """Tokens of a written string: symbols joined if all are one character, else spaced.

        Raises:
            InputError: a symbol outside the alphabet; names it and its position.
        """
        symbols = list(text) if self.single_characters else text.split()
        index = {symbol: token for token, symbol in enumerate(self.alphabet)}
        for position, symbol in enumerate(symbols, start=1):
            if symbol not in index:
                raise InputError(
                    f"{self.name}: symbol {symbol!r} at position {position} is not in the "
                    f"alphabet {' '.join(self.alphabet)}"
                )
        return np.array([index[symbol] for symbol in symbols], dtype=np.int16)

    def decode(self, tokens: Sequence[int] | IntArray) -> str:
        """The written form of a string of tokens."""
        joint = "" if self.single_characters else " "
        return joint.join(self.alphabet[int(token)] for token in tokens)

    @property
    def single_characters(self) -> bool:
        """Whether every symbol is one character, so that strings are written without spaces."""
        return all(len(symbol) == 1 for symbol in self.alphabet)
