"""Trained models that are right on all random strings: each is refuted in a minute, or proven."""

import time
from pathlib import Path

import pytest

from starfree.experiments.events import Job
from starfree.experiments.runner import run_trial
from starfree.experiments.spec import parse_experiment
from starfree.experiments.store import Store
from starfree.languages.catalog import language
from starfree.models.loading import load
from starfree.verification.refutation import refute
from starfree.verification.spelling import spelled

SPEC = Path(__file__).with_name("trained_models.yaml")
SECONDS = 60


def trials(seeds=None):
    experiment = parse_experiment(SPEC.read_text(), SPEC.name)
    return experiment.trials(seeds or experiment.seeds)


def check(folder, model, trial):
    """Train, and if no random string is wrong, refute; CPU time, since machines are busy."""
    place = folder / "trials" / trial.hash
    place.mkdir(parents=True)
    (place / "spec.json").write_text(trial.model_dump_json())
    run_trial(Job(trial, trial.hash, model.shown, place), lambda *told: None)
    result = Store(folder).result(trial.hash)
    shares = [bin["metrics"]["string_accuracy"]["value"] for bin in result["bins"].values()]
    if min(shares) < 1:
        return None
    spoken = language(trial.language)
    began = time.process_time()
    found = refute(load(f"{folder}:{trial.hash}").model, spoken, SECONDS, task="recognise")
    spent = time.process_time() - began
    assert found.status in ("COUNTEREXAMPLE", "PROVEN_ALL_LENGTHS")
    assert spent <= SECONDS
    wrong = found.counterexample
    if wrong:
        tokens = spoken.encode(wrong.string).tolist()
        assert ("$" in wrong.expected) == spoken.accepts(tokens)
        print(
            f"{trial.language}  {model.shown}  seed {trial.seed}  length {wrong.position}  "
            f"{spelled(tokens, spoken.decode)}  {spent:.1f} s"
        )
    return found


def test_a_perfect_register_is_refuted(tmp_path):
    (model, trial) = trials((0,))[0]
    short = trial.model_copy(
        update={"training": trial.training.model_copy(update={"tokens": 120_000})}
    )
    found = check(tmp_path, model, short)
    assert found is not None
    assert found.counterexample is not None
    assert found.counterexample.position > 4


@pytest.mark.full
def test_every_perfect_model_is_refuted_or_proven(tmp_path):
    perfect = [check(tmp_path, model, trial) for model, trial in trials()]
    assert sum(found is not None for found in perfect) >= 20
