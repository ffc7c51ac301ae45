"""The published label encodings: projections of the legal set after every non-empty prefix.

Bhattamishra et al. 2020, and after them Sarrof et al. 2024, write a label line beside every string:
one chunk of characters a position, predicted after reading that position. All six encodings are
functions of the legal set (and the symbol just read); two published files are wrong and can be
had only by asking for the labels as published.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import BoolArray, Strings

Encoding = Literal["ACC", "LEGAL", "CLOSE", "CE", "NEXT", "CNT"]

ENCODINGS: dict[str, Encoding] = {
    **dict.fromkeys(("parity", "tomita-5", "tomita-6"), "ACC"),
    **dict.fromkeys(("aa-star", "aaaa-star", "abab-star", "boolean-3", "boolean-5"), "ACC"),
    **dict.fromkeys(("tomita-1", "tomita-2", "tomita-3", "tomita-4", "tomita-7"), "LEGAL"),
    **dict.fromkeys(("d-2", "d-3", "d-4", "d-12", "ab-d-bc"), "LEGAL"),
    **dict.fromkeys(("dyck-1", "shuffle-2", "shuffle-4", "shuffle-6"), "CLOSE"),
    "012-02": "CE",
    "aabbccddee": "NEXT",
    **dict.fromkeys(("anbn", "anbncn", "anbncndn"), "CNT"),
}

WRONG_AS_PUBLISHED = ("tomita-3", "012-02")


def encoding_of(language: Language) -> Encoding:
    """The encoding that the authors use for a language of the suite.

    Raises:
        InputError: the language is not in the suite.
    """
    if language.name not in ENCODINGS:
        raise InputError(
            f"{language.name}: the authors have no label encoding for it (only for the 27 "
            "languages of the suite); write the legal sets instead"
        )
    return ENCODINGS[language.name]


def label_chunks(
    language: Language, strings: Strings, as_published: bool = False
) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    """The label of every position as a class.

    Args:
        language: one of the 27.
        strings: strings whose prefixes are live (members, say).
        as_published: with the two mistakes of the published files (Tomita-3: "the next prefix is
            a member" stands for "legal"; {0,1,2}*02*: a 0 is said not to complete a member).

    Returns:
        int16 ``[B, L]``, -1 on padding, and the chunk of characters of every class.
    """
    encoding = encoding_of(language)
    legal = language.legal_batch(strings)[:, 1:]
    if as_published and language.name == "tomita-3":
        legal = _next_is_member(language, strings)
    if encoding in ("NEXT", "CNT"):
        classes, chunks = _following_symbol(language, strings, legal, encoding)
    else:
        if as_published and language.name == "012-02":
            legal = legal & (strings.tokens == 2)[:, :, None]
        bits, chunks = _bits(language, legal, encoding)
        classes = bits @ (1 << np.arange(bits.shape[2])[::-1])
    return np.where(strings.real(), classes, -1).astype(np.int16), chunks


def encode_labels(language: Language, strings: Strings, as_published: bool = False) -> list[str]:
    """The authors' label line of every string; arguments as in `label_chunks`.

    Example:
        >>> from starfree.languages.catalog import language
        >>> d2 = language("d-2")
        >>> encode_labels(d2, Strings.of([d2.encode("aabb")]))
        ['11011110']
    """
    classes, chunks = label_chunks(language, strings, as_published)
    table = np.array([list(chunk.encode()) for chunk in chunks], dtype=np.uint8)
    lines = np.take(table, classes, axis=0, mode="clip")
    return [
        line[:length].tobytes().decode()
        for line, length in zip(lines, strings.lengths, strict=True)
    ]


def _bits(
    language: Language, legal: BoolArray, encoding: Encoding
) -> tuple[BoolArray, tuple[str, ...]]:
    """The bits that an encoding keeps, most significant first, and the chunk of every value."""
    match encoding:
        case "LEGAL":
            bits = legal[:, :, : language.end]
        case "CLOSE":
            bits = legal[:, :, 1 : language.end : 2]
        case _:
            bits = legal[:, :, language.end :]
    width = bits.shape[2]
    if encoding == "CE":
        return bits, ("c", "e")
    return bits, tuple(format(value, f"0{width}b") for value in range(1 << width))


def _following_symbol(
    language: Language, strings: Strings, legal: BoolArray, encoding: Encoding
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """One character a position: a symbol of the alphabet, or T for the end of string."""
    if encoding == "NEXT":
        # What may follow besides the symbol just read, which may always be repeated.
        repeated = strings.tokens[:, :, None] == np.arange(language.end + 1)
        legal = legal & ~repeated
    # CNT writes the set {a, b} as its first symbol; every other set has one element.
    return legal.argmax(axis=2), (*language.alphabet, "T")


def _next_is_member(language: Language, strings: Strings) -> BoolArray:
    """Bit a after a prefix: whether the prefix followed by a is a member (``[B, L, n+1]``)."""
    automaton = language.automaton
    if automaton is None:
        raise InputError(f"{language.name}: no automaton")
    member_after = np.append(automaton.accepting, False)[automaton.transitions]
    rows = np.concatenate([member_after, automaton.accepting[:, None]], axis=1)
    rows = np.concatenate([rows, np.zeros_like(rows[:1])])
    picked: BoolArray = rows[language.state_batch(strings)[:, 1:]]
    return picked
