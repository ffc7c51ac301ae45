"""A batch of strings as one padded array: what samplers make and languages label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.integer]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Strings:
    """Strings over an alphabet of n symbols, as tokens 0..n-1.

    Attributes:
        tokens: int16 ``[B, L]``, right-padded with 0; a pad is told from a symbol by `lengths`.
        lengths: int32 ``[B]``, 0..L.
    """

    tokens: NDArray[np.int16]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, sequences: Iterable[Sequence[int] | IntArray]) -> Strings:
        """Pad sequences of tokens to the longest one (an empty batch has shape ``[0, 0]``)."""
        rows = [np.asarray(sequence, dtype=np.int16) for sequence in sequences]
        lengths = np.array([len(row) for row in rows], dtype=np.int32)
        tokens = np.zeros((len(rows), int(lengths.max(initial=0))), dtype=np.int16)
        for row, target in zip(rows, tokens, strict=True):
            target[: len(row)] = row
        return cls(tokens, lengths)

    @classmethod
    def concatenate(cls, parts: Sequence[Strings]) -> Strings:
        """All strings of all parts, in order."""
        width = max((part.tokens.shape[1] for part in parts), default=0)
        tokens = [np.pad(p.tokens, ((0, 0), (0, width - p.tokens.shape[1]))) for p in parts]
        if not parts:
            return cls.of([])
        return cls(np.concatenate(tokens), np.concatenate([part.lengths for part in parts]))

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[NDArray[np.int16]]:
        for row, length in zip(self.tokens, self.lengths, strict=True):
            yield row[:length]

    def select(self, index: IntArray | BoolArray | slice) -> Strings:
        """The strings at `index`, padded no further than their longest."""
        lengths = self.lengths[index]
        return Strings(self.tokens[index][:, : int(lengths.max(initial=0))], lengths)

    def keys(self) -> list[bytes]:
        """One hashable key a string; equal strings have equal keys whatever their padding."""
        return [row.tobytes() for row in self]

    def real(self) -> BoolArray:
        """``[B, L]``: True where a symbol stands, False on padding."""
        return np.arange(self.tokens.shape[1]) < self.lengths[:, None]

    def beyond(self) -> BoolArray:
        """``[B, L+1]``: True for the prefixes that are longer than the string itself."""
        return np.arange(self.tokens.shape[1] + 1) > self.lengths[:, None]
