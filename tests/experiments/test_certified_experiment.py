"""The certified experiment: its design, two trials, and what is reported of them."""

import json

import pytest

from starfree.errors import InputError
from starfree.experiments import builtin
from starfree.experiments.events import Job
from starfree.experiments.execution import check
from starfree.experiments.plan import planned_trial, write_plan
from starfree.experiments.runner import run_trial
from starfree.experiments.spec import parse_experiment
from starfree.experiments.store import Store
from starfree.languages.catalog import language
from starfree.models.loading import load
from starfree.report.kinds import build_own_report
from starfree.verification.certificate import certify

SPEC = """
kind: certified
name: small
languages: [tomita-2, "regex:((aa|b)*)&((ba|b|a)*)@a,b"]
models: [{name: hard_gated, label: hard gates, units: 5}]
layers: {tomita-2: 2}
seeds: [0]
learning_rates: [0.03]
data: {train_size: 200, validation_size: 20, bin_size: 20, train_window: 1-12, test_windows: [1-12]}
training: {tokens: 60_000, batch_size: 16, warmup: 0.0, decay: linear, weight_decay: 0.0}
certified: {first_steps: 200, steps: 30, rounds: 3}
"""


def test_the_builtin_one_is_what_it_was_designed_to_be():
    experiment, _ = builtin.load("certified")
    check(experiment)
    trials = [trial for _, trial in experiment.trials(experiment.seeds)]
    assert len(trials) == 12 * 5
    layers = {trial.language: trial.options["layers"] for trial in trials}
    assert (layers["flipflop"], layers["d-3"], layers["d-4"], layers["d-12"]) == (2, 3, 5, 13)


def test_what_it_is_no_question_of():
    with pytest.raises(InputError, match="task predict and protocol sound only"):
        parse_experiment(SPEC + "task: recognise\n", "x")
    with pytest.raises(InputError, match="models named hard_gated"):
        parse_experiment(SPEC.replace("hard_gated", "lstm"), "x")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The second language is not star-free, (aa|b)*: no such model can be proven."""
    store = Store(tmp_path_factory.mktemp("runs") / "certified")
    store.trials.mkdir(parents=True)
    experiment = parse_experiment(SPEC, "x")
    planned, told = [], []
    for model, trial in experiment.trials(experiment.seeds):
        planned.append(planned_trial(model, trial))
        folder = store.trial_folder(trial.hash)
        folder.mkdir()
        (folder / "spec.json").write_text(json.dumps(trial.model_dump(mode="json")))
        run_trial(
            Job(trial, trial.hash, model.shown, folder), lambda *progress: told.append(progress)
        )
    write_plan(store.folder, experiment, planned)
    return store, build_own_report(store), [store.results()[p.hash] for p in planned], told


def test_a_proof_can_be_repeated_from_the_files(run):
    store, _, (proven, _), told = run
    assert proven["certificate"]["status"] == "PROVEN_ALL_LENGTHS"
    assert proven["rounds"][-1]["status"] == "PROVEN_ALL_LENGTHS"
    name = next(h for h, result in store.results().items() if result == proven)
    again = certify(load(f"{store.folder}:{name}").model, language("tomita-2"))
    assert again.status == "PROVEN_ALL_LENGTHS"
    assert (again.model_hash, again.states) == (
        proven["certificate"]["model_hash"], proven["certificate"]["states"],
    )  # fmt: skip
    assert {phase for phase, _, _ in told} == {"data", "training", "testing"}


def test_what_has_no_proof_has_a_counterexample(run):
    _, _, (_, left), _ = run
    certificate = left["certificate"]
    assert certificate["status"] == "COUNTEREXAMPLE"
    assert left["tokens"] >= 60_000
    spoken = language(left["trial"]["language"])
    legal = spoken.legal(spoken.encode(certificate["counterexample"]["string"]))[-1]
    names = [s for s, bit in zip((*spoken.alphabet, "$"), legal, strict=True) if bit]
    assert names == certificate["counterexample"]["expected"]
    assert names != certificate["counterexample"]["given"]


def test_the_report_counts_seeds_and_shows_what_is_left(run):
    store, report, (_, left), _ = run
    first, second = report.findings
    assert first.startswith("tomita-2: 1 of 1 seeds proven at every length, after 200 batches")
    assert "0 of 1 seeds" in second
    assert left["certificate"]["counterexample"]["string"] in second
    table, certificates = report.tables
    assert [row[table.header.index("proven")] for row in table.rows] == ["1 of 1", "0 of 1"]
    assert len(certificates.rows) == 2
    values = [(r.language, r.value) for r in report.rows if r.metric == "proven"]
    assert [value for _, value in values] == [1.0, 0.0]
    assert any("cannot be is not said" in line for line in report.caveats)
    assert (store.folder / "figures" / "proofs.png").exists()
    assert (store.folder.parent / "certified.csv").exists()
