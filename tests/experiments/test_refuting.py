"""The search for wrong strings that follows a training: which trials, once, and what is kept."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from made_results import MadeEngine, made_result, made_run
from test_runner import make_job

from starfree.experiments.execution import Run
from starfree.experiments.refuting import refutable, words
from starfree.experiments.runner import run_trial
from starfree.experiments.spec import RefutationSettings, parse_experiment, read_experiment
from starfree.experiments.store import Store
from starfree.languages.catalog import language
from starfree.models.loading import load

SETTINGS = RefutationSettings(symbols=30_000, longest=500)


def job_of(folder):
    job = replace(make_job(folder), refutation=SETTINGS)
    (job.folder / "spec.json").write_text(job.trial.model_dump_json())
    return job


def silent(phase, fraction, accuracy):
    pass


def test_a_trained_trial_is_searched_and_its_fault_is_one(tmp_path):
    job = job_of(tmp_path)
    run_trial(job, silent)
    store = Store(tmp_path)
    found = store.refutation(job.hash)
    assert found["status"] == "COUNTEREXAMPLE"  # 1,500 tokens do not teach parity
    assert (found["format"], found["budget"]) == (1, SETTINGS.model_dump())
    wrong, spoken = found["counterexample"], language("parity")
    assert found["length"] == wrong["position"] == len(wrong["string"])
    tokens = spoken.encode(wrong["string"]).tolist()
    right = spoken.legal(tokens)[-1]
    assert wrong["expected"] == [s for s, bit in zip("01$", right, strict=True) if bit]
    model = load(f"{tmp_path}:{job.hash}").model
    import torch

    with torch.inference_mode():
        given = model(torch.tensor([[3, *tokens]]))[0, -1] > 0
    assert (
        wrong["given"]
        == [s for s, bit in zip("01$", given, strict=True) if bit]
        != wrong["expected"]
    )


def test_a_trained_trial_is_only_searched_and_comes_to_the_same(tmp_path):
    job = job_of(tmp_path)
    run_trial(job, silent)
    store = Store(tmp_path)
    first, result = store.refutation(job.hash), store.result(job.hash)
    told = []
    run_trial(replace(job, trained=True), lambda phase, fraction, accuracy: told.append(phase))
    assert told == ["refuting"]
    assert store.result(job.hash) == result
    assert store.refutation(job.hash) | {"seconds": 0} == first | {"seconds": 0}


class Engine(MadeEngine):
    """Writes made refutations too; notes what it was asked for."""

    def run(self, jobs, report):
        self.asked = [*getattr(self, "asked", []), *jobs]
        super().run([job for job in jobs if not job.trained], report)
        for job in jobs:
            (job.folder / "weights.safetensors").touch()
            if job.refutation:
                found = {"status": "UNKNOWN", "budget": job.refutation.model_dump()}
                self.store.save_refutation(job.hash, found)


TEXT = """
name: made
languages: [d-2, parity]
models: [{name: lstm, d_model: 8}]
seeds: [0, 1]
learning_rates: [0.001, 0.01]
"""


def asked(folder, text=TEXT):
    store = Store(folder)
    store.trials.mkdir(parents=True, exist_ok=True)
    engine = Engine(store)
    outcome = Run(parse_experiment(text, "made"), store, engine).run()
    return engine.asked if hasattr(engine, "asked") else [], outcome


def of(jobs):
    return [
        (j.trial.seed, j.trial.training.learning_rate, j.trained, j.refutation is not None)
        for j in jobs
        if j.trial.language == "d-2"
    ]


def test_of_several_rates_the_chosen_one_is_searched(tmp_path):
    jobs, _ = asked(tmp_path)
    assert of(jobs) == [
        (0, 0.001, False, False),
        (0, 0.01, False, False),
        (1, 0.01, False, True),  # as it is trained
        (0, 0.01, True, True),  # once its rate was chosen
    ]
    assert asked(tmp_path)[0] == []


def test_what_is_there_is_completed_where_there_are_weights(tmp_path):
    jobs, _ = asked(tmp_path, TEXT + "refutation: {symbols: 0}\n")
    assert all(job.refutation is None for job in jobs)
    gone = next(j for j in jobs if j.trial.seed == 1 and j.trial.language == "d-2")
    (gone.folder / "weights.safetensors").unlink()
    later, outcome = asked(tmp_path)
    assert of(later) == [(0, 0.01, True, True)]
    assert len(later) == 3
    assert (outcome.without_weights, outcome.ran) == (1, 0)
    # another budget is another search, but what is there stays where it cannot be done again
    harder, outcome = asked(tmp_path, TEXT + "refutation: {symbols: 700_000}\n")
    assert len(harder) == 3
    assert outcome.without_weights == 1


def test_a_new_result_has_no_old_refutation(tmp_path):
    store, engine, _ = made_run(tmp_path)
    job = engine.ran[0]
    store.save_refutation(job.hash, {"status": "UNKNOWN"})
    store.save_result(job.hash, made_result(job.trial))
    assert store.refutation(job.hash) is None


@pytest.mark.parametrize("task", ["predict", "recognise", "state", "published"])
def test_legal_sets_are_searched(task):
    ((_, trial),) = parse_experiment(
        f"{{name: x, languages: [parity], models: [{{name: lstm}}], task: {task}, seeds: [0]}}", "x"
    ).trials((0,))
    assert refutable(trial) == (task in ("predict", "recognise"))


def test_the_settings_are_no_part_of_a_trial():
    harder = parse_experiment(TEXT + "refutation: {symbols: 1}\n", "x")
    plain = parse_experiment(TEXT, "x")
    hashes = [[trial.hash for _, trial in e.trials(e.seeds)] for e in (plain, harder)]
    assert hashes[0] == hashes[1]
    assert read_experiment(json.loads(json.dumps(harder.plain()))) == harder


def test_words():
    told = {"length": 1875, "word": "w1 (i0)^936 r"}
    assert words(told | {"status": "COUNTEREXAMPLE"}) == "wrong at length 1,875 on w1 (i0)^936 r"
    assert "up to length 1,875 are right" in words(told | {"status": "PROVEN_UP_TO"})
