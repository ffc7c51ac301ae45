"""Which trials a run takes up: what is missing, and of the rates the chosen one."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from made_results import SPEC, made_run

from starfree.errors import InputError, StarfreeError
from starfree.experiments.execution import check, run
from starfree.experiments.plan import PlannedTrial, choose_rates, read_plan
from starfree.experiments.spec import parse_experiment


def test_rates_are_tried_with_the_first_seed_and_the_chosen_one_runs_on(tmp_path):
    _, engine, outcome = made_run(tmp_path / "run")
    seeds = {(job.trial.seed, job.trial.training.learning_rate) for job in engine.ran}
    assert seeds == {(0, 0.001), (0, 0.01), (1, 0.01)}  # the larger has the smaller loss
    assert outcome.ran == len(engine.ran) == 4 * 2 * 3
    assert outcome.failures == {}


def test_a_second_run_does_nothing(tmp_path):
    made_run(tmp_path / "run")
    _, engine, outcome = made_run(tmp_path / "run")
    assert engine.ran == []
    assert (outcome.ran, outcome.kept) == (0, 24)


def test_a_second_run_does_what_is_missing(tmp_path):
    store, first, _ = made_run(tmp_path / "run")
    (store.trial_folder(first.ran[0].hash) / "result.json").unlink()
    (store.trial_folder(first.ran[5].hash) / "result.json").write_text("{ torn")
    _, engine, _ = made_run(tmp_path / "run")
    assert {job.hash for job in engine.ran} == {first.ran[0].hash, first.ran[5].hash}


def test_a_larger_spec_keeps_what_is_there(tmp_path):
    made_run(tmp_path / "run", SPEC.replace("languages: [d-2,", "languages: ["))
    _, engine, _ = made_run(tmp_path / "run")
    assert {job.trial.language for job in engine.ran} == {"d-2"}


def test_failures_are_noted_and_tried_again(tmp_path):
    store, engine, outcome = made_run(tmp_path / "run", leave_out=("parity",))
    assert outcome.ran == len(engine.ran) == 3 * 2 * 3
    assert set(outcome.failures.values()) == {"it broke"}
    assert len(outcome.failures) == 4  # both models, both rates of the first seed
    failed = next(iter(outcome.failures))
    assert store.failure(failed)["details"] == "Traceback"
    _, engine, outcome = made_run(tmp_path / "run")
    assert {job.trial.language for job in engine.ran} == {"parity"}
    assert store.failure(failed) is None


def test_the_plan_is_read_back(tmp_path):
    store, engine, _ = made_run(tmp_path / "run")
    experiment, planned = read_plan(store.folder)
    assert experiment == parse_experiment(SPEC, "x")
    assert {trial.hash for trial in planned} == {job.hash for job in engine.ran}


def test_no_run_and_a_damaged_plan_are_told_apart(tmp_path):
    with pytest.raises(InputError, match="no run is here"):
        read_plan(tmp_path)
    store, _, _ = made_run(tmp_path / "run")
    (store.folder / "experiment.json").write_text('{"format": 1}')
    with pytest.raises(StarfreeError, match="damaged"):
        read_plan(store.folder)


def test_the_rate_is_the_one_with_the_smallest_validation_loss():
    planned = [
        PlannedTrial("a", "d-2", "m", 0.1, 0),
        PlannedTrial("b", "d-2", "m", 0.01, 0),
        PlannedTrial("c", "d-2", "m", 0.001, 0),
        PlannedTrial("d", "d-2", "m", 0.5, 1),
        PlannedTrial("e", "d-3", "m", 0.1, 0),
        PlannedTrial("f", "d-4", "m", 0.1, 0),
    ]
    losses = {"a": 0.5, "b": 0.25, "c": 0.25, "d": 0.0, "e": None}
    results = {name: {"validation": {"loss": loss}} for name, loss in losses.items()}
    assert choose_rates(planned, results, seed=0) == {("d-2", "m"): 0.001, ("d-3", "m"): 0.1}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("d-2,", "d-2x,", r"languages\[0\]: unknown language 'd-2x'"),
        ("d-2,", '"regex:(ab", ', r"languages\[0\]: .*"),
        ("layers: 1", "layers: 0", "option `layers` is 0"),
        ("name: lstm", "name: no_such_module:build", "no module 'no_such_module'"),
    ],
)
def test_what_a_worker_would_stumble_over_is_found_first(old, new, message):
    assert old in SPEC
    with pytest.raises(InputError, match=message):
        check(parse_experiment(SPEC.replace(old, new), "x"))


def test_the_verb_runs_a_spec_and_returns_the_summary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = """
name: verb
languages: [parity]
models: [{name: lstm, d_model: 4}]
seeds: [0]
data: {train_size: 50, validation_size: 10, bin_size: 10, test_windows: [1-20], train_window: 1-20}
training: {tokens: 500, evaluations: 1, bin_strings: 5}
"""
    Path("verb.yaml").write_text(text)
    summary = run("verb.yaml", workers=1)
    (cell,) = summary.cells
    assert cell.language.name == "parity"
    assert len(cell.bins) == 1
    assert (tmp_path / "runs" / "verb" / "experiment.json").exists()
    with pytest.raises(InputError, match="no such file"):
        run("nothing.yaml")
