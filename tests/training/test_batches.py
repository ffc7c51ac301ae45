"""Order and company of the strings: every one once, similar lengths together, bounded size."""

import numpy as np
import pytest

from starfree.training.batches import (
    EVALUATION_POSITIONS,
    evaluation_order,
    spread,
    training_order,
)


def lengths_of(low, high, count, seed=0):
    return np.random.default_rng(seed).integers(low, high + 1, count).astype(np.int32)


@pytest.mark.parametrize("count", [1, 31, 32, 1000, 10_000])
@pytest.mark.parametrize("shuffle", [True, False, "random"])
def test_an_epoch_reads_every_string_once(count, shuffle):
    order = training_order(lengths_of(1, 50, count), 32, seed=0, epoch=0, shuffle=shuffle)
    assert np.array_equal(np.sort(np.concatenate(order)), np.arange(count))
    assert all(len(rows) <= 32 for rows in order)
    assert len(order) == -(-count // 32)


@pytest.mark.parametrize(
    ("low", "high", "count", "batch_size"),
    [(1, 51, 10_000, 32), (1, 51, 10_000, 64), (2, 101, 10_000, 32), (2, 51, 1_100, 32)],
)
def test_padding_is_below_ten_per_cent_of_the_computed_positions(low, high, count, batch_size):
    lengths = lengths_of(low, high, count)
    for epoch in range(3):
        order = training_order(lengths, batch_size, seed=1, epoch=epoch, shuffle=True)
        computed = sum(len(rows) * lengths[rows].max() for rows in order)
        assert 1 - lengths.sum() / computed < 0.1


def test_the_order_is_a_function_of_seed_and_epoch():
    lengths = lengths_of(1, 50, 5_000)

    def order(seed, epoch):
        rows = training_order(lengths, 32, seed=seed, epoch=epoch, shuffle=True)
        return np.concatenate(rows).tolist()

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)
    assert order(0, 1) != order(1, 0)


def test_the_company_of_a_string_changes_even_among_equal_lengths():
    lengths = np.full(640, 7, dtype=np.int32)
    company = [
        next(set(rows) for rows in training_order(lengths, 32, 0, epoch, True) if 5 in rows)
        for epoch in range(4)
    ]
    assert len(set.union(*company)) > 3 * 31


def test_long_strings_do_not_come_in_a_fixed_place_of_the_epoch():
    lengths = np.sort(lengths_of(1, 50, 10_000))
    places = [
        np.argmax([lengths[rows].max() for rows in training_order(lengths, 32, 0, epoch, True)])
        for epoch in range(8)
    ]
    assert len(set(places)) > 4


def test_without_shuffling_every_epoch_is_the_file_order():
    lengths = lengths_of(1, 50, 100)
    for epoch in range(2):
        rows = training_order(lengths, 32, seed=3, epoch=epoch, shuffle=False)
        assert np.concatenate(rows).tolist() == list(range(100))


@pytest.mark.parametrize("high", [50, 501, 20_000])
def test_an_evaluation_reads_every_string_once_in_bounded_batches(high):
    lengths = lengths_of(1, high, 1000)
    order = list(evaluation_order(lengths))
    assert np.array_equal(np.sort(np.concatenate(order)), np.arange(1000))
    for rows in order:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= EVALUATION_POSITIONS


@pytest.mark.parametrize(("count", "wanted"), [(10, 3), (10, 10), (3, 10), (1, 1), (1000, 200)])
def test_spread_takes_as_many_as_there_are_from_end_to_end(count, wanted):
    rows = spread(count, wanted)
    assert len(rows) == min(count, wanted)
    assert rows[0] == 0
    assert wanted == 1 or rows[-1] == count - 1


def test_spread_of_nothing_is_nothing():
    assert len(spread(0, 5)) == 0


def test_the_random_order_mixes_lengths():
    """Lengths in sorted company differ little; in random company as much as in the whole."""
    lengths = lengths_of(1, 50, 3_200)

    def spread_of(shuffle):
        order = training_order(lengths, 32, seed=0, epoch=0, shuffle=shuffle)
        return np.mean([lengths[rows].std() for rows in order])

    assert spread_of(True) < 0.1 * lengths.std()
    assert spread_of("random") > 0.9 * lengths.std()
