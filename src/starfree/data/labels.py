"""Labels as lines of text: four kinds, written, and read into tables position by position.

legal        the legal set after every prefix, the empty one first: a row of n + 1 characters 0
             or 1 for each (symbols in the alphabet's order, then the end of string), rows
             separated by one space; `aabb` of d-2 has the line `101 110 010 110 101`
authors      the authors' encodings, mathematically true, after every symbol
published    the same with the mistakes of the published files
membership   task `recognise`: 1 for a member, 0 for any other string
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from starfree.data.lines import batches
from starfree.languages.encodings import ENCODINGS, encode_labels, label_chunks
from starfree.languages.language import Language
from starfree.languages.strings import BoolArray, Strings

LabelKind = Literal["legal", "authors", "published", "membership"]


def label_lines(language: Language, strings: Strings, kind: LabelKind) -> list[str]:
    """The right label line of every string.

    Raises:
        InputError: `authors` or `published` for a language outside the suite.
    """
    if kind == "membership":
        return ["01"[member] for member in language.accepts_batch(strings).astype(int)]
    if kind == "legal":
        return _legal_lines(language, strings)
    return encode_labels(language, strings, as_published=kind == "published")


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Label lines cut into chunks, one a position, string after string.

    Attributes:
        chunks: bytes ``[N]``: L + 1 a string for `legal`, L for the authors', 1 for membership.
        starts: int64 ``[B + 1]``: the chunks of string b are ``starts[b] : starts[b + 1]``.
        whole: bool ``[B]``: lines of the right length; the others have no chunk at all.
    """

    chunks: NDArray[np.bytes_]
    starts: NDArray[np.int64]
    whole: BoolArray

    @property
    def classes(self) -> dict[str, int]:
        """How often each chunk occurs."""
        found, counts = np.unique(self.chunks, return_counts=True)
        return {
            chunk.decode(): int(count)
            for chunk, count in zip(found.tolist(), counts.tolist(), strict=True)
        }

    def line_of(self, chunk: int) -> int:
        """The string that a chunk belongs to."""
        return int(np.searchsorted(self.starts, chunk, side="right")) - 1


def label_table(
    language: Language, strings: Strings, lines: Sequence[str], kind: LabelKind
) -> LabelTable:
    """Cut label lines into chunks.

    Args:
        language: gives the size of a chunk.
        strings: what the lines belong to.
        lines: one for each string.
        kind: how they are written.
    """
    gap = " " if kind == "legal" else ""
    size = _chunk_size(language, kind) + len(gap)
    match kind:
        case "legal":
            counts = strings.lengths.astype(np.int64) + 1
        case "membership":
            counts = np.ones(len(strings), dtype=np.int64)
        case _:
            counts = strings.lengths.astype(np.int64)
    whole = np.array(
        [
            len(line) + len(gap) == count * size and line.isascii()
            for line, count in zip(lines, counts.tolist(), strict=True)
        ],
        dtype=np.bool_,
    )
    text = "".join(line + gap for line, fits in zip(lines, whole, strict=True) if fits)
    cut = np.frombuffer(text.encode(), dtype=np.uint8).reshape(-1, size)[:, : size - len(gap)]
    chunks = np.ascontiguousarray(cut).view(f"S{size - len(gap)}").ravel()
    return LabelTable(chunks, np.concatenate([[0], np.cumsum(counts * whole)]), whole)


def guess_kind(language: Language, strings: Strings, lines: Sequence[str]) -> LabelKind:
    """`legal` if every line has its length, else `authors`."""
    whole = label_table(language, strings, lines, "legal").whole
    return "legal" if len(whole) and bool(whole.all()) else "authors"


def known_encoding(language: Language, kind: LabelKind) -> bool:
    """Whether labels of this kind can be written for the language."""
    return kind in ("legal", "membership") or language.name in ENCODINGS


def _chunk_size(language: Language, kind: LabelKind) -> int:
    if kind == "legal":
        return len(language.alphabet) + 1
    if kind == "membership" or language.name not in ENCODINGS:
        return 1
    return len(label_chunks(language, Strings.of([]))[1][0])


def _legal_lines(language: Language, strings: Strings) -> list[str]:
    lines = [""] * len(strings)
    for places, batch in batches(strings):
        rows = language.legal_batch(batch)
        text = np.full((*rows.shape[:2], rows.shape[2] + 1), ord(" "), dtype=np.uint8)
        text[:, :, :-1] = rows + ord("0")
        width = text.shape[2]
        flat = text.reshape(len(text), width * text.shape[1])
        for place, row, length in zip(places.tolist(), flat, batch.lengths.tolist(), strict=True):
            lines[place] = row[: width * (length + 1) - 1].tobytes().decode()
    return lines
