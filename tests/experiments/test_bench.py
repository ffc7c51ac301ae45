"""The comparison's numbers: what they count, not how fast this machine is."""

import json

import pytest

from starfree.experiments.bench import comparison, contestants, presentation, registry, worker
from starfree.experiments.bench.workloads import TRAINING, Workload, floor_ms
from starfree.models.model import MODELS


def test_work_of_the_first_workload() -> None:
    work = TRAINING["W1"]
    # 3 passes: 800 positions of 32 -> 33, 1 -> 32, 32 -> 16 and the head 16 -> 4,
    # and 6 tokens of 16 -> 64
    products = 32 * 33 + 1 * 32 + 32 * 16 + 16 * 4
    assert work.floats(3) == 3 * 2 * (800 * products + 6 * 16 * 64)
    assert work.elements() == 800 * 32 * 16


def test_floor_is_products_at_the_peak_and_two_exponentials_an_element() -> None:
    work = TRAINING["W1"]
    expected = work.floats(3) / 100e9 + 2 * work.elements() / 8e9
    assert floor_ms(work, 3, 100, 8e9) == pytest.approx(1e3 * expected)
    assert floor_ms(work, 1, 1e30, 8e9) == pytest.approx(1e3 * work.elements() / 8e9)


def test_our_step_and_evaluation_run_and_are_measured() -> None:
    entry = worker.measure_training("W1", 0.05, [])
    own = entry["starfree"]
    assert 0 < own["p10_ms"] <= own["median_ms"]
    assert own["tokens_per_second"] == pytest.approx(800e3 / own["median_ms"])
    found = worker.measure_threads(["W1"], 0.05)["W1"]
    assert found["two_threads"]["speedup"] > 0
    assert found["peak_memory_mb"] >= 0


def test_plain_torch_is_measured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARFREE_KERNELS", "off")
    assert comparison.doctor() == "plain PyTorch: STARFREE_KERNELS is off"
    contestants.own_training(Workload(1, 16, 2, 5))()
    contestants.own_evaluation(Workload(1, 16, 2, 5))()


def test_turns_interleave() -> None:
    peers = {"peer": lambda: None}
    names = [name for name, _ in worker.turns(lambda: None, peers, 0.0)]
    assert names == (["starfree"] * 3 + ["peer"]) * 3


KERNEL = {"1": 1.25, "2": 0.75, "naive": 50.0}


def answer(order: dict, keep_pages: bool = False) -> dict:
    if order["part"] == "registry":
        return {"models": {"W1": {"lstm": {"1": 5e4, "2": 9e4}}}, "kernels": {"scan": KERNEL}}
    """What the workers would say: our step takes 2 ms, mambapy's 60, or 40 keeping its pages."""
    if order["part"] == "threads":
        timed = {"median_ms": 1.0, "p10_ms": 1.0, "rounds": 3, "speedup": 2.0}
        return {n: {"two_threads": timed, "peak_memory_mb": 5.0} for n in order["workloads"]}
    if order["part"] == "scaling":
        return {"length": [{"length": 64, "best_ms": 1.0, "us_per_token": 15.6}]}
    own = {"median_ms": 2.0, "p10_ms": 1.9, "tokens_per_second": 4e5, "cpu_p10_ms": 2.0}
    peer = {"median_ms": 40.0 if keep_pages else 60.0, "ratio": 20.0 if keep_pages else 30.0}
    rates = {"tokens_per_second": 5e5, "ms_a_position": 2e-3, "memory_growth_mb": 1.0}
    return {
        "workloads": {n: {"starfree": dict(own), "mambapy": peer} for n in order["workloads"]},
        "machine": {"peak_gflops": 100.0, "exp_per_second": 8e9, "processor": "P", "kernels": "K"},
        "evaluation": {"starfree": rates, "mambapy": {"tokens_per_second": 1e4, "ratio": 50.0}},
    }


@pytest.mark.parametrize("quick", [True, False])
def test_the_parts_become_one_result_and_its_tables(
    quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_worker", answer)
    monkeypatch.setattr(comparison, "installed", lambda: ["mambapy"])
    lines: list[str] = []
    result = json.loads(json.dumps(comparison.run(quick, lines.append)))
    assert len(lines) == (6 if quick else 7)
    entry = result["workloads"]["W2"]
    floor = floor_ms(TRAINING["W2"], 3, 100.0, 8e9)
    assert entry["floor_ms"] == floor
    assert entry["starfree"]["floor_fraction"] == pytest.approx(floor / 2.0)
    assert entry["mambapy_keeping_pages"]["ratio"] == 20.0
    assert ("W3" in result["workloads"], "scaling" in result) == (not quick, not quick)
    printed = presentation.tables(result)
    row = next(line for line in printed.splitlines() if line.startswith("| W2"))
    for cell in ("2 ms", "400,000", "30.0x", "20.0x", "2.00x", "5 MB", f"{floor / 2.0:.0%}"):
        assert f"| {cell} |" in row
    assert "| mambapy | 10,000 | 50.0x |" in printed
    assert ("| 15.60 |" in printed) == (not quick)
    assert ("| scan | 1.25 ms | 0.75 ms | 50.00 ms |" in printed) == (not quick)
    assert ("| lstm | 50,000 | 90,000 |" in printed) == (not quick)


def test_every_model_and_every_kernel_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "WORKLOADS", ("W1",))
    monkeypatch.setattr(registry, "ROUNDS", 1)
    found = registry.measure_models(0.0)
    assert set(found["W1"]) == set(MODELS)
    assert all(rate > 0 for rates in found["W1"].values() for rate in rates.values())
    kernels = registry.measure_kernels(0.0)
    assert len(kernels) == 3
    assert all(set(spent) == {"1", "2", "naive"} for spent in kernels.values())
