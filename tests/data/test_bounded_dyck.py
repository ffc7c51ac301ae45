"""The published bounded-Dyck files: git blob hashes, and the walk's distribution."""

from collections import Counter

import pytest

from starfree.data import bounded_dyck


@pytest.mark.parametrize("name", sorted(bounded_dyck.FILES))
def test_a_published_file_is_regenerated_bit_by_bit(name: str) -> None:
    strings = bounded_dyck.published_strings(name)
    file = bounded_dyck.FILES[name]
    assert bounded_dyck.git_blob_sha1(bounded_dyck.text(strings)) == file.sha1
    assert all(file.low <= len(string) + 1 <= file.high for string in strings)


def test_sizes_of_the_published_training_file() -> None:
    strings = bounded_dyck.published_strings("m10-train")
    assert len(strings) == 48_887
    assert bounded_dyck.published_strings("m10-train", 100) == strings[:100]
    assert sum(len(string) + 1 for string in strings) == 2_000_093
    assert len({tuple(string) for string in strings}) == 28_773


def test_a_walk_is_well_nested_and_bounded() -> None:
    source = bounded_dyck.walk(pairs=3, depth=4, low=2, high=60, seed=7)
    deepest = 0
    for string in (next(source) for _ in range(2_000)):
        stack: list[int] = []
        for token in string:
            if token < 3:
                stack.append(token)
            else:
                assert token == 3 + stack.pop()
            deepest = max(deepest, len(stack))
        assert not stack
    assert deepest == 4


def test_a_quarter_of_the_strings_is_one_pair() -> None:
    """P(open) = 1 (END is refused at first), P(close) = 1/2, P(END) = 1/2."""
    source = bounded_dyck.walk(pairs=8, depth=10, low=1, high=700, seed=3)
    counts = Counter(len(next(source)) for _ in range(20_000))
    assert counts[2] / 20_000 == pytest.approx(0.25, abs=0.015)
