"""Strings as lines of text and back, a whole split at a time, and in batches of little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import Strings

_POSITIONS = 1 << 20


def to_lines(language: Language, strings: Strings) -> list[str]:
    """The written form of every string (`Language.decode`)."""
    if not language.single_characters:
        return [language.decode(string) for string in strings]
    characters = np.array([ord(symbol) for symbol in language.alphabet], dtype=np.uint32)
    text = characters[strings.tokens[strings.real()]].tobytes().decode("utf-32-le")
    ends = np.cumsum(strings.lengths, dtype=np.int64).tolist()
    return [text[start:end] for start, end in pairwise([0, *ends])]


def from_lines(language: Language, lines: Sequence[str], where: str) -> Strings:
    """Tokens of every line.

    Args:
        language: gives the alphabet.
        lines: one string each, as `Language.encode` reads it.
        where: the file, for messages.

    Raises:
        InputError: a symbol outside the alphabet; names file, line and position.
    """
    if not language.single_characters:
        return Strings.of([_encode(language, line, where, i) for i, line in enumerate(lines, 1)])
    points = np.frombuffer("".join(lines).encode("utf-32-le"), dtype=np.uint32)
    characters = np.array([ord(symbol) for symbol in language.alphabet], dtype=np.uint32)
    order = np.argsort(characters)
    place = np.searchsorted(characters, points, sorter=order)
    tokens = order[np.minimum(place, len(order) - 1)]
    if not np.array_equal(characters[tokens], points):
        for number, line in enumerate(lines, start=1):
            _encode(language, line, where, number)
    lengths = np.array([len(line) for line in lines], dtype=np.int32)
    strings = Strings(np.zeros((len(lines), int(lengths.max(initial=0))), dtype=np.int16), lengths)
    strings.tokens[strings.real()] = tokens
    return strings


def batches(strings: Strings) -> Iterator[tuple[NDArray[np.intp], Strings]]:
    """All strings, shortest first, a bounded number of padded positions at a time.

    Yields:
        Where the strings of a batch stand among all, and the batch.
    """
    order = np.argsort(strings.lengths, kind="stable")
    lengths = strings.lengths[order].astype(np.int64) + 1
    start = 0
    while start < len(order):
        # The padded size of order[start:end] grows with end.
        sizes = lengths[start:] * np.arange(1, len(order) - start + 1)
        end = start + max(1, int(np.searchsorted(sizes, _POSITIONS, side="right")))
        yield order[start:end], strings.select(order[start:end])
        start = end


def _encode(language: Language, line: str, where: str, number: int) -> np.ndarray:
    try:
        return language.encode(line)
    except InputError as error:
        raise InputError(f"{where}, line {number}: {error}") from None
