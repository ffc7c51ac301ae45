"""The distributions of the authors' generators for the 27 languages of the suite.

Each generator is an endless stream of strings with lengths in ``low .. high``, written as text. The
distributions are theirs (lacoco-lab/ssm_expressivity, after satwik77/Transformer-Formal-Languages),
with their peculiarities: block sizes that halve, D_n strings that are long runs of ab, shuffles
that are never shuffled. The random numbers are ours, for theirs were not seeded. Only for D-2 the
distribution is ours too: its published files were not made by the published generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Stream = Iterator[str]
Generator = Callable[[int, int, np.random.Generator], Stream]

_BATCH = 4096
PAIRS = ("()", "[]", "{}", "<>", "+-", "ab")
OPERATORS = "~+>*^"


def repeated(block: str, at_least_one: bool = False) -> Generator:
    """(block)*: as many copies as fit into a length drawn from U[low, high].

    With `at_least_one` the length is U[low + 1, high] (the authors' Tomita-2).
    """

    def stream(low: int, high: int, generator: np.random.Generator) -> Stream:
        while True:
            start = min(low + at_least_one, high)
            for length in generator.integers(start, high + 1, _BATCH).tolist():
                copies = length // len(block)
                if low <= copies * len(block):
                    yield block * copies

    return stream


def equal_blocks(letters: str) -> Generator:
    """a^n b^n ..: n uniform."""

    def stream(low: int, high: int, generator: np.random.Generator) -> Stream:
        smallest, largest = -(-low // len(letters)), high // len(letters)
        while True:
            for n in generator.integers(smallest, largest + 1, _BATCH).tolist():
                yield "".join(letter * n for letter in letters)

    return stream


def tomita_3(low: int, high: int, generator: np.random.Generator) -> Stream:
    """Blocks of a fair symbol, size U[0, rest]; 0s after an odd run of 1s come in even sizes."""
    while True:
        rest = int(generator.integers(low, high + 1))
        text, last, ones = "", "", 0
        while rest:
            symbol = "01"[generator.integers(2)]
            if symbol == "0" and last and ones % 2:
                size = 2 * int(generator.integers(rest // 2 + 1))
            else:
                size = int(generator.integers(rest + 1))
            if symbol == "1":
                ones = size if last == "0" and size else ones + size
            text += symbol * size
            rest -= size
            last = symbol if size else last
        yield text


def tomita_4(low: int, high: int, generator: np.random.Generator) -> Stream:
    """Uniform length, fair coins; a third consecutive 0 is redrawn, so it becomes a 1."""
    while True:
        lengths = generator.integers(low, high + 1, _BATCH)
        ones = generator.random((_BATCH, high)) < 0.5
        for t in range(2, high):
            ones[:, t] |= ~(ones[:, t - 1] | ones[:, t - 2])
        yield from _texts(ones, lengths)


def tomita_7(low: int, high: int, generator: np.random.Generator) -> Stream:
    """Four blocks 0 1 0 1, each U[0, what is left of high]."""
    while True:
        text = ""
        for symbol in "0101":
            text += symbol * int(generator.integers(high - len(text) + 1))
        if len(text) >= low:
            yield text


def even_counts(low: int, high: int, generator: np.random.Generator) -> Stream:
    """Tomita-5: independent symbols, members kept."""
    for text in _independent(low, high, generator):
        if text.count("0") % 2 == 0 and text.count("1") % 2 == 0:
            yield text


def counts_equal_mod_3(low: int, high: int, generator: np.random.Generator) -> Stream:
    """Tomita-6: independent symbols, members kept."""
    for text in _independent(low, high, generator):
        if (text.count("0") - text.count("1")) % 3 == 0:
            yield text


def parity(low: int, high: int, generator: np.random.Generator) -> Stream:
    """Independent symbols; a repetition is refused, *then* a 1 is appended to an odd string.

    What the 1 makes is not compared again: hence the duplicates of the published files.
    """
    seen: set[str] = set()
    for text in _independent(low, high, generator):
        if text in seen:
            continue
        even = text + "1" * (text.count("1") % 2)
        if len(even) <= high:
            seen.add(even)
            yield even


def letter_runs(letters: str) -> Generator:
    """aa*bb*..: a budget of high - low + 1; each letter takes U[1, rest] of it, plus low / 5."""

    def stream(low: int, high: int, generator: np.random.Generator) -> Stream:
        while True:
            budget, text = high - low + 1, ""
            for letter in letters:
                count = int(generator.integers(budget)) + 1 if budget else 0
                text += letter * (low // len(letters) + count)
                budget -= count
            if letters[-1] in text and low <= len(text) <= high:
                yield text

    return stream


def around(before: str, middle: str, after: str) -> Generator:
    """{before}* middle {after}*: the length of each side uniform, letters uniform."""

    def stream(low: int, high: int, generator: np.random.Generator) -> Stream:
        while True:
            prefix = int(generator.integers(max(high - 1, 1)))
            suffix = int(generator.integers(max(high - prefix - 1, 1)))
            if prefix + 1 + suffix < low:
                continue
            left = "".join(before[i] for i in generator.integers(len(before), size=prefix))
            right = "".join(after[i] for i in generator.integers(len(after), size=suffix))
            yield left + middle + right

    return stream


def nested_runs(depth: int) -> Generator:
    """D_n: while shorter than l, append a w b with w of D_(n-1) about r l long.

    r starts at 0.75 and loses 0.02 after each 20,000 strings that were seen before or do not fit;
    the stream yields different strings, and ends when r is used up.
    """

    def grow(level: int, length: int, ratio: float, normal: Iterator[float]) -> str:
        if level == 1:
            return "ab" * -(-length // 2)
        text = ""
        while len(text) < length:
            inner = int(length * ratio * (1 + 0.1 * next(normal)))
            text += f"a{grow(level - 1, inner, ratio, normal)}b"
        return text

    def stream(low: int, high: int, generator: np.random.Generator) -> Stream:
        normal = _forever(lambda: generator.standard_normal(_BATCH))
        seen: set[str] = set()
        ratio, refused = 0.75, 0
        while ratio >= 0:
            length = int(high * ratio * (1 + 0.1 * next(normal)))
            text = grow(depth, length, ratio, normal)
            if text not in seen and low <= len(text) <= high:
                seen.add(text)
                yield text
            else:
                refused += 1
                if refused > 20_000:
                    ratio, refused = ratio - 0.02, 0

    return stream


def d_2(low: int, high: int, generator: np.random.Generator) -> Stream:
    """(a(ab)*b)*: blocks with U[0, 0.9 l] symbols inside, until l symbols stand; l uniform.

    The published generator (`nested_runs`) has 1,400 different strings of up to 100 symbols, the
    published files 6,000. This one agrees with the files in lengths (mean 65), in blocks a string
    (mostly 3), and in the last block being the longest.
    """
    while True:
        length = int(generator.integers(1, high + 1))
        text = ""
        while len(text) < length:
            text += f"a{'ab' * (round(generator.uniform(0, 0.9 * length)) // 2)}b"
        if low <= len(text) <= high:
            yield text


def brackets(pairs: int) -> Generator:
    """Dyck-1 and "Shuffle"-k: S -> (_i S )_i with 1/2, S S with 1/4, nothing with 1/4.

    A subtree longer than `high` becomes empty, and so does one under ``high / 2`` open brackets.
    The same grammar serves for k pairs, so no two pairs ever cross.
    """

    def stream(low: int, high: int, generator: np.random.Generator) -> Stream:
        uniform = _forever(lambda: generator.random(_BATCH))
        while True:
            text = _derive(pairs, high, uniform)
            if len(text) >= low:
                yield text

    return stream


def boolean(arities: int, operator: float) -> Generator:
    """Prefix expressions: operators with this probability, else 0 or 1; cut ones dropped."""

    def stream(low: int, high: int, generator: np.random.Generator) -> Stream:
        symbols = np.frombuffer(("01" + OPERATORS[:arities]).encode(), dtype=np.uint8)
        arity = np.array([0, 0, *range(1, arities + 1)])
        chances = np.array([(1 - operator) / 2] * 2 + [operator / arities] * arities)
        cumulative = np.cumsum(chances) / chances.sum()
        while True:
            drawn = np.zeros((_BATCH, high), dtype=np.uint8)
            growing = np.arange(_BATCH)  # expressions with operands missing
            missing = np.ones(_BATCH, dtype=np.int64)
            for t in range(high):
                choice = np.searchsorted(cumulative, generator.random(len(growing)), side="right")
                drawn[growing, t] = symbols[choice]
                missing = missing - 1 + arity[choice]
                if t + 1 >= low:
                    for row in growing[missing == 0]:
                        yield drawn[row, : t + 1].tobytes().decode()
                growing, missing = growing[missing > 0], missing[missing > 0]

    return stream


GENERATORS: dict[str, Generator] = {
    "tomita-1": repeated("1"),
    "tomita-2": repeated("10", at_least_one=True),
    "tomita-3": tomita_3,
    "tomita-4": tomita_4,
    "tomita-5": even_counts,
    "tomita-6": counts_equal_mod_3,
    "tomita-7": tomita_7,
    "d-2": d_2,
    "d-3": nested_runs(3),
    "d-4": nested_runs(4),
    "d-12": nested_runs(12),
    "parity": parity,
    "aa-star": repeated("aa"),
    "aaaa-star": repeated("aaaa"),
    "abab-star": repeated("abab"),
    "aabbccddee": letter_runs("abcde"),
    "ab-d-bc": around("ab", "d", "bc"),
    "012-02": around("012", "0", "2"),
    "dyck-1": brackets(1),
    "shuffle-2": brackets(2),
    "shuffle-4": brackets(4),
    "shuffle-6": brackets(6),
    "boolean-3": boolean(3, 0.5),
    "boolean-5": boolean(5, 0.3),
    "anbn": equal_blocks("ab"),
    "anbncn": equal_blocks("abc"),
    "anbncndn": equal_blocks("abcd"),
}


def _independent(low: int, high: int, generator: np.random.Generator) -> Stream:
    """0, 1 with probability L / 2(1 + L) each, else stop; L = (low + high) // 2; cut at `high`."""
    stop = 1 / (1 + (low + high) // 2)
    while True:
        lengths = np.minimum(generator.geometric(stop, _BATCH) - 1, high)
        ones = generator.random((_BATCH, high)) < 0.5
        long_enough = lengths >= low
        yield from _texts(ones[long_enough], lengths[long_enough])


def _texts(ones: np.ndarray, lengths: np.ndarray) -> Stream:
    """Rows of bits as texts of 0 and 1."""
    characters = np.where(ones, ord("1"), ord("0")).astype(np.uint8)
    for row, length in zip(characters, lengths, strict=True):
        yield row[:length].tobytes().decode()


def _derive(pairs: int, high: int, uniform: Iterator[float]) -> str:
    """One derivation from S, without recursion: S -> S S nests as deep as it likes."""
    text: list[str] = []
    # What is still to do: expand an S under `size` brackets, or close the subtree begun at `start`.
    todo: list[tuple[str, int]] = [("expand", 0)]
    while todo:
        what, number = todo.pop()
        if what == "expand":
            choice = next(uniform) if number < high else 1.0
            if choice < 0.5:
                pair = PAIRS[int(choice * 2 * pairs)]
                todo += [(pair[1], len(text)), ("expand", number + 2)]
                text.append(pair[0])
            elif choice < 0.75:
                todo += [("", len(text)), ("expand", number), ("expand", number)]
        else:
            if what:
                text.append(what)
            if len(text) - number > high:
                del text[number:]
    return "".join(text)


def _forever(batch: Callable[[], np.ndarray]) -> Iterator[float]:
    while True:
        yield from batch().tolist()
