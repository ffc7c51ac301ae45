"""One trial, in this process: every task, resuming, damage, repetition."""

import json

import numpy as np
import pytest

from starfree.errors import StarfreeError
from starfree.experiments.events import Job
from starfree.experiments.material import material
from starfree.experiments.runner import run_trial
from starfree.experiments.spec import parse_experiment

SPEC = """
name: x
languages: [{language}]
models: [{{name: lstm, d_model: 4}}]
seeds: [0]
task: {task}
protocol: {protocol}
data: {{train_size: 60, validation_size: 20, bin_size: 20, test_windows: [1-12, 13-24],
       train_window: 1-12}}
training: {{tokens: 1500, evaluations: 3, bin_strings: 5}}
"""


def make_job(folder, language="parity", task="predict", protocol="sound"):
    text = SPEC.format(language=language, task=task, protocol=protocol)
    ((model, trial),) = parse_experiment(text, "x").trials((0,))
    place = folder / "trials" / trial.hash
    place.mkdir(parents=True, exist_ok=True)
    return Job(trial, trial.hash, model.shown, place)


def run(job):
    told = []
    run_trial(job, lambda phase, fraction, accuracy: told.append((phase, fraction, accuracy)))
    return json.loads((job.folder / "result.json").read_text()), told


@pytest.mark.parametrize(
    ("language", "task", "protocol"),
    [
        ("parity", "predict", "sound"),
        ("aa-star", "predict", "sound"),
        ("dyck-1", "predict", "sound"),
        ("d-2", "state", "sound"),
        ("d-2", "recognise", "sound"),
        ("tomita-2", "published", "published"),
    ],
)
def test_every_task_gives_a_whole_result(tmp_path, language, task, protocol):
    result, told = run(make_job(tmp_path, language, task, protocol))
    assert told[0][0] == "data"
    assert told[-1][0] == "testing"
    assert told[-1][1] == 1
    nested = language in ("aa-star", "tomita-2")
    assert (result["right_prefix"] is not None) == (nested and task != "recognise")
    assert result["validation"]["on"] == ("validation" if protocol == "sound" else "1-100")
    assert np.isfinite(result["validation"]["loss"])
    for measured in result["bins"].values():
        headline = measured["metrics"]["string_accuracy"]
        assert headline["n"] == measured["strings"] > 0
        assert sum(total for _, total in measured["by_length"].values()) == measured["strings"]
        assert ("bit_accuracy" in measured["metrics"]) == (task in ("predict", "recognise"))
        assert 0 <= measured["best_baseline"]["value"] <= 1
    assert result["data"]["train"]["sha256"]


def test_the_same_trial_gives_the_same_result(tmp_path):
    first, _ = run(make_job(tmp_path / "a"))
    second, _ = run(make_job(tmp_path / "b"))
    for key in ("bins", "validation", "tokens", "steps"):
        assert first[key] == second[key]


def test_a_damaged_checkpoint_costs_the_progress_only(tmp_path):
    whole, _ = run(make_job(tmp_path / "a"))
    job = make_job(tmp_path / "b")

    class Stop(Exception):
        pass

    def stop_at_the_second_point(phase, fraction, accuracy):
        if accuracy is not None and fraction > 0.5:
            raise Stop

    with pytest.raises(Stop):
        run_trial(job, stop_at_the_second_point)
    checkpoint = job.folder / "checkpoint.safetensors"
    content = bytearray(checkpoint.read_bytes())
    content[-3] ^= 0xFF
    checkpoint.write_bytes(bytes(content))
    result, _ = run(job)
    assert result["bins"] == whole["bins"]
    assert not checkpoint.exists()


def test_a_trial_whose_worker_died_after_the_result_is_not_trained_again(tmp_path):
    job = make_job(tmp_path)
    run(job)
    before = (job.folder / "result.json").stat().st_mtime_ns
    _, told = run(job)
    assert told == []
    assert (job.folder / "result.json").stat().st_mtime_ns == before


def test_strings_are_made_once_for_all_models_and_seeds(tmp_path):
    first = make_job(tmp_path).trial
    other = first.model_copy(update={"seed": 3, "model": "mamba", "options": {}})
    assert material(first) is material(other)
    settings = first.data.model_copy(update={"seed": 1})
    assert material(first) is not material(first.model_copy(update={"data": settings}))


def test_a_language_file_must_not_change_under_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    automaton = {"format": 1, "alphabet": ["a"], "start": 0, "accepting": [0],
                 "transitions": [[1], [0]]}  # fmt: skip
    (tmp_path / "even.json").write_text(json.dumps(automaton))
    job = make_job(tmp_path, "'dfa:even.json'")
    result, _ = run(job)
    assert result["language"]["language_class"] == "not star-free"
    (tmp_path / "even.json").write_text(json.dumps(automaton | {"accepting": [1]}))
    (job.folder / "result.json").unlink()
    with pytest.raises(StarfreeError, match="the file has changed"):
        run(job)
