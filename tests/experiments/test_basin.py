"""The basin experiment: its starts, one trial, and what is reported."""

import pytest
import torch

from starfree.compiler.compile import compile
from starfree.errors import InputError
from starfree.experiments import builtin
from starfree.experiments.basin_trial import add_noise, start
from starfree.experiments.events import Job
from starfree.experiments.execution import check
from starfree.experiments.plan import planned_trial, write_plan
from starfree.experiments.runner import run_trial
from starfree.experiments.spec import parse_experiment
from starfree.experiments.store import Store
from starfree.languages.catalog import language
from starfree.report.kinds import build_own_report
from starfree.verification.certificate import certify

SPEC = """
kind: basin
name: small
languages: [flipflop, parity]
targets: {flipflop: [mamba, paper], parity: [signed]}
noises: [0.0, 0.5]
seeds: [0, 1]
learning_rates: [0.001]
data: {train_size: 60, validation_size: 10, bin_size: 10, train_window: 1-12, test_windows: [1-12]}
training: {tokens: 600, batch_size: 8, evaluations: 1, bin_strings: 0}
"""


def trials(seeds=(0,)):
    return parse_experiment(SPEC, "x").trials(seeds)


def one(reference, target, noise, seed=0):
    return next(
        trial
        for _, trial in trials((seed,))
        if (trial.language, trial.target, trial.noise) == (reference, target, noise)
    )


def test_seeds_come_one_after_another_and_random_weights_beside_the_noise():
    both = [trial for _, trial in trials((0, 1))]
    assert [trial.seed for trial in both] == [0] * 9 + [1] * 9
    assert [trial.noise for trial in both[:3]] == [0.0, 0.5, None]
    assert len({trial.hash for trial in both}) == 18
    experiment, _ = builtin.load("basin")
    check(experiment)
    assert len(experiment.trials(experiment.seeds)) == 5 * 6 * 3


def test_what_it_is_no_question_of():
    with pytest.raises(InputError, match="give none"):
        parse_experiment(SPEC + "models: [{name: lstm}]\n", "x")
    with pytest.raises(InputError, match="targets"):
        parse_experiment(SPEC.replace("[signed]", "[tensor]"), "x")


@pytest.mark.parametrize(
    ("reference", "target"), [("flipflop", "mamba"), ("flipflop", "paper"), ("parity", "signed")]
)
def test_without_noise_the_start_is_still_proven_and_random_weights_are_not(reference, target):
    spoken = language(reference)
    exact = start(spoken, one(reference, target, 0.0))
    assert certify(exact, spoken).status == "PROVEN_ALL_LENGTHS"
    shapes = {name: t.shape for name, t in exact.state_dict().items()}
    random = start(spoken, one(reference, target, None))
    assert {name: t.shape for name, t in random.state_dict().items()} == shapes
    assert certify(random, spoken, max_states=200).status == "COUNTEREXAMPLE"


def test_the_noise_has_the_wanted_size():
    model = compile(language("flipflop"), "paper").model
    before = {name: t.clone() for name, t in model.named_parameters()}
    torch.manual_seed(0)
    add_noise(model, 0.25)
    ratios = [
        (parameter - before[name]).square().mean().sqrt() / before[name].square().mean().sqrt()
        for name, parameter in model.named_parameters()
        if before[name].numel() > 50 and before[name].any()
    ]
    assert len(ratios) >= 2
    assert all(0.15 < ratio < 0.35 for ratio in ratios)
    zeros = [name for name, tensor in before.items() if tensor.numel() and not tensor.any()]
    assert zeros
    assert all(not model.get_parameter(name).any() for name in zeros)


def test_the_seed_decides_the_start():
    spoken = language("parity")
    starts = [start(spoken, one("parity", "signed", 0.5, seed)) for seed in (0, 0, 1)]
    heads = [model.head.weight for model in starts]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("runs") / "basin")
    store.trials.mkdir(parents=True)
    experiment = parse_experiment(SPEC, "x")
    planned = []
    for model, trial in experiment.trials(experiment.seeds):
        planned.append(planned_trial(model, trial))
        if trial.language == "parity" and trial.seed == 0:
            folder = store.trial_folder(trial.hash)
            folder.mkdir()
            run_trial(Job(trial, trial.hash, model.shown, folder), lambda *_: None)
    write_plan(store.folder, experiment, planned)
    return store, build_own_report(store)


def test_a_trial_measures_before_and_after(reported):
    store, _ = reported
    results = {result["trial"]["noise"]: result for result in store.results().values()}
    assert results.keys() == {0.0, 0.5, None}
    shares = {
        noise: result["before"]["1-12"]["metrics"]["string_accuracy"]["value"]
        for noise, result in results.items()
    }
    assert shares[0.0] == 1.0
    assert shares[None] < 1.0
    assert all(result["tokens"] >= 600 for result in results.values())


def test_the_report_shows_every_start(reported):
    store, report = reported
    (finding,) = report.findings
    assert finding.startswith("parity, signed, rate 0.001: ")
    assert "from random weights" in finding
    (table,) = report.tables
    assert [row[3] for row in table.rows] == ["noise 0", "noise 0.5", "random weights"]
    assert table.rows[0][-1].startswith("100 → ")
    assert any("15 of 18 trials are not finished" in line for line in report.caveats)
    assert {row.protocol for row in report.rows} == {
        "sound, before training", "sound, after training",
    }  # fmt: skip
    assert (store.folder / "figures" / "basin.png").exists()
