"""The published numbers: complete, in range, and those one remembers."""

from collections import Counter

import pytest

from starfree.experiments.published_results import published_accuracy, published_results

STAR_FREE = 11
NOT_STAR_FREE = 7
COUNTER = 9


def test_the_suite_is_complete():
    suite = [result for result in published_results() if result.experiment == "suite"]
    assert len(suite) == (STAR_FREE + NOT_STAR_FREE) * 4 * 2 + COUNTER * 4 * 3
    rows = Counter((result.language, result.model, result.layers) for result in suite)
    assert len(rows) == 27 * 4
    assert set(rows.values()) == {2, 3}


def test_bounded_dyck_is_complete():
    rows = [r for r in published_results() if r.experiment == "bounded-dyck"]
    figure = [r for r in rows if "data.csv" in r.source]
    # 18 runs: train, dev, test and (but for one killed run) test20; two losses; a run time
    assert Counter(r.metric for r in figure) == {
        "closing_accuracy": 18 * 4 - 1,
        "loss_nats": 36,
        "runtime_seconds": 18,
    }
    assert len(rows) - len(figure) == 9 * 3 - 1


def test_flipflop_is_complete():
    rows = [r for r in published_results() if r.experiment == "flipflop"]
    assert Counter(r.metric for r in rows) == {
        "string_accuracy": 16,
        "first_solved_evaluation": 2,
    }


def test_every_row_is_sound():
    keys = set()
    for row in published_results():
        if row.metric.endswith("accuracy"):
            assert 0 <= row.value <= 1, row
        assert row.source
        key = (row.experiment, row.language, row.model, row.layers, row.bin, row.metric,
               row.setting, row.source)  # fmt: skip
        assert key not in keys
        keys.add(key)


@pytest.mark.parametrize(
    ("language", "model", "layers", "bin_index", "value"),
    [
        ("d-12", "mamba", 1, 0, 0.9365),
        ("d-12", "mamba", 3, 1, 0.9985),
        ("parity", "mamba", 3, 0, 0.9115),
        ("tomita-6", "mamba", 3, 1, 0.0004),
        ("dyck-1", "mamba", 1, 2, 0.1391),
        ("shuffle-2", "transformer", 2, 2, 0.93),
        ("012-02", "transformer", None, 1, 0.687),
        ("anbncndn", "mamba", 1, 1, 0.0476),
        ("boolean-5", "mamba", 3, 0, 0.9925),
    ],
)
def test_spot_values(language, model, layers, bin_index, value):
    found = published_accuracy(language, model, layers, bin_index)
    assert found is not None
    assert found.value == pytest.approx(value, abs=1e-12)


def test_what_was_not_published():
    assert published_accuracy("d-2", "lstm", 1, 0) is None
    assert published_accuracy("d-2", "mamba", 1, 2) is None
    assert published_accuracy("flipflop", "mamba", 1, 0) is None
    assert published_accuracy("d-2", "mamba", 4, 0) is None
