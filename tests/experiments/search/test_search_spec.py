"""Specs of searches: what is allowed, what is said of a mistake, what stays as it was."""

import json

import pytest
from made_search import GRID, TPE

from starfree.errors import InputError
from starfree.experiments import builtin
from starfree.experiments.execution import check
from starfree.experiments.search import proposals
from starfree.experiments.search.experiment import SearchExperiment
from starfree.experiments.search.pruning import Hurdles
from starfree.experiments.search.rounds import check_search
from starfree.experiments.spec import parse_experiment, read_experiment
from starfree.experiments.yaml_reader import read_yaml

PAPER = {
    "layers": (1, 2, 3),
    "d_model": (16, 32, 64, 128, 256),
    "learning_rate": (1e-3, 1e-4, 1e-5),
    "batch_size": (16, 32, 64),
}


def changed(spec=GRID, search=None, **fields):
    value = read_yaml(spec) | fields
    value["search"] |= search or {}
    return json.dumps({key: field for key, field in value.items() if field is not None})


@pytest.mark.parametrize("spec", [GRID, TPE])
def test_a_search_section_makes_a_search(spec):
    experiment = parse_experiment(spec, "x")
    assert isinstance(experiment, SearchExperiment)
    check_search(experiment)
    assert read_experiment(json.loads(json.dumps(experiment.plain()))) == experiment
    assert parse_experiment(experiment.text(), "x") == experiment


def test_the_papers_grid_comes_with_the_package():
    experiment, _ = builtin.load("search")
    assert experiment.search.space == PAPER
    assert experiment.search.method == "grid"
    assert experiment.search.pruning is None
    small, _ = builtin.load("search", "anbn")
    assert small.search.space == PAPER | {"batch_size": (5, 10)}
    assert small.languages == ("anbn", "anbncn", "anbncndn")
    everything = {*experiment.languages, *small.languages}
    assert everything == set(builtin.load("suite")[0].languages)
    for found in (experiment, small, builtin.load("search", "smoke")[0]):
        check_search(found)


def test_the_example_in_its_comment_is_right():
    lines = builtin.text("search").splitlines()
    start = lines.index("#   search:")
    end = lines.index("name: search")
    section = "\n".join(line.removeprefix("# ") for line in lines[start:end])
    value = read_yaml(GRID) | {"models": [{"name": "mamba"}]} | read_yaml(section)
    check_search(parse_experiment(json.dumps(value), "x"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(search={"method": "guess"}), "x: search.method: input should be 'grid', 'ran"),
        (changed(search={"space": {}}), "x: search.space: give at least one"),
        (changed(search={"space": {"d_model": 8}}), "x: search.space.d_model: give a list of va"),
        (changed(search={"space": {"d_model": []}}), "give at least one"),
        (changed(search={"space": {"d_model": [4, 4]}}), "space.d_model: a value is given twice"),
        (changed(search={"space": {"tokens": [4, 5]}}), "space.tokens: is the same for all"),
        (changed(search={"space": {"d_model": {"low": 1, "high": 4}}}), "a grid needs a list"),
        (changed(search={"trials": 3}), "trials: a grid tries every combination, leave it out"),
        (changed(TPE, {"trials": None}), "trials: say how many trials tpe may make"),
        (changed(TPE, {"trials": 0}), "search.trials: input should be greater than 0"),
        (changed(TPE, {"space": {"clip": {"low": 2, "high": 1}}}), "high (1) must be above low"),
        (changed(TPE, {"space": {"clip": {"low": 0, "high": 1, "log": True}}}), "with log, low"),
        (changed(TPE, {"space": {"clip": {"low": "a", "high": 1}}}), "a number"),
        (changed(TPE, {"pruning": {"rule": "none"}}), "search.pruning: "),
        (changed(TPE, {"pruning": {"rule": "halving", "factor": 1}}), "pruning.halving.factor: "),
        (changed(TPE, {"pruning": {"rule": "median", "start": 1.0}}), "pruning.median.start: "),
        (changed(seeds=[0, 100]), "seeds: 100 is the search's own (search.seed)"),
        (changed(learning_rates=[0.1]), "learning_rates: is searched"),
        (
            changed(search={"space": {"d_model": [4]}}, learning_rates=[0.1, 0.2]),
            "learning_rates: put them into search.space, as learning_rate",
        ),
        (changed(models=[{"name": "lstm", "d_model": 4}]), "models[0].d_model: is searched"),
        (
            changed(search={"space": {"clip": [0.0]}}, training={"clip": 1.0}),
            "training.clip: is searched",
        ),
        (
            changed(protocol="published", task="published"),
            "protocol: published has no validation strings to choose by",
        ),
        (changed(search={"spaces": {}}), "search.spaces: no such field"),
        (changed(kind="transfer"), "search: no such field"),
    ],
)
def test_a_mistake_is_named_in_one_line(text, message):
    with pytest.raises(InputError) as caught:
        parse_experiment(text, "x")
    said = str(caught.value).splitlines()
    assert any(message in line for line in said), said


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"d_modl": [4]}, "search.space: model lstm: option `d_modl` is unknown"),
        ({"d_modl": [4]}, "training settings: batch_size, learning_rate, "),
        ({"d_model": [4, 0]}, "option `d_model` is 0: "),
        ({"d_model": ["wide"]}, "option `d_model` is 'wide': "),
        ({"batch_size": [8, -1]}, "search.space: batch_size: input should be greater than 0"),
        ({"decay": ["linear", "steep"]}, "search.space: decay: input should be "),
    ],
)
def test_a_value_that_no_trial_can_have_is_found_before_the_run(space, message):
    experiment = parse_experiment(changed(search={"space": space}), "x")
    with pytest.raises(InputError) as caught:
        check_search(experiment)
    assert message in str(caught.value)


def test_run_sends_one_to_search():
    with pytest.raises(InputError, match="`starfree search` runs it"):
        check(parse_experiment(GRID, "x"))


def test_without_optuna_only_the_grid_goes(monkeypatch):
    monkeypatch.setattr(proposals, "find_spec", lambda name: None)
    check_search(parse_experiment(GRID, "x"))
    with pytest.raises(InputError) as caught:
        check_search(parse_experiment(TPE, "x"))
    assert "tpe needs Optuna (`pip install 'starfree[search]'`)" in str(caught.value)


def test_a_compared_trial_is_another_one_than_a_plain_one():
    experiment = parse_experiment(GRID, "x")
    model = experiment.models[0]
    point = {"d_model": 8, "learning_rate": 0.01}
    compared = experiment.search_trial("d-2", model, point)
    (plain, _) = experiment.chosen_trials("d-2", model, point)
    assert compared.hash != plain.model_copy(update={"seed": 100}).hash
    hurdles = Hurdles(rule="median", losses=((2, 0.5),))
    judged = experiment.search_trial("d-2", model, point, hurdles)
    assert judged.hash != compared.hash
    assert type(compared).model_validate_json(judged.model_dump_json()) == judged


def test_a_search_is_no_field_of_other_trials():
    # Their hashes, and with them committed results, stay as they were.
    experiment = parse_experiment(GRID, "x")
    (trial, _) = experiment.chosen_trials(
        "d-2", experiment.models[0], {"d_model": 8, "learning_rate": 0.01}
    )
    assert not {"purpose", "hurdles", "search"} & set(trial.model_dump())
