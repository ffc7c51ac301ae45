"""Specs: what is allowed, what is said of a mistake, what makes a trial's identity."""

import json
import re

import pytest

from starfree.errors import InputError
from starfree.experiments import builtin
from starfree.experiments.execution import check
from starfree.experiments.spec import DataSettings, Experiment, Trial, parse_experiment
from starfree.experiments.yaml_reader import read_yaml
from starfree.languages.catalog import language_class
from starfree.training.settings import TrainSettings

SMALL = """
name: small
languages: [parity, d-2]
models:
  - {name: lstm, d_model: 8}
  - {name: transformer, layers: 1, d_model: 8, heads: 1}
seeds: [0, 1]
learning_rates: [1e-3, 0.01]
training: {tokens: 1000}
"""


def changed(**fields):
    """SMALL with top-level fields replaced (None removes one)."""
    value = read_yaml(SMALL) | fields
    return json.dumps({key: field for key, field in value.items() if field is not None})


def test_it_expands_to_every_combination():
    experiment = parse_experiment(SMALL, "small.yaml")
    trials = [trial for _, trial in experiment.trials(experiment.seeds)]
    combinations = {(t.language, t.model, t.seed, t.training.learning_rate) for t in trials}
    assert combinations == {
        (language, model, seed, rate)
        for language in ("parity", "d-2")
        for model in ("lstm", "transformer")
        for seed in (0, 1)
        for rate in (0.001, 0.01)
    }
    assert len({trial.hash for trial in trials}) == len(trials) == 16


def test_chosen_rates_leave_one_trial_a_seed():
    experiment = parse_experiment(SMALL, "small.yaml")
    chosen = {("parity", "lstm"): 0.01}
    trials = experiment.trials((1,), chosen)
    assert [(t.language, m.name, t.training.learning_rate) for m, t in trials] == [
        ("parity", "lstm", 0.01)
    ]


def test_every_default_of_the_model_is_explicit():
    experiment = parse_experiment(SMALL, "small.yaml")
    _, trial = experiment.trials((0,))[0]
    assert trial.options == {"layers": 1, "d_model": 8}
    assert trial.training.batch_size == 32


def test_the_hash_is_of_the_content_only():
    experiment = parse_experiment(SMALL, "small.yaml")
    _, trial = experiment.trials((0,))[0]
    again = Trial.model_validate_json(trial.model_dump_json())
    assert again.hash == trial.hash
    renamed = parse_experiment(changed(name="other", title="Another"), "x")
    assert renamed.trials((0,))[0][1].hash == trial.hash
    for field, value in (("seed", 5), ("task", "recognise"), ("language", "d-3")):
        assert trial.model_copy(update={field: value}).hash != trial.hash


def test_the_hash_does_not_change_between_versions():
    # A change here makes every stored result unfindable: bump `format` and say so instead.
    experiment = parse_experiment(SMALL, "small.yaml")
    document = json.loads(experiment.trials((0,))[0][1].model_dump_json())
    assert set(document) == {
        "format", "language", "language_file", "model", "model_file", "options", "task",
        "protocol", "data", "training", "seed",
    }  # fmt: skip
    assert document["format"] == 1


def test_the_hash_of_a_committed_trial_stays_what_it_was():
    # results/suite holds trials under these names; an option that is added later must not move
    # them (`_IMPLIED_OPTIONS`).
    suite, _ = builtin.load("suite")
    hashes = {
        (trial.language, model.shown): trial.hash
        for model, trial in suite.trials((0,), dict.fromkeys(suite_cells(suite), 0.001))
    }
    assert hashes["d-4", "Mamba, 3 layers"] == "aa2ecc706a26"
    assert hashes["d-4", "LSTM, 1 layer"] == "78254d5a5c1a"


def suite_cells(experiment):
    return [(name, model.shown) for name in experiment.languages for model in experiment.models]


def test_options_that_came_later_count_only_where_they_change_something():
    text = "{name: x, languages: [parity], models: [{name: mamba, layers: 1}]}"
    trial = parse_experiment(text, "x").trials((0,))[0][1]
    later = {"gates": "positive", "recurrence": True}
    old = {name: value for name, value in trial.options.items() if name not in later}
    assert trial.model_copy(update={"options": old}).hash == trial.hash
    assert trial.model_copy(update={"options": old | later}).hash == trial.hash
    signed = old | later | {"gates": "signed"}
    assert trial.model_copy(update={"options": signed}).hash != trial.hash


def test_it_is_read_back_as_written():
    experiment = parse_experiment(SMALL, "small.yaml")
    assert parse_experiment(json.dumps(experiment.plain()), "again") == experiment


