"""Copying: a string, a separator, the string again. Not regular, not even context-free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from starfree.errors import InputError
from starfree.languages.language import Growth, Language
from starfree.languages.strings import BoolArray, Strings

SEPARATOR = "#"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Copy(Language):
    """w # w with a string w of at least one of K letters; ``ab#ab`` is a member of `copy-2`.

    After the separator all is forced, symbol by symbol: whoever models the language has to hold
    the whole of w, K^n strings for a w of n letters (Jelassi et al. 2024 compare architectures on
    this task).
    """

    def __init__(self, name: str, letters: int) -> None:
        if letters < 2:
            raise InputError(f"{name}: K must be at least 2 (of one letter a^n # a^n only counts)")
        self.name = name
        self.letters = letters
        named = tuple(_LETTERS[:letters])
        if letters > len(_LETTERS):
            named = tuple(f"a{number}" for number in range(1, letters + 1))
        self.alphabet = (*named, SEPARATOR)

    def _halves(self, strings: Strings) -> tuple[NDArray[np.int64], NDArray[np.int64], BoolArray]:
        """Of every prefix: symbols since the separator, 0 right after it, and the letters of w.

        Returns:
            int64 ``[B, L+1]``, -1 before a separator; int64 ``[B, 1]``; and where it is live.
        """
        batch, width = strings.tokens.shape
        separators = (strings.tokens == self.letters) & strings.real()
        found = separators.any(axis=1)
        place = np.where(found, separators.argmax(axis=1) if width else 0, width)[:, None]
        t = np.arange(width + 1)
        since = np.where(t > place, t - place - 1, -1)
        # Symbol t after the separator has to be the one so many places before it.
        source = np.clip(np.arange(width) - place - 1, 0, max(width - 1, 0))
        wanted = np.take_along_axis(strings.tokens, source, axis=1) if width else strings.tokens
        copied = np.arange(width) - place  # 1 for the first symbol after the separator
        right = np.where(
            copied < 0, True, np.where(copied == 0, place > 0, strings.tokens == wanted)
        )
        right &= copied <= place
        live = np.ones((batch, width + 1), dtype=np.bool_)
        np.logical_and.accumulate(right, axis=1, out=live[:, 1:])
        return since, place.astype(np.int64), live & ~strings.beyond()

    def legal_batch(self, strings: Strings) -> BoolArray:
        since, length, live = self._halves(strings)
        rows = np.zeros((*live.shape, self.end + 1), dtype=np.bool_)
        before = since < 0
        rows[:, :, : self.letters] = before[:, :, None]
        rows[:, :, self.letters] = before & (np.arange(live.shape[1]) > 0)
        if strings.tokens.shape[1]:
            source = np.clip(since, 0, strings.tokens.shape[1] - 1)
            following = np.take_along_axis(strings.tokens, source, axis=1).astype(np.int64)
            following = np.where(since == length, self.end, following)
            rows |= ~before[:, :, None] & (following[:, :, None] == np.arange(self.end + 1))
        legal: BoolArray = rows & live[:, :, None]
        return legal

    def accepts_batch(self, strings: Strings) -> BoolArray:
        rows = self.legal_batch(strings)
        accepted: BoolArray = rows[np.arange(len(strings)), strings.lengths, self.end]
        return accepted

    def initial(self) -> tuple[tuple[int, ...], int]:
        return (), -1

    def successor(
        self, configuration: tuple[tuple[int, ...], int], token: int
    ) -> tuple[tuple[int, ...], int] | None:
        """Configurations: w as far as it was read, and how much of it was copied (-1: no `#`)."""
        word, copied = configuration
        if copied < 0:
            if token == self.letters:
                return (word, 0) if word else None
            return (*word, token), -1
        return (word, copied + 1) if word[copied : copied + 1] == (token,) else None

    def is_final(self, configuration: tuple[tuple[int, ...], int]) -> bool:
        word, copied = configuration
        return copied == len(word)

    def _count(self, length: int) -> int:
        return int(self.letters ** (length // 2)) if length % 2 and length > 1 else 0

    def _draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        word = generator.integers(self.letters, size=(count, length // 2), dtype=np.int16)
        separator = np.full((count, 1), self.letters, dtype=np.int16)
        return np.concatenate([word, separator, word], axis=1)

    def ambiguous_batch(self, strings: Strings, window: int) -> BoolArray:
        # Letters alone may stand on either side of the separator; where it is in sight, a longer w
        # can go on, or end, in any way.
        _, _, live = self._halves(strings)
        ambiguous: BoolArray = live & (np.arange(live.shape[1]) >= window)
        return ambiguous

    def definiteness(self, limit: int = 64) -> int | None:
        return None

    @property
    def growth(self) -> Growth:
        return "exponential"

    @property
    def nested(self) -> bool:
        return False
