"""The comparison's numbers: what they count, not how fast this machine is."""

import json

import pytest

from starfree.experiments import bench


def test_work_of_the_first_workload() -> None:
    work = bench.TRAINING["W1"]
    # 800 positions of 16 -> 64, 32 -> 33, 1 -> 32, 32 -> 16 and the head 16 -> 4, 3 passes
    products = 16 * 64 + 32 * 33 + 1 * 32 + 32 * 16 + 16 * 4
    assert work.floats(3) == 3 * 2 * 800 * products
    assert work.elements() == 800 * 32 * 16


def test_our_step_and_evaluation_run_and_are_measured() -> None:
    entry = bench.measure_training("W1", 1, 0.05, [])
    assert {"threads", "floor_ms", "starfree"} <= set(entry)
    own = entry["starfree"]
    assert 0 < own["p10_ms"] <= own["median_ms"]
    assert 0 < own["floor_fraction"] < 1
    assert own["tokens_per_second"] == pytest.approx(800e3 / own["median_ms"])
    json.dumps(entry)


def test_plain_torch_is_measured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARFREE_KERNELS", "off")
    assert bench.doctor() == "plain PyTorch: STARFREE_KERNELS is off"
    bench.own_training(bench.Workload(1, 16, 2, 5))()
    bench._own_evaluation(bench.Workload(1, 16, 2, 5))()


def test_turns_interleave() -> None:
    peers = {"peer": lambda: None}
    names = [name for name, _ in bench._turns(lambda: None, peers, 0.0)]
    assert names == ["starfree"] * 3 + ["peer"] + ["starfree"] * 3 + ["peer"]
