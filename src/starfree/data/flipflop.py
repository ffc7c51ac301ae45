"""Flip-flop strings as published: FFL(p) of Liu et al. 2023, and undo flip-flop of Zhou 2026.

FFL(p): pairs of an instruction and a bit. The first instruction is w, the last r; the others are i
with probability p, w and r with (1 - p) / 2 each. Bits after w and i are fair, the bit after r is
the last one written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from starfree.data.drawing import as_strings
from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import Strings

PUBLISHED_LENGTH = 512
IGNORE = {"train": 0.8, "FFL(0.8)": 0.8, "FFL(0.98)": 0.98, "FFL(0.1)": 0.1}

UNDO = {"i": 0.8, "r": 0.1, "w": 0.05, "u": 0.05}


def draw_flipflop(
    language: Language, length: int, count: int, ignore: float, generator: np.random.Generator
) -> Strings:
    """FFL(`ignore`) strings of an even length from 4 on; `language` is `flipflop`."""
    if length < 4 or length % 2:
        raise InputError(f"flipflop: published strings have an even length from 4 on, not {length}")
    w, r, i, zero, _ = (language.alphabet.index(symbol) for symbol in "wri01")
    pairs = length // 2
    draws = generator.random((count, pairs))
    instructions = np.where(draws < ignore, i, np.where(draws < (1 + ignore) / 2, w, r))
    instructions[:, 0], instructions[:, -1] = w, r
    bits = generator.integers(2, size=(count, pairs))
    place = np.where(instructions == w, np.arange(pairs), 0)
    written = np.maximum.accumulate(place, axis=1)
    bits = np.where(instructions == r, np.take_along_axis(bits, written, axis=1), bits)
    return as_strings(_interleave(instructions, bits + zero))


def draw_mixture(
    language: Language,
    length: int,
    count: int,
    ignores: Sequence[float],
    generator: np.random.Generator,
) -> Strings:
    """Strings of FFL(p) with equal shares of several p, in random order."""
    which = generator.permutation(np.arange(count) % len(ignores))
    parts = [
        draw_flipflop(language, length, int((which == index).sum()), ignore, generator)
        for index, ignore in enumerate(ignores)
    ]
    place = np.argsort(np.argsort(which, kind="stable"))
    return Strings.concatenate(parts).select(place)


def ignore_stress(
    language: Language, ignored: int, random_rows: int, generator: np.random.Generator
) -> Strings:
    """``w b (i x)^ignored r b`` for both bits b, all x 0, all x 1, and `random_rows` random ones.

    MAT (Dankowiakowski and Ronca 2025) found trained Mambas to forget b after about 1000 ignores.

    Returns:
        ``2 (2 + random_rows)`` strings of length ``2 ignored + 4``.
    """
    w, r, i, zero, _ = (language.alphabet.index(symbol) for symbol in "wri01")
    fillings = generator.integers(2, size=(2 + random_rows, ignored))
    fillings[0], fillings[1] = 0, 1
    bits = np.zeros((2, len(fillings), ignored + 2), dtype=np.int64)
    bits[:, :, 1:-1] = fillings
    bits[1, :, [0, -1]] = 1
    instructions = np.full_like(bits, i)
    instructions[..., 0], instructions[..., -1] = w, r
    rows = 2 * len(fillings)
    shape = (rows, ignored + 2)
    return as_strings(_interleave(instructions.reshape(shape), bits.reshape(shape) + zero))


def draw_undo_flipflop(
    language: Language, length: int, count: int, generator: np.random.Generator
) -> Strings:
    """Undo flip-flop strings of an even length from 2 on; `language` is `undo-flipflop-H`.

    Instructions have the probabilities `UNDO`; the first is w. Where only one write is stacked the
    share of u goes to w, and where H are stacked the share of w goes to i.
    """
    if length < 2 or length % 2:
        raise InputError(f"{language.name}: strings have an even length from 2 on, not {length}")
    w, r, i, u, zero, _ = (language.alphabet.index(symbol) for symbol in "wriu01")
    depth = int(language.name.rpartition("-")[2])
    pairs = length // 2
    instructions = np.empty((count, pairs), dtype=np.int64)
    bits = generator.integers(2, size=(count, pairs))
    draws = generator.choice([i, r, w, u], size=(count, pairs), p=list(UNDO.values()))
    stack = np.zeros((count, depth), dtype=np.int64)
    height = np.zeros(count, dtype=np.int64)
    rows = np.arange(count)
    for t in range(pairs):
        chosen = np.full(count, w) if t == 0 else draws[:, t]
        chosen = np.where((chosen == u) & (height < 2), w, chosen)
        chosen = np.where((chosen == w) & (height == depth), i, chosen)
        writes = np.flatnonzero(chosen == w)
        stack[writes, height[writes]] = bits[writes, t]
        height += (chosen == w).astype(np.int64) - (chosen == u)
        reads = chosen == r
        bits[reads, t] = stack[rows, height - 1][reads]
        instructions[:, t] = chosen
    return as_strings(_interleave(instructions, bits + zero))


def _interleave(instructions: NDArray[np.int64], bits: NDArray[np.int64]) -> NDArray[np.int16]:
    count, pairs = instructions.shape
    return np.stack([instructions, bits], axis=2).reshape(count, 2 * pairs).astype(np.int16)
