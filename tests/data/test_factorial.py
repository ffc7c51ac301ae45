"""Training strings of one distribution, tests of all."""

import numpy as np
import pytest

from starfree.data.factorial import distributions, draw_tests, draw_training, for_tests
from starfree.data.hard import hard_members
from starfree.languages.catalog import language

WINDOWS = ((1, 20), (21, 40))
K = 4


def keys(strings):
    return set(strings.keys())


@pytest.mark.parametrize("name", ["d-2", "tomita-4", "parity", "dyck-1"])
def test_no_string_is_in_training_and_in_a_test(name):
    spoken = language(name)
    tests = draw_tests(spoken, 3, 60, WINDOWS, K)
    tested = set().union(*(keys(s) for windows in tests.values() for s in windows.values()))
    for trained_on in distributions(spoken, K):
        train, validation = draw_training(spoken, trained_on, 3, (200, 50), (1, 40), K)
        assert len(keys(train)) == len(train)
        assert not keys(train) & keys(validation)
        assert not (keys(train) | keys(validation)) & tested


def test_strings_are_of_their_distribution_window_and_number():
    spoken = language("d-2")
    tests = draw_tests(spoken, 0, 60, WINDOWS, K)
    assert list(tests) == ["published", "uniform", "hard"]
    hard = hard_members(spoken, K)
    for name, windows in tests.items():
        for (low, high), strings in zip(WINDOWS, windows.values(), strict=True):
            assert spoken.accepts_batch(strings).all()
            assert low <= strings.lengths.min() <= strings.lengths.max() <= high
            if low > 20:
                assert len(strings) == 60
        if name == "hard":
            shortest = min(n for n in range(1, 41) if hard.count(n))
            assert windows["1-20"].lengths.min() >= shortest
    lengths = np.bincount(tests["uniform"]["21-40"].lengths)[22::2]
    assert lengths.min() >= 4  # sixty strings, ten lengths


def test_what_the_last_symbols_tell_has_no_hard_strings():
    assert distributions(language("tomita-4"), K) == ("published", "uniform")
    assert distributions(language("tomita-7"), K) == ("published", "uniform", "hard")


def test_the_split_hangs_on_the_string_and_the_seed_alone():
    spoken = language("parity")
    strings = draw_tests(spoken, 0, 40, WINDOWS, K)["uniform"]["21-40"]
    assert for_tests(strings, 0).all()
    assert 0 < for_tests(strings, 1).mean() < 0.6
    rows = np.arange(len(strings))[::-1]
    assert for_tests(strings.select(rows), 1).tolist() == for_tests(strings, 1)[::-1].tolist()


def test_few_strings_are_shared_out():
    train, validation = draw_training(language("tomita-1"), "uniform", 0, (1_000, 200), (1, 100), K)
    assert 5 <= len(validation) < len(train) < 100
