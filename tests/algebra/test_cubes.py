import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from starfree.algebra.cubes import cover, covered


@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_covers_are_right_and_disjoint(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.array(list(itertools.product(*map(range, sizes))), dtype=np.int32)
    rows = rows[rng.random(len(rows)) < 0.8]
    required = rng.random(len(rows)) < 0.4
    allowed = required | (rng.random(len(rows)) < 0.3)
    cubes = cover(rows, required, allowed, sizes)
    times = np.zeros(len(rows), dtype=int)
    for cube in cubes:
        times += covered(cube, rows)
    assert (times[required] == 1).all()
    assert (times[~allowed] == 0).all()
    assert times.max(initial=0) <= 1
    assert len(cubes) <= required.sum()


def test_known_minimum() -> None:
    rows = np.array(list(itertools.product(range(2), repeat=4)), dtype=np.int32)
    required = (rows[:, 0] == 1) & (rows[:, 2] == 0)
    assert len(cover(rows, required, required, [2] * 4)) == 1
    parity = rows.sum(axis=1) % 2 == 1
    assert len(cover(rows, parity, parity, [2] * 4)) == 8
    values = np.arange(9, dtype=np.int32)[:, None]
    assert len(cover(values, values[:, 0] % 3 == 1, values[:, 0] % 3 == 1, [9])) == 1


def test_nothing_to_cover() -> None:
    rows = np.zeros((3, 0), dtype=np.int32)
    assert cover(rows, np.zeros(3, dtype=bool), np.zeros(3, dtype=bool), []) == []
