"""How a long string is written down: by what is repeated in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

PLAIN = 30  # letters of a string that is written as it is
LONGEST_ROUND = 8  # letters of what is looked for repeated
ROUNDS = 4  # repetitions that are worth a power
SHOWN = 60  # characters of the written form, about

Decode = Callable[[Sequence[int]], str]


def spelled(letters: Sequence[int], decode: Decode) -> str:
    """A string with its repetitions as powers; very long forms without their middle.

        >>> spelled([0] + [1, 2] * 40, lambda letters: "".join("abc"[letter] for letter in letters))
        'a (bc)^40'

    Args:
        letters: the string.
        decode: how letters are written.
    """
    if not letters:
        return "the empty string"
    if len(letters) <= PLAIN:
        return decode(letters)
    parts: list[str] = []
    plain: list[int] = []
    at = 0
    while at < len(letters):
        size, rounds = _repeated(letters, at)
        if rounds < ROUNDS:
            plain.append(letters[at])
            at += 1
            continue
        if plain:
            parts.append(decode(plain))
            plain = []
        parts.append(f"({decode(letters[at : at + size])})^{rounds}")
        at += size * rounds
    if plain:
        parts.append(decode(plain))
    text = " ".join(parts)
    half = SHOWN // 2
    return text if len(text) <= SHOWN + 3 else f"{text[:half]} … {text[-half:]}"


def _repeated(letters: Sequence[int], at: int) -> tuple[int, int]:
    """The shortest round from here on that covers most, and how often it comes."""
    best = (1, 1)
    for size in range(1, LONGEST_ROUND + 1):
        rounds = 1
        word = letters[at : at + size]
        while letters[at + rounds * size : at + (rounds + 1) * size] == word:
            rounds += 1
        if rounds > 1 and size * rounds > best[0] * best[1]:
            best = size, rounds
    return best
