"""The authors' label encodings, against their tables written out by hand."""

from __future__ import annotations

import time

import numpy as np
import pytest

from starfree.errors import InputError
from starfree.languages.catalog import entries, language
from starfree.languages.encodings import encode_labels, encoding_of, label_chunks
from starfree.languages.strings import Strings

SUITE = [entry.name for entry in entries() if entry.in_suite]


def by_hand(name: str, word: str, published: bool) -> str:
    """The label line of a member, by the rules of the published generators."""
    prefixes = [word[: t + 1] for t in range(len(word))]
    if name == "tomita-1":
        return "01" * len(word)
    if name == "tomita-2":
        return "".join({"1": "10", "0": "01"}[symbol] for symbol in word)
    if name == "tomita-3":
        state, line = "E", ""
        moves = {"E": "EO", "O": ("Z1", "E"), "Z1": ("Z0", ""), "Z0": ("Z1", "O")}
        true = {"E": "11", "O": "11", "Z1": "10", "Z0": "11"}
        labels = true | {"O": "01", "Z0": "01"} if published else true
        for symbol in word:
            state = moves[state][int(symbol)]
            line += labels[state]
        return line
    if name == "tomita-4":
        return "".join("01" if p.endswith("00") else "11" for p in prefixes)
    if name == "tomita-7":
        return "".join("01" if p.lstrip("0").lstrip("1").lstrip("0") else "11" for p in prefixes)
    if name in ("tomita-5", "tomita-6", "parity"):
        rule = {
            "tomita-5": lambda p: p.count("0") % 2 == 0 and p.count("1") % 2 == 0,
            "tomita-6": lambda p: (p.count("0") - p.count("1")) % 3 == 0,
            "parity": lambda p: p.count("1") % 2 == 0,
        }[name]
        return "".join("01"[rule(p)] for p in prefixes)
    if name == "aa-star":
        return "01" * (len(word) // 2)
    if name in ("aaaa-star", "abab-star"):
        return "0001" * (len(word) // 4)
    if name.startswith("d-"):
        bound = int(name[2:])
        depths = [p.count("a") - p.count("b") for p in prefixes]
        return "".join("10" if d == 0 else "01" if d == bound else "11" for d in depths)
    if name == "ab-d-bc":
        return "".join("0110" if "d" in p else "1101" for p in prefixes)
    if name == "aabbccddee":
        return "".join({"a": "b", "b": "c", "c": "d", "d": "e", "e": "T"}[s] for s in word)
    if name == "012-02":
        zero_last = [p.rstrip("2").endswith("0") for p in prefixes]
        if published:
            zero_last = [z and p[-1] == "2" for z, p in zip(zero_last, prefixes, strict=True)]
        return "".join("ce"[z] for z in zero_last)
    if name == "dyck-1" or name.startswith("shuffle"):
        pairs = ["()", "[]", "{}", "<>", "+-", "ab"][: 1 if name == "dyck-1" else int(name[-1])]
        return "".join(
            "01"[p.count(opening) > p.count(closing)]
            for p in prefixes
            for opening, closing in pairs
        )
    if name.startswith("boolean"):
        return "0" * (len(word) - 1) + "1"
    n = len(word) // (len(name) // 2)
    return {
        "anbn": "a" * n + "b" * (n - 1) + "T",
        "anbncn": "a" * n + "b" * (n - 1) + "c" * n + "T",
        "anbncndn": "a" * n + "b" * (n - 1) + "c" * n + "d" * n + "T",
    }[name]


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("name", SUITE)
def test_label_lines(name: str, published: bool) -> None:
    tested = language(name)
    generator = np.random.default_rng(3)
    lengths = [length for length in range(1, 40) if tested.count(length)]
    strings = Strings.concatenate(
        [Strings.of(tested.draw(length, 40, generator)) for length in lengths]
    )
    words = [tested.decode(tokens) for tokens in strings]
    expected = [by_hand(name, word, published) for word in words]
    assert encode_labels(tested, strings, published) == expected
    true = [by_hand(name, word, False) for word in words]
    assert (expected == true) == (not published or name not in ("tomita-3", "012-02"))


@pytest.mark.parametrize("name", SUITE)
def test_chunks_are_the_same_lines(name: str) -> None:
    tested = language(name)
    length = next(length for length in range(6, 20) if tested.count(length))
    strings = Strings.of([tested.draw(length, 1, np.random.default_rng(0))[0], []])
    classes, chunks = label_chunks(tested, strings)
    assert classes[1].tolist() == [-1] * length
    assert len(set(chunks)) == len(chunks)
    assert ["".join(chunks[c] for c in classes[0]), ""] == encode_labels(tested, strings)


def test_kinds() -> None:
    assert {encoding_of(language(name)) for name in SUITE} == {
        *("ACC", "LEGAL", "CLOSE", "CE", "NEXT", "CNT")
    }
    with pytest.raises(InputError, match="flipflop: the authors have no label encoding"):
        encode_labels(language("flipflop"), Strings.of([]))


def test_speed() -> None:
    tested = language("shuffle-6")
    strings = Strings.of(tested.draw(100, 10_000, np.random.default_rng(0)))
    start = time.process_time()
    assert len(encode_labels(tested, strings)) == 10_000
    assert time.process_time() - start < 1.0
