"""The transfer experiment: its design, and one trial with all that it measures."""

import json

import pytest

from starfree.errors import InputError
from starfree.experiments import builtin
from starfree.experiments.engine import LocalEngine
from starfree.experiments.execution import Run, check
from starfree.experiments.plan import read_plan
from starfree.experiments.spec import parse_experiment
from starfree.experiments.store import Store
from starfree.experiments.transfer import TransferExperiment, condition

SPEC = """
kind: transfer
name: small
languages: [d-2, tomita-4]
models: [{name: mamba, label: M, d_model: 8}]
train_data: [published, uniform, hard]
labels: [with $, without $]
seeds: [0, 1]
data:
  train_size: 80
  validation_size: 20
  bin_size: 20
  train_window: 1-40
  test_windows: [1-20, 21-40]
training: {tokens: 1500, batch_size: 8, evaluations: 1, bin_strings: 5}
"""


def test_the_design_is_factorial_but_for_hard_strings_that_are_not_there():
    experiment = parse_experiment(SPEC, "x")
    assert isinstance(experiment, TransferExperiment)
    trials = [trial for _, trial in experiment.trials(experiment.seeds)]
    assert len(trials) == len({trial.hash for trial in trials}) == (3 + 2) * 2 * 2
    assert {t.data.train_distribution for t in trials if t.language == "tomita-4"} == {
        "published", "uniform",
    }  # fmt: skip


def test_the_builtin_one_is_what_it_was_designed_to_be():
    experiment, _ = builtin.load("transfer")
    check(experiment)
    must = ["tomita-7", "d-2", "d-3", "d-4", "d-12", "ab-d-bc", "012-02", "flipflop"]
    assert list(experiment.languages[:8]) == must
    first = experiment.trials((0,))
    assert len(first) == (8 * 3 + 4 * 2 + 3 * 3) * 2 * 4 * 3


def test_what_it_is_no_question_of():
    with pytest.raises(InputError, match="task predict and protocol sound only"):
        parse_experiment(SPEC + "task: recognise\n", "x")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("transfer"))
    store.trials.mkdir()
    experiment = parse_experiment(SPEC.replace("languages: [d-2, tomita-4]", "languages: [d-2]")
                                  .replace("seeds: [0, 1]", "seeds: [0]"), "x")  # fmt: skip
    outcome = Run(experiment, store, LocalEngine(1)).run()
    assert outcome.failures == {}
    _, planned = read_plan(store.folder)
    return {trial.model: store.result(trial.hash) for trial in planned}


def test_every_model_is_tested_on_the_same_strings_of_every_distribution(results):
    assert set(results) == {
        condition(name, labels, "M")
        for name in ("published", "uniform", "hard")
        for labels in ("with $", "without $")
    }
    shared = set()
    for result in results.values():
        trained_on = result["trial"]["data"]["train_distribution"]
        assert set(result["tests"]) == {"published", "uniform", "hard"}
        control = result["tests"][trained_on]["1-20"]["metrics"]
        assert result["bins"]["1-20"]["metrics"] == control
        shared.add(json.dumps([
            [test["strings"], test["best_windows"]["4"]]
            for name in ("published", "uniform", "hard")
            for test in result["tests"][name].values()
        ] + [result["trial"]["labels"]]))  # fmt: skip
    assert len(shared) == 2  # the strings differ with the labels only by what is asked of them


def test_a_cell_holds_what_the_matrix_needs(results):
    test = results[condition("uniform", "with $", "M")]["tests"]["hard"]["21-40"]
    metrics = test["metrics"]
    assert set(metrics) == {"string_accuracy", "position_accuracy", "bit_accuracy"}
    counted = sum(total for _, total in test["by_transition"].values())
    strings = metrics["string_accuracy"]["n"]
    assert counted == metrics["position_accuracy"]["n"] - strings  # all but the empty prefix
    assert test["best_windows"]["10"]["position_accuracy"] <= 1.0
    assert (
        test["best_windows"]["10"]["position_accuracy"]
        >= test["stateless"]["last 10 symbols"]["position_accuracy"]
    )
    wrong = 1 - metrics["string_accuracy"]["value"]
    assert (test["first_error"] is None) == (wrong == 0)
    assert test["first_error"]["0.1"] <= test["first_error"]["0.9"]


def test_the_end_is_asked_only_with_it(results):
    with_end = results[condition("hard", "with $", "M")]["tests"]["uniform"]["1-20"]["metrics"]
    without = results[condition("hard", "without $", "M")]["tests"]["uniform"]["1-20"]["metrics"]
    assert with_end["bit_accuracy"]["n"] == with_end["position_accuracy"]["n"] * 3
    assert without["bit_accuracy"]["n"] == without["position_accuracy"]["n"] * 2
