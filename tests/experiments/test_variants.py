"""A spec's scales and protocols, and parts of an experiment."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from made_results import SPEC, made_run

from starfree.errors import InputError
from starfree.experiments import builtin
from starfree.experiments.part import make_part
from starfree.experiments.schedule import cost
from starfree.experiments.search.cell import CellSearch
from starfree.experiments.search.experiment import SearchExperiment
from starfree.experiments.spec import parse_experiment

VARIED = """
name: varied
languages: [parity, d-2]
models: [{name: lstm, d_model: 8}]
seeds: [0, 1]
training: {tokens: 1000, batch_size: 8}
scales:
  smoke: {seeds: [3], training: {tokens: 10}}
protocols:
  published: {task: published, protocol: published, languages: [d-2], training: {tokens: 500}}
"""


def test_a_scale_replaces_the_fields_it_names():
    full = parse_experiment(VARIED, "x")
    assert parse_experiment(VARIED, "x", scale="full", protocol="sound") == full
    smoke = parse_experiment(VARIED, "x", scale="smoke")
    assert (smoke.name, smoke.seeds, smoke.languages) == ("varied-smoke", (3,), full.languages)
    assert (smoke.training.tokens, smoke.training.batch_size) == (10, 8)


def test_both_variants_meet_and_the_scale_has_the_last_word():
    both = parse_experiment(VARIED, "x", scale="smoke", protocol="published")
    assert (both.name, both.protocol) == ("varied-published-smoke", "published")
    assert (both.seeds, both.training.tokens) == ((3,), 10)


@pytest.mark.parametrize(
    ("text", "wanted", "message"),
    [
        (VARIED, {"scale": "huge"}, r"x: no scale 'huge' \(it has: full, smoke\)"),
        (VARIED, {"protocol": "pub"}, r"x: no protocol 'pub' \(it has: sound, published\)"),
        (SPEC, {"scale": "smoke"}, r"x: no scale 'smoke' \(it has: full\)"),
        (VARIED.replace("smoke: {seeds: [3]", "smoke: {sedes: [3]"), {"scale": "smoke"}, "sedes"),
        (SPEC + "scales: {smoke: 3}", {"scale": "smoke"}, "x: scales: names, each with the fields"),
    ],
)
def test_what_there_is_not_is_named(text, wanted, message):
    with pytest.raises(InputError, match=message):
        parse_experiment(text, "x", **wanted)


def test_every_builtin_experiment_has_a_smoke_scale():
    for name in set(builtin.names()) - {"example"}:
        full, _ = builtin.load(name)
        smoke, _ = builtin.load(name, scale="smoke")
        assert smoke.name == f"{name}-smoke"
        assert work(smoke) * 10 <= work(full), name


def work(experiment):
    return sum(cost(trial) for trial in first_trials(experiment))


def first_trials(experiment):
    """Of a search, of its whole grid."""
    if not isinstance(experiment, SearchExperiment):
        return [trial for _, trial in experiment.trials(experiment.seeds[:1])]
    cells = [
        CellSearch(experiment, language, model)
        for language in experiment.languages
        for model in experiment.models
    ]
    return [trial for cell in cells for trial in cell.next_round()]


def test_a_part_runs_what_it_holds_and_plans_the_whole(tmp_path):
    _, engine, outcome = made_run(tmp_path / "run", languages=["d-2"], models=["LSTM"], seeds=[0])
    assert {(job.trial.language, job.model, job.trial.seed) for job in engine.ran} == {
        ("d-2", "LSTM", 0)
    }
    assert outcome.ran == 2  # both rates
    _, engine, outcome = made_run(tmp_path / "run")
    assert (outcome.ran, outcome.kept) == (22, 2)


def test_models_are_named_by_label_by_name_and_without_their_conditions():
    transfer, _ = builtin.load("transfer")
    part = make_part(transfer, models=["Mamba, 1 layer", "lstm"])
    assert part.models is not None
    assert len(part.models) == 2 * 3 * 2
    one = "hard strings, with $: Mamba, 1 layer"
    assert make_part(transfer, models=[one]).models == {one}


def test_a_later_seed_brings_the_first_along_for_its_rate(tmp_path):
    _, engine, _ = made_run(tmp_path / "run", languages=["d-2"], models=["lstm"], seeds=[1])
    tried = sorted((job.trial.seed, job.trial.training.learning_rate) for job in engine.ran)
    assert tried == [(0, 0.001), (0, 0.01), (1, 0.01)]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"languages": ["d-3"]}, r"no language 'd-3' \(it has: d-2; parity; dyck-1; aa-star\)"),
        ({"models": ["gru"]}, r"no model 'gru' \(it has: Mamba; LSTM\)"),
        ({"seeds": [7]}, r"no seed '7' \(it has: 0; 1\)"),
    ],
)
def test_a_part_of_something_else(wanted, message):
    with pytest.raises(InputError, match=message):
        make_part(parse_experiment(SPEC, "x"), **wanted)
