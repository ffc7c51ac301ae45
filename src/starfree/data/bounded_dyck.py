"""The published bounded-Dyck files, bit by bit, and their distribution.

Language: K bracket pairs nested at most `depth` deep. The authors' generator walks a stack; each
next token is drawn from

    empty stack   END 1/2, each open 1/(2K)
    in between    the matching close 1/2, each open 1/(2K)
    full stack    the matching close

END after fewer than `low` tokens is drawn again; a string whose length (END counted) is outside
``low .. high`` is dropped; generation stops when the kept tokens (END counted) reach a target.

The draw itself is that of torch < 1.7: MT19937 in its classic seeding, a 53-bit uniform from two
32-bit outputs, and the first token whose cumulative float32 probability is not below it. The walk
is sequential by nature; it runs over plain Python lists, 2 million tokens in a few seconds.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_CHUNK = 1 << 16


@dataclass(frozen=True)
class BoundedDyckFile:
    """One published file: which strings, and the git blob hash of its text.

    Attributes:
        depth: the largest number of open brackets.
        low: smallest length, END counted.
        high: largest length, END counted.
        tokens: generation stops at this many tokens, END counted.
        seed: of MT19937.
        sha1: git blob hash of the published text.
    """

    depth: int
    low: int
    high: int
    tokens: int
    seed: int
    sha1: str


PAIRS = 8
FILES = {
    "m10-train": BoundedDyckFile(
        10, 1, 700, 2_000_000, 1, "0008a6f834bd9a510dffd63c2493251f5c7d2116"
    ),
    "m10-dev": BoundedDyckFile(
        10, 1, 700, 200_000, 1000, "d7cbb91b21b7e033f8ee2253d342233f2c9441c7"
    ),
    "m10-test": BoundedDyckFile(
        10, 701, 1400, 1_000_000, 2000, "ea862f155f95decd4cce396cb23489110b1dec44"
    ),
    "m5-train": BoundedDyckFile(
        5, 1, 180, 2_000_000, 1, "35d26a35b03ddfba919c93cfb7856712ebd47b9f"
    ),
    "m5-dev": BoundedDyckFile(5, 1, 180, 200_000, 1000, "d86c9d6c2069a9f92538c77b90ce95d1be88ce9e"),
    "m5-test": BoundedDyckFile(
        5, 181, 360, 1_000_000, 2000, "85cc238bd7819befa4112fb6ec2c7e829a9da157"
    ),
    "m15-test": BoundedDyckFile(
        15, 1621, 3240, 1_000_000, 2000, "a8e3b8f5372f82588250a8ed32ae0bb61b2a0de4"
    ),
    "m20-test": BoundedDyckFile(
        20, 2941, 5880, 1_000_000, 2000, "c3a5292f030df5dd98d98906e7d151a128212b93"
    ),
}


def published_strings(name: str, most: int | None = None) -> list[list[int]]:
    """The strings of a published file (a key of `FILES`), without END; the first `most` of them."""
    file = FILES[name]
    source = walk(PAIRS, file.depth, file.low, file.high, file.seed)
    strings: list[list[int]] = []
    total = 0
    while total < file.tokens and len(strings) != most:
        strings.append(next(source))
        total += len(strings[-1]) + 1
    return strings


def walk(pairs: int, depth: int, low: int, high: int, seed: int) -> Iterator[list[int]]:
    """Strings of the authors' generator, one after another, without end.

    Opens are tokens 0 .. K-1 and closes K .. 2K-1; END is not part of a string. Lengths `low` and
    `high` count END, as the authors do.
    """
    empty, between, full = (_cumulative(pairs, kind) for kind in ("empty", "between", "full"))
    uniforms = _uniforms(seed)
    end = pairs  # the tables list the opens, then END or the one matching close
    while True:
        stack: list[int] = []
        string: list[int] = []
        while True:
            table = empty if not stack else full if len(stack) == depth else between
            choice = bisect_left(table, next(uniforms))
            if choice < pairs and table is not full:
                stack.append(choice)
                string.append(choice)
            elif stack:
                string.append(pairs + stack.pop())
            elif choice == end and len(string) >= low:
                break
        if len(string) + 1 <= high:
            yield string


def text(strings: list[list[int]], pairs: int = PAIRS) -> str:
    """The authors' file: tokens joined by spaces, END and a newline after each string."""
    letters = "abcdefghijklmnopqrstuvwxyz"[:pairs]
    names = [f"({letter}" for letter in letters] + [f"{letter})" for letter in letters]
    return "".join(
        " ".join([*(names[token] for token in string), "END"]) + "\n" for string in strings
    )


def git_blob_sha1(content: str) -> str:
    """The hash under which git stores this text."""
    raw = content.encode()
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()


def _cumulative(pairs: int, stack: str) -> list[float]:
    """Cumulative float32 probabilities of the opens, then of END or the matching close."""
    weights = np.full(pairs + 1, 0.0 if stack == "full" else 1 / pairs, dtype=np.float32)
    weights[pairs] = 1
    total = np.cumsum(weights, dtype=np.float32)[-1]
    cumulative = np.cumsum(weights / total, dtype=np.float32)
    return [float(value) for value in cumulative / cumulative[-1]]


def _uniforms(seed: int) -> Iterator[float]:
    """53-bit uniforms of MT19937: the low 53 bits of (first output << 32 | second output)."""
    generator = np.random.RandomState(seed)
    while True:
        outputs = generator.randint(0, 1 << 32, size=(_CHUNK, 2), dtype=np.uint32).astype(np.uint64)
        bits = (outputs[:, 0] << np.uint64(32) | outputs[:, 1]) & np.uint64((1 << 53) - 1)
        yield from (bits * 2.0**-53).tolist()
