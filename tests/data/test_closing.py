"""The evaluator's stack, against a walk of one string at a time, and its published statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from starfree.data.bounded_dyck import PAIRS, published_strings
from starfree.data.closing import ceiling, evaluator_stacks
from starfree.languages.strings import Strings


def walk(string, types, bound):
    """Top and distance after every prefix, and whether the stack is full."""
    stack, found = [], [(-1, -1, False)]
    for t, token in enumerate(string, start=1):
        if token < types:
            if len(stack) < bound:
                stack.append((token, t))
        elif stack and stack[-1][0] == token - types:
            stack.pop()
        top, opened = stack[-1] if stack else (-1, t + 1)
        found.append((top, t - opened, len(stack) == bound))
    return found


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=12), min_size=1, max_size=5), st.integers(1, 4)
)
def test_the_stack_of_any_string(rows, bound):
    strings = Strings.of(rows)
    stacks = evaluator_stacks(strings, 3, bound)
    for index, row in enumerate(rows):
        expected = walk(row, 3, bound)
        length = len(row) + 1
        found = list(
            zip(stacks.top[index], stacks.distance[index], stacks.full[index], strict=True)
        )
        assert found[:length] == expected
        assert stacks.real[index].tolist() == [True] * length + [False] * (len(found) - length)
        assert all(beyond == (-1, -1, False) for beyond in found[length:])


def test_the_published_test_file_asks_mostly_for_what_was_just_read():
    strings = Strings.of(published_strings("m10-test"))
    distance = evaluator_stacks(strings, PAIRS, 10).distance
    asked = distance[distance >= 0]
    shares = [float((asked <= limit).mean()) for limit in (0, 2, 10, 100)]
    assert shares == pytest.approx([0.526, 0.658, 0.824, 0.982], abs=1e-3)
    assert ceiling(strings, PAIRS, 10) == 1


def test_an_evaluator_with_too_small_a_stack_has_a_ceiling():
    """82.9 % for a perfect model, and a wrong stack after 25.1 % of the prefixes."""
    strings = Strings.of(published_strings("m20-test"))
    assert ceiling(strings, PAIRS, 15) == pytest.approx(0.829, abs=5e-4)
    assert ceiling(strings.select(np.arange(20)), PAIRS, 20) == 1
