"""The exact window optimum against all members of small lengths, and against a large sample."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from starfree.data.drawing import all_members, as_strings
from starfree.data.sampling import sample
from starfree.data.shortcuts import baselines, positions
from starfree.data.tasks import make_task
from starfree.data.window_optimum import window_optimum
from starfree.languages.catalog import language


def brute_force(name: str, window: int, lengths: list[int]) -> tuple[float, float]:
    """Position and string accuracy of the best answers, by listing every member."""
    spoken = language(name)
    votes: dict[tuple[int, ...], Counter[bytes]] = defaultdict(Counter)
    rows = []
    for length in lengths:
        members = all_members(spoken, length)
        for member, legal in zip(members, spoken.legal_batch(as_strings(members)), strict=True):
            seen = [tuple(member[max(0, t - window) : t].tolist()) for t in range(length + 1)]
            answers = [row.tobytes() for row in legal]
            rows.append((seen, answers, 1 / len(members)))
            for key, answer in zip(seen, answers, strict=True):
                votes[key][answer] += 1 / len(members)  # type: ignore[assignment]
    total = sum(sum(counter.values()) for counter in votes.values())
    right = sum(max(counter.values()) for counter in votes.values())
    best = {key: counter.most_common(1)[0][0] for key, counter in votes.items()}
    strings = sum(
        weight
        for seen, answers, weight in rows
        if all(best[key] == answer for key, answer in zip(seen, answers, strict=True))
    )
    return right / total, strings / len(lengths)


@pytest.mark.parametrize(
    ("name", "window", "lengths"),
    [
        ("d-2", 3, [8, 10, 14]),
        ("d-4", 2, [12]),
        ("tomita-7", 2, [7, 9]),
        ("012-02", 3, [6, 7]),
        ("flipflop", 4, [8]),
        ("tomita-4", 2, [9]),
    ],
)
def test_the_optimum_is_that_of_all_members(name: str, window: int, lengths: list[int]) -> None:
    found = window_optimum(language(name), window, lengths)
    assert found is not None
    position, string = brute_force(name, window, lengths)
    assert found.position_accuracy == pytest.approx(position, abs=1e-12)
    assert found.string_accuracy == pytest.approx(string, abs=1e-12)


@pytest.mark.parametrize("name", ["d-3", "flipflop", "tomita-7"])
def test_a_window_fitted_on_many_strings_comes_near_and_not_above(name: str) -> None:
    spoken = language(name)
    strings = {"train": sample(spoken, 40, 60, 4_000, 0), "test": sample(spoken, 40, 60, 2_000, 1)}
    task = make_task(spoken, "predict")
    split = positions({key: task.encode(value) for key, value in strings.items()})
    found = {b.kind: b for b in baselines(split["train"], {"t": split["test"]}, [4])["t"]}
    optimum = window_optimum(spoken, 4, strings["test"].lengths)
    assert optimum is not None
    fitted = found["last 4 symbols"]
    assert fitted.position_accuracy == pytest.approx(optimum.position_accuracy, abs=0.01)
    assert fitted.accuracy == pytest.approx(optimum.string_accuracy, abs=0.04)


def test_long_strings_neither_overflow_nor_vanish() -> None:
    spoken = language("flipflop")
    found = window_optimum(spoken, 10, np.arange(452, 501, 2))
    assert found is not None
    # Without w and r among 5 instructions (0.4 ** 5) a read is a guess: 1 % of 48 reads.
    assert found.position_accuracy == pytest.approx(1 - 0.2 * 0.4**5 / 2 / 2, abs=1e-4)
    assert found.string_accuracy == pytest.approx((1 - 0.2 * 0.4**5 / 2) ** 233, abs=0.01)
    parity = window_optimum(language("parity"), 10, [500])
    assert parity is not None
    assert parity.position_accuracy == pytest.approx(0.5, abs=0.02)
    assert parity.string_accuracy < 1e-50
    definite = window_optimum(language("tomita-4"), 2, np.arange(451, 501))
    assert definite is not None
    assert definite.string_accuracy == pytest.approx(1.0)


def test_counters_have_no_exact_optimum() -> None:
    assert window_optimum(language("dyck-1"), 4, [10]) is None
