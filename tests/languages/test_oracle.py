"""Legal sets and membership against the definitions, on all strings of small length."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from language_definitions import definition_of

from starfree.languages.catalog import entries, language
from starfree.languages.strings import Strings

NAMES = [entry.name for entry in entries()]
FAMILY_MEMBERS = (
    *("d-1", "d-5", "shuffle-1", "shuffle-3", "shuffle-7", "boolean-2", "boolean-6"),
    *("dyck-1-1", "dyck-1-3", "dyck-3-1", "dyck-2-2", "dyck-3-2", "undo-flipflop-1"),
    *("undo-flipflop-2", "z-2", "z-12", "copy-3", "recall-2-3", "recall-3-2-2", "recall-4-8"),
)


def agree_on_all_strings(name: str, length: int) -> None:
    """Rows after all prefixes, live or not, of all strings of this length."""
    definition, tested = definition_of(name), language(name)
    assert tested.alphabet == definition.alphabet
    symbols = range(len(tested.alphabet))
    tokens = np.array(list(product(symbols, repeat=length)), dtype=np.int16)
    strings = Strings(tokens.reshape(-1, length), np.full(len(tokens), length, dtype=np.int32))
    rows = tested.legal_batch(strings)
    assert rows.shape == (len(tokens), length + 1, tested.end + 1)
    live = {(): tested.initial()} if definition.live(()) else {}
    for t in range(length + 1):
        expected = np.zeros((len(symbols) ** t, tested.end + 1), dtype=bool)
        following = {}
        for prefix, configuration in live.items():
            number = sum(token * len(symbols) ** (t - 1 - i) for i, token in enumerate(prefix))
            word = tuple(tested.alphabet[token] for token in prefix)
            expected[number, -1] = definition.member(word)
            assert tested.is_final(configuration) == expected[number, -1]
            for token in symbols:
                expected[number, token] = definition.live((*word, tested.alphabet[token]))
                successor = tested.successor(configuration, token)
                assert (successor is not None) == expected[number, token]
                if successor is not None:
                    following[(*prefix, token)] = successor
        repeats = len(symbols) ** (length - t)
        assert (rows[:, t] == expected.repeat(repeats, axis=0)).all(), (name, t)
        live = following
    assert (tested.accepts_batch(strings) == rows[:, -1, -1]).all()


def feasible_length(name: str, budget: int) -> int:
    """The longest length up to 10 with at most `budget` strings."""
    symbols = len(definition_of(name).alphabet)
    return max(length for length in range(11) if symbols**length <= budget)


@pytest.mark.parametrize("name", [*NAMES, *FAMILY_MEMBERS])
def test_all_short_strings(name: str) -> None:
    agree_on_all_strings(name, feasible_length(name, 2500))


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_all_strings_up_to_length_10_or_6(name: str) -> None:
    symbols = len(definition_of(name).alphabet)
    agree_on_all_strings(name, 10 if symbols <= 4 else min(6, feasible_length(name, 300_000)))


def longer_members(name: str, count: int) -> None:
    """The rows of random longer members, asked of the definition at random positions."""
    definition, tested = definition_of(name), language(name)
    generator = np.random.default_rng(7)
    lengths = [length for length in range(11, 60) if tested.count(length)]
    strings = Strings.concatenate(
        [
            Strings.of(tested.draw(length, -(-count // len(lengths)), generator))
            for length in generator.permutation(lengths)
        ]
    ).select(slice(count))
    rows = tested.legal_batch(strings)
    assert tested.accepts_batch(strings).all()
    for tokens, legal in zip(strings, rows, strict=True):
        word = tuple(tested.alphabet[token] for token in tokens)
        assert definition.member(word)
        assert not legal[len(word) + 1 :].any()
        t = int(generator.integers(len(word) + 1))
        expected = [definition.live((*word[:t], symbol)) for symbol in tested.alphabet]
        assert legal[t].tolist() == [*expected, definition.member(word[:t])], (name, word, t)


@pytest.mark.parametrize("name", NAMES)
def test_longer_members(name: str) -> None:
    longer_members(name, 20)


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_ten_thousand_longer_members(name: str) -> None:
    longer_members(name, 10_000)


def test_rows_beyond_a_string_are_empty() -> None:
    """Strings of different lengths in one batch, one of them empty."""
    for name in ("d-2", "dyck-1", "boolean-3", "anbn", "dyck-2-4", "shuffle-2"):
        tested = language(name)
        word = tested.draw(
            next(n for n in range(4, 9) if tested.count(n)), 1, np.random.default_rng(0)
        )
        rows = tested.legal_batch(Strings.of([[], word[0, :2], word[0]]))
        for row, length in zip(rows, (0, 2, word.shape[1]), strict=True):
            assert (row[: length + 1] == tested.legal(word[0, :length])).all()
            assert not row[length + 1 :].any()


def test_no_strings() -> None:
    for name in ("d-2", "dyck-1", "boolean-3", "anbn", "dyck-2-4"):
        tested = language(name)
        assert tested.legal_batch(Strings.of([])).shape == (0, 1, tested.end + 1)
        assert tested.accepts_batch(Strings.of([])).shape == (0,)
