"""Every catalog language once more, as its definition in words: the oracle of the tests.

Nothing here imports starfree. A definition is a membership test on a tuple of symbols, and a few
completions worth trying when one asks whether a prefix is live.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise, product

import numpy as np

Word = tuple[str, ...]


@dataclass(frozen=True)
class Definition:
    """A language; `completions(prefix)` lists words one of which completes any live prefix."""

    alphabet: Word
    member: Callable[[Word], bool]
    completions: Callable[[Word], Iterator[Word]] | None = None

    def live(self, prefix: Word) -> bool:
        """Whether some member starts with `prefix`."""
        if self.completions is None:
            rests = (word for n in range(4) for word in product(self.alphabet, repeat=n))
        else:
            rests = self.completions(prefix)
        return any(self.member(prefix + rest) for rest in rests)


def definition_of(name: str) -> Definition:
    if name in _NAMED:
        return _NAMED[name]
    family, *numbers = re.findall(r"[a-z]+|\d+", name.replace("undo-flipflop", "undo"))
    return _FAMILIES[family](*map(int, numbers))


def _pattern(alphabet: str, expression: str, *completions: str) -> Definition:
    compiled = re.compile(expression)
    return Definition(
        tuple(alphabet),
        lambda word: compiled.fullmatch("".join(word)) is not None,
        (lambda prefix: map(tuple, completions)) if completions else None,
    )


def _tomita_3(word: Word) -> bool:
    blocks = [(symbol, len(list(block))) for symbol, block in groupby(word)]
    return not any(
        first[0] == "1" and first[1] % 2 == 1 and second[1] % 2 == 1
        for first, second in pairwise(blocks)
    )


def _depth(word: Word, opening: str, closing: str) -> tuple[int, int, int]:
    """Least, greatest and last depth."""
    depths = [0]
    for symbol in word:
        depths.append(depths[-1] + (symbol == opening) - (symbol == closing))
    return min(depths), max(depths), depths[-1]


def _d(bound: int) -> Definition:
    def member(word: Word) -> bool:
        least, greatest, last = _depth(word, "a", "b")
        return least == 0 and greatest <= bound and last == 0

    return Definition(("a", "b"), member, lambda prefix: (("b",) * n for n in range(bound + 1)))


def _shuffle(pairs: int) -> Definition:
    brackets = ["()", "[]", "{}", "<>", "+-", "ab"]
    kinds = [tuple(b) for b in brackets[:pairs]]
    if pairs > 6:
        kinds = [(f"({j}", f"{j})") for j in range(1, pairs + 1)]

    def member(word: Word) -> bool:
        depths = [_depth(word, *kind) for kind in kinds]
        return all(least == 0 and last == 0 for least, _, last in depths)

    def completions(prefix: Word) -> Iterator[Word]:
        missing = [(close, prefix.count(open_) - prefix.count(close)) for open_, close in kinds]
        yield tuple(close for close, count in missing for _ in range(count))

    return Definition(tuple(s for kind in kinds for s in kind), member, completions)


def _boolean(arity: int) -> Definition:
    operators = ["~", "+", ">", "*", "^", "o6", "o7"][:arity]

    def end_of_expression(word: Word, at: int) -> int:
        """Where the expression that starts at `at` ends; recursive descent."""
        if at >= len(word):
            raise EOFError
        if word[at] in ("0", "1"):
            return at + 1
        following = at + 1
        for _ in range(operators.index(word[at]) + 1):
            following = end_of_expression(word, following)
        return following

    def member(word: Word) -> bool:
        try:
            return end_of_expression(word, 0) == len(word)
        except EOFError:
            return False

    def completions(prefix: Word) -> Iterator[Word]:
        return (("0",) * n for n in range((arity - 1) * len(prefix) + 2))

    return Definition(("0", "1", *operators), member, completions)


def _equal_blocks(letters: str) -> Definition:
    def member(word: Word) -> bool:
        n = len(word) // len(letters)
        return n > 0 and "".join(word) == "".join(letter * n for letter in letters)

    def completions(prefix: Word) -> Iterator[Word]:
        for n in range(1, len(prefix) + 2):
            whole = tuple(letter for letter in letters for _ in range(n))
            if whole[: len(prefix)] == prefix:
                yield whole[len(prefix) :]

    return Definition(tuple(letters), member, completions)


def _dyck(types: int, bound: int) -> Definition:
    assert types <= 26
    letters = "abcdefghijklmnopqrstuvwxyz"[:types]
    opens = tuple("(" + letter for letter in letters)
    closes = tuple(letter + ")" for letter in letters)

    def unclosed(word: Word) -> Word | None:
        stack: list[str] = []
        for symbol in word:
            if symbol in opens:
                stack.append(symbol)
            elif not stack or opens.index(stack.pop()) != closes.index(symbol):
                return None
            if len(stack) > bound:
                return None
        return tuple(stack)

    def completions(prefix: Word) -> Iterator[Word]:
        stack = unclosed(prefix)
        if stack is not None:
            yield tuple(closes[opens.index(symbol)] for symbol in reversed(stack))

    return Definition((*opens, *closes), lambda word: unclosed(word) == (), completions)


def _flipflop(word: Word) -> bool:
    memory = None
    if not word or len(word) % 2:
        return False
    for instruction, bit in zip(word[::2], word[1::2], strict=True):
        if instruction not in ("w", "r", "i") or bit not in ("0", "1"):
            return False
        if memory is None and instruction != "w":
            return False
        if instruction == "w":
            memory = bit
        if instruction == "r" and bit != memory:
            return False
    return True


def _undo(bound: int) -> Definition:
    def member(word: Word) -> bool:
        writes: list[str] = []
        if not word or len(word) % 2:
            return False
        for instruction, bit in zip(word[::2], word[1::2], strict=True):
            if instruction not in ("w", "r", "i", "u") or bit not in ("0", "1"):
                return False
            if not writes and instruction != "w":
                return False
            if instruction == "w":
                writes.append(bit)
            if instruction == "u":
                writes.pop()
            if not 1 <= len(writes) <= bound or (instruction == "r" and writes[-1] != bit):
                return False
        return True

    return Definition(("w", "r", "i", "u", "0", "1"), member)


def _group(order: Sequence[int], *cycles: Sequence[Sequence[int]]) -> Definition:
    """Words over generators (given by cycles) whose product, as matrices, is the identity."""
    points = max(max(cycle) for generator in cycles for cycle in generator) + 1
    alphabet = tuple("abcd"[: len(cycles)])
    matrices = {}
    for letter, generator in zip(alphabet, cycles, strict=True):
        matrix = np.eye(points, dtype=int)
        for cycle in generator:
            for here, there in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
                matrix[here] = np.eye(points, dtype=int)[there]
        matrices[letter] = matrix

    @cache
    def value(word: Word) -> bytes:
        if not word:
            return np.eye(points, dtype=int).tobytes()
        before = np.frombuffer(value(word[:-1]), dtype=int).reshape(points, points)
        return bytes((before @ matrices[word[-1]]).tobytes())

    def inverse(prefix: Word) -> Iterator[Word]:
        orders = dict(zip(alphabet, order, strict=True))
        yield tuple(letter for letter in reversed(prefix) for _ in range(orders[letter] - 1))

    return Definition(alphabet, lambda word: value(word) == value(()), inverse)


def _z(modulus: int) -> Definition:
    alphabet = tuple(str(letter) for letter in range(modulus))
    return Definition(alphabet, lambda word: sum(map(int, word)) % modulus == 0)


def _copy(letters: int) -> Definition:
    alphabet = (*"abcdefghijklmnopqrstuvwxyz"[:letters], "#")

    def member(word: Word) -> bool:
        halves = "".join(word).split("#")
        return len(halves) == 2 and halves[0] == halves[1] != ""

    def completions(prefix: Word) -> Iterator[Word]:
        first, _, second = "".join(prefix).partition("#")
        if "#" in prefix:
            yield tuple(first[len(second) :])
        else:
            yield ("#", *first) if first else ("a", "#", "a")

    return Definition(alphabet, member, completions)


def _recall(keys: int, values: int, queries: int = 1) -> Definition:
    known, told = "abcdefghijklmnopqrstuvwxyz"[:keys], "0123456789"[:values]

    def member(word: Word) -> bool:
        parts = "".join(word).split("#")
        if len(parts) != 2 or len(parts[1]) != 2 * queries or not parts[0]:
            return False
        if any(len(part) % 2 for part in parts):
            return False
        pairs, asked = ([part[i : i + 2] for i in range(0, len(part), 2)] for part in parts)
        shaped = all(pair[0] in known and pair[1] in told for pair in pairs + asked)
        latest = {pair[0]: pair[1] for pair in pairs}
        return shaped and all(latest.get(pair[0]) == pair[1] for pair in asked)

    def completions(prefix: Word) -> Iterator[Word]:
        """Pad to the separator, then ask for one key until there are enough queries."""
        text = "".join(prefix)
        for more in ("", "0", "a0"):
            pairs, _, asked = (text + more * ("#" not in text)).partition("#")
            for begun in ("", *told):
                for key in known:
                    for value in told:
                        left = max(0, 2 * queries - len(asked) - len(begun)) // 2
                        whole = f"{pairs}#{asked}{begun}" + (key + value) * left
                        if whole.startswith(text):
                            yield tuple(whole[len(text) :])

    return Definition((*known, *told, "#"), member, completions)


_NAMED = {
    "tomita-1": _pattern("01", "1*"),
    "tomita-2": _pattern("01", "(10)*"),
    "tomita-3": Definition(("0", "1"), _tomita_3),
    "tomita-4": Definition(("0", "1"), lambda word: "000" not in "".join(word)),
    "tomita-5": Definition(
        ("0", "1"), lambda word: word.count("0") % 2 == word.count("1") % 2 == 0
    ),
    "tomita-6": Definition(("0", "1"), lambda word: (word.count("0") - word.count("1")) % 3 == 0),
    "tomita-7": _pattern("01", "0*1*0*1*"),
    "parity": Definition(("0", "1"), lambda word: word.count("1") % 2 == 0),
    "aa-star": _pattern("a", "(aa)*"),
    "aaaa-star": _pattern("a", "(aaaa)*", "", "a", "aa", "aaa"),
    "abab-star": _pattern("ab", "(abab)*", "", "b", "ab", "bab"),
    "aabbccddee": _pattern("abcde", "a+b+c+d+e+", "", "e", "de", "cde", "bcde", "abcde"),
    "ab-d-bc": _pattern("abcd", "[ab]*d[bc]*"),
    "012-02": _pattern("012", "[012]*02*"),
    "dyck-1": _shuffle(1),
    "anbn": _equal_blocks("ab"),
    "anbncn": _equal_blocks("abc"),
    "anbncndn": _equal_blocks("abcd"),
    "flipflop": Definition(("w", "r", "i", "0", "1"), _flipflop),
    "s3": _group((2, 3), [[0, 1]], [[0, 1, 2]]),
    "a5": _group((3, 5), [[0, 1, 2]], [[0, 1, 2, 3, 4]]),
    "s5": _group((2, 5), [[0, 1]], [[0, 1, 2, 3, 4]]),
}

_FAMILIES: dict[str, Callable[..., Definition]] = {
    "d": _d,
    "shuffle": _shuffle,
    "boolean": _boolean,
    "dyck": _dyck,
    "undo": _undo,
    "z": _z,
    "copy": _copy,
    "recall": _recall,
}
