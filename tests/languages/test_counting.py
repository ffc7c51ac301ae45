"""Exact counts and uniform draws, against counting over the machine of each language."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable
from functools import cache

import numpy as np
import pytest

from starfree.errors import InputError
from starfree.languages.catalog import entries, language
from starfree.languages.language import Language
from starfree.languages.strings import Strings

NAMES = (
    *(entry.name for entry in entries()),
    *("d-1", "dyck-1-3", "shuffle-3", "shuffle-7", "boolean-2", "boolean-7", "z-12"),
    *("regex:[ab]*&~(.*aab.*)", "regex:(a|b|c)((a|b|c)(a|b|c))*|de*"),
)


def completions_of(tested: Language) -> Callable[[Hashable, int], int]:
    """How many words of a length lead from a configuration to a member; exact."""

    @cache
    def completions(configuration: Hashable, length: int) -> int:
        if length == 0:
            return int(tested.is_final(configuration))
        return sum(
            completions(following, length - 1)
            for token in range(len(tested.alphabet))
            if (following := tested.successor(configuration, token)) is not None
        )

    return completions


@pytest.mark.parametrize("name", NAMES)
def test_counts(name: str) -> None:
    tested = language(name)
    completions = completions_of(tested)
    # Short, to keep the number of stacks and counts that this unfolds small.
    lengths = (*range(10), 12, 15) if tested.end < 8 else range(9 if tested.end < 16 else 7)
    for length in lengths:
        assert tested.count(length) == completions(tested.initial(), length), length


def test_known_large_counts() -> None:
    """Closed forms at lengths where floating point would be wrong."""
    catalan_250 = language("dyck-1").count(500)
    assert catalan_250 == language("d-250").count(500) == language("dyck-1-250").count(500)
    assert language("dyck-3-250").count(500) == 3**250 * catalan_250
    assert language("parity").count(300) == 2**299
    assert language("z-7").count(120) == 7**119
    # Shuffles of two are products of neighbouring Catalan numbers.
    assert language("shuffle-2").count(498) == language("dyck-1").count(498) * catalan_250
    assert language("anbncn").count(300) == 1
    assert language("anbncn").count(301) == 0
    assert isinstance(language("s5").count(np.int64(40)), int)


def chi_square(observed: Counter[bytes], expected: dict[bytes, float]) -> tuple[float, int]:
    assert set(observed) <= set(expected)
    statistic = sum((observed[key] - value) ** 2 / value for key, value in expected.items())
    return statistic, len(expected) - 1


def prefix_counts(tested: Language, length: int, depth: int) -> dict[bytes, int]:
    """The number of members of this length by their first `depth` symbols."""
    completions = completions_of(tested)
    layer: dict[tuple[int, ...], Hashable] = {(): tested.initial()}
    for _ in range(depth):
        layer = {
            (*word, token): following
            for word, configuration in layer.items()
            for token in range(len(tested.alphabet))
            if (following := tested.successor(configuration, token)) is not None
        }
    counts = {
        np.array(word, dtype=np.int16).tobytes(): completions(configuration, length - depth)
        for word, configuration in layer.items()
    }
    return {word: count for word, count in counts.items() if count}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["whole strings", "prefixes"])
def test_draws_are_uniform(name: str, part: str) -> None:
    tested = language(name)
    if part == "whole strings":
        length = max(n for n in range(1, 14) if 0 < tested.count(n) <= 300)
        depth = length
    else:
        longest, depth = (17, 3) if tested.end < 5 else (9, 3) if tested.end < 9 else (6, 2)
        length = max(n for n in range(depth, longest + 1) if tested.count(n))
    counts = prefix_counts(tested, length, depth)
    total = sum(counts.values())
    assert total == tested.count(length)
    draws = max(4000, 20 * len(counts))
    expected = {word: draws * count / total for word, count in counts.items()}
    sample = tested.draw(length, draws, np.random.default_rng(11))
    assert sample.shape == (draws, length)
    assert sample.dtype == np.int16
    observed = Counter(row.tobytes() for row in sample[:, :depth].copy())
    # Rare words are put together, so that the statistic has its distribution.
    common = {word: value for word, value in expected.items() if value >= 5}
    rare = set(expected) - set(common)
    if rare:
        common[b"rare"] = sum(expected[word] for word in rare)
        observed = Counter({w: n for w, n in observed.items() if w not in rare}) + Counter(
            {b"rare": sum(observed[word] for word in rare)}
        )
    statistic, freedom = chi_square(observed, common)
    assert statistic < freedom + 5 * np.sqrt(2 * freedom) + 10, (statistic, freedom)


@pytest.mark.parametrize("name", NAMES)
def test_long_draws_are_members(name: str) -> None:
    tested = language(name)
    length = next(n for n in range(200, 220) if tested.count(n))
    sample = tested.draw(length, 30, np.random.default_rng(5))
    assert tested.accepts_batch(Strings.of(sample)).all()
    again = tested.draw(length, 30, np.random.default_rng(5))
    assert (sample == again).all()


def test_long_draws_where_one_branch_outgrows_all_floats() -> None:
    """At odd lengths the only member is d e e ..; at even lengths its share is 3^-1000."""
    tested = language("regex:((a|b|c)(a|b|c))*|de*")
    assert tested.draw(1001, 1, np.random.default_rng(0))[0].tolist() == [3] + [4] * 1000
    assert (tested.draw(1000, 20, np.random.default_rng(0)) < 3).all()


def test_no_member_of_that_length() -> None:
    for name, length in (("d-2", 3), ("dyck-1", 5), ("boolean-3", 0), ("anbn", 7), ("dyck-2-4", 1)):
        with pytest.raises(InputError, match=f"{name}: no member has length {length}"):
            language(name).draw(length, 1, np.random.default_rng(0))


def seconds(work: Callable[[], object]) -> float:
    """Processor time, the best of three."""
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return float(best)


@pytest.mark.parametrize(
    ("name", "millions"), [("d-12", 20), ("dyck-1", 20), ("shuffle-2", 10), ("boolean-3", 10)]
)
def test_speed(name: str, millions: int) -> None:
    """A third of what one quiet core does (d-12: 70 million positions a second)."""
    tested, generator = language(name), np.random.default_rng(0)
    length = 100 if tested.count(100) else 99
    tested.draw(length, 1, generator)  # fills the tables of counts
    assert seconds(lambda: tested.draw(length, 5000, generator)) < 1.0
    strings = Strings.of(tested.draw(length, 5000, generator))
    positions = strings.tokens.size + len(strings)
    assert positions / seconds(lambda: tested.legal_batch(strings)) > millions * 1e6