def test_a_changed_dfa_file_is_another_trial(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    automaton = {"format": 1, "alphabet": ["a"], "start": 0, "accepting": [0],
                 "transitions": [[1], [0]]}  # fmt: skip
    (tmp_path / "even.json").write_text(json.dumps(automaton))
    text = changed(languages=["dfa:even.json"])
    before = parse_experiment(text, "x").trials((0,))[0][1].hash
    assert parse_experiment(text, "x").trials((0,))[0][1].hash == before
    automaton["accepting"] = [1]
    (tmp_path / "even.json").write_text(json.dumps(automaton))
    assert parse_experiment(text, "x").trials((0,))[0][1].hash != before
    with pytest.raises(InputError, match=r"missing\.json: cannot be read"):
        parse_experiment(changed(languages=["dfa:missing.json"]), "x").trials((0,))


def test_a_users_model_is_known_by_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_model_a.py").write_text("def build(vocabulary, outputs): ...\n")
    text = changed(models=[{"name": "own_model_a:build"}])
    trial = parse_experiment(text, "x").trials((0,))[0][1]
    assert trial.model_file is not None
    assert len(trial.model_file) == 64


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (changed(languages=None), ["small.yaml: languages: this field is required"]),
        (changed(seeds=[]), ["small.yaml: seeds: give at least one"]),
        (changed(seeds=[0, 0]), ["small.yaml: seeds: 0 is given twice"]),
        (changed(seeds="0"), [r'small.yaml: seeds: .*array.*\(given: "0"\)']),
        (changed(seeds=[1.5]), [r"small.yaml: seeds\[0\]: .*integer.*\(given: 1.5\)"]),
        (changed(task="guess"), ["small.yaml: task: .*'predict', 'recognise', 'state'"]),
        (changed(name="a b"), ["small.yaml: name: .*"]),
        (changed(seed=3), ["small.yaml: seed: no such field .fields: format, name, title, lang"]),
        (
            changed(training={"token": 5}),
            [r"small.yaml: training.token: no such field \(fields: tokens, batch_size"],
        ),
        (
            changed(training={"tokens": "many", "clip": -1}),
            [
                r'small.yaml: training.tokens: .*integer \(given: "many"\)',
                r"small.yaml: training.clip: .*greater than or equal to 0 \(given: -1\)",
            ],
        ),
        (
            changed(training={"learning_rate": 0.1}),
            ["small.yaml: training: give `learning_rates`, a list"],
        ),
        (changed(learning_rates=[0]), [r"small.yaml: learning_rates\[0\]: .*greater than 0"]),
        (
            changed(data={"test_windows": ["1-50", "40-60"]}),
            ["small.yaml: data.test_windows: '40-60' must start after 50"],
        ),
        (
            changed(data={"test_windows": ["short"]}),
            [r'small.yaml: data.test_windows\[0\]: .*"short"'],
        ),
        (
            changed(models=[{"name": "lstm"}, {"name": "lstm"}]),
            ["small.yaml: two models are shown as 'lstm': give one a `label`"],
        ),
        (
            changed(models=[{"name": "lstm", "layers": [1]}]),
            [r"small.yaml: models\[0\].layers: an option is a number, a word, true or false"],
        ),
        ("- just\n- a list", ["small.yaml: a spec is a mapping of fields"]),
        ("name: [", ["small.yaml: line 1, column 8: not YAML"]),
        ("name: a\nname: b", ["small.yaml: line 2: 'name' was given before, on line 1"]),
    ],
)
def test_mistakes_are_named(text, lines):
    with pytest.raises(InputError) as caught:
        parse_experiment(text, "small.yaml")
    said = str(caught.value).splitlines()
    assert len(said) == len(lines), said
    for line, pattern in zip(said, lines, strict=True):
        assert re.match(pattern, line), line


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([{"name": "lstn"}], "model 'lstn' is unknown; choose one of mamba, transformer, lstm"),
        ([{"name": "lstm", "depth": 2}], "model lstm: option `depth` is unknown; allowed: layers"),
        ([{"name": "lstm", "layers": "two"}], "model lstm: option `layers` is 'two'"),
    ],
)
def test_mistakes_in_models_are_named(models, message):
    with pytest.raises(InputError, match=message):
        parse_experiment(changed(models=models), "x").trials((0,))


def test_defaults_are_those_of_the_definitions():
    text = "{name: x, languages: [parity], models: [{name: lstm}]}"
    experiment = parse_experiment(text, "x")
    assert experiment.seeds == (0, 1, 2, 3, 4)
    assert experiment.protocol == "sound"
    assert experiment.data.test_windows == ("1-50", "51-100", "101-150", "451-500")
    sizes = (experiment.data.train_size, experiment.data.validation_size, experiment.data.bin_size)
    assert sizes == (10_000, 2_000, 1_000)


def test_the_example_shows_every_field_and_its_default():
    text = builtin.text("example")
    experiment = parse_experiment(text, "example")
    given = read_yaml(text)
    for name, field in Experiment.model_fields.items():
        assert name in given, name
        if name not in ("name", "languages", "models"):
            assert getattr(experiment, name) == field.get_default(), name
    assert set(given["data"]) == set(DataSettings.model_fields)
    assert set(given["training"]) == set(TrainSettings.model_fields) - {"learning_rate"}
    check(experiment)


def test_the_quickstart_is_what_it_was_designed_to_be():
    experiment, _ = builtin.load("quickstart")
    check(experiment)
    classes = [language_class(name) for name in experiment.languages]
    assert classes == ["star-free"] * 3 + ["not star-free"] * 3 + ["counter"] * 3
    assert [m.name for m in experiment.models] == ["mamba", "transformer", "lstm"]
    assert len(experiment.trials(experiment.seeds)) == 27


def test_what_is_neither_a_name_nor_a_file(tmp_path):
    with pytest.raises(InputError, match=r"quickstartt: no such file.*example, .*quickstart"):
        builtin.load("quickstartt")
    with pytest.raises(InputError, match="cannot be read"):
        builtin.load(str(tmp_path))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not text in UTF-8"):
        builtin.load(str(tmp_path / "binary.yaml"))
