"""Real trials of a search: they meet no test string, and stop where their hurdles say."""

import json

import numpy as np
import pytest

from starfree.experiments import material as materials
from starfree.experiments.events import Job
from starfree.experiments.material import material, material_without_tests
from starfree.experiments.runner import run_trial
from starfree.experiments.search.pruning import Hurdles
from starfree.experiments.spec import DataSettings, parse_experiment
from starfree.experiments.store import Store
from starfree.training import loop

SPEC = """
name: real
languages: [parity]
models: [{name: lstm}]
seeds: [0, 1]
data: {train_size: 200, validation_size: 60, bin_size: 40, train_window: 1-20,
       test_windows: [1-20, 21-40]}
training: {tokens: 6000, evaluations: 6, batch_size: 8, bin_strings: 20}
search: {method: grid, space: {d_model: [4, 8]}}
"""
POINT = {"d_model": 4}


def trial(hurdles=None, spec=SPEC):
    experiment = parse_experiment(spec, "x")
    return experiment.search_trial("parity", experiment.models[0], POINT, hurdles)


def run(folder, searched):
    store = Store(folder)
    job = Job(searched, searched.hash, "LSTM", store.trial_folder(searched.hash))
    job.folder.mkdir(parents=True)
    run_trial(job, lambda phase, fraction, accuracy: None)
    return job.folder, json.loads((job.folder / "result.json").read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run(tmp_path_factory.mktemp("finished"), trial())


def rows(strings):
    return {strings.tokens[i, :n].tobytes() for i, n in enumerate(strings.lengths)}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"task": "recognise"},
        {"language": "anbn"},
        {"data": {"test_distribution": "hard"}},
        {"data": {"test_windows": ("21-40",)}},
        {"data": {"train_distribution": "hard"}, "language": "d-2"},
    ],
)
def test_the_strings_are_those_of_the_reported_trials_without_the_tests(change):
    data = DataSettings(
        train_size=200, validation_size=60, bin_size=40, train_window="1-20",
        test_windows=("1-20", "21-40"),
    ).model_copy(update=change.get("data", {}))  # fmt: skip
    asked = trial().model_copy(
        update={name: value for name, value in change.items() if name != "data"} | {"data": data}
    )
    with_tests, without = material(asked), material_without_tests(asked)
    for split in ("train", "validation"):
        ours, theirs = getattr(without.data, split), getattr(with_tests.data, split)
        assert np.array_equal(ours.tokens, theirs.tokens)
        assert np.array_equal(ours.lengths, theirs.lengths)
    assert without.data.bins == without.baselines == without.optima == {}


def test_nothing_but_training_and_validation_strings_is_ever_read(tmp_path, monkeypatch):
    """Every string that is encoded, which is before any model can read it, is looked at."""
    searched = trial()
    known = material(searched)
    allowed = rows(known.data.train) | rows(known.data.validation)
    tests = set().union(*(rows(strings) for strings in known.data.bins.values()))
    assert len(tests - allowed) > 40
    seen = set()
    task = type(known.task)
    encode = task.encode

    def watched(self, strings, *more):
        seen.update(rows(strings))
        return encode(self, strings, *more)

    monkeypatch.setattr(task, "encode", watched)
    for made in (materials._make, materials._make_without_tests):
        made.cache_clear()  # what was encoded above would not be encoded again
    run(tmp_path, searched)
    assert seen
    assert seen <= allowed
    assert not seen & tests


def test_its_result_and_curve_hold_no_test_bin(finished):
    folder, result = finished
    assert result["bins"] == {}
    assert result["trial"]["purpose"] == "search"
    curve = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    assert len(curve) == 6
    assert all(row["bins"] == {} for row in curve)
    assert result["losses"] == [
        [point, row["validation_loss"]] for point, row in enumerate(curve, start=1)
    ]


def test_other_test_strings_change_nothing_but_the_hash(tmp_path, finished):
    """Not even the reserve of strings of the training lengths hangs on the longer windows."""
    folder, result = finished
    other = trial(spec=SPEC.replace("[1-20, 21-40]", "[1-20, 31-60, 61-90]"))
    assert other.hash != folder.name
    again, same = run(tmp_path, other)
    assert same["validation"] == result["validation"]
    assert same["losses"] == result["losses"]
    name = "weights.safetensors"
    assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_the_loss_is_that_of_the_final_weights_on_all_validation_strings(finished):
    import torch
    from safetensors.torch import load_file

    from starfree.models.model import build

    folder, result = finished
    known = material_without_tests(trial())
    model = build("lstm", known.task.vocabulary, known.task.outputs, **result["trial"]["options"])
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    examples = known.task.encode(known.data.validation)
    losses = []
    for row, length in enumerate(examples.lengths):
        with torch.no_grad():
            logits = model(torch.from_numpy(examples.inputs[row : row + 1, :length]))[0]
        targets = torch.from_numpy(examples.targets[row, :length].astype(np.float32))
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, targets, reduction="none"
        )
        losses.append(each.mean(dim=1))
    mean = float(torch.cat(losses).mean())
    assert result["validation"]["on"] == "validation"
    assert result["validation"]["loss"] == pytest.approx(mean, rel=1e-4)


def test_a_hurdle_stops_it_there(tmp_path, finished):
    _, whole = finished
    (_, first), (_, second), (point, third), *_ = whole["losses"]
    # It passes the first hurdle and fails the second.
    hurdles = Hurdles(rule="halving", losses=((2, second), (3, third - 1e-6), (4, 9.0)))
    folder, result = run(tmp_path, trial(hurdles))
    assert result["stopped"] == "pruned"
    assert result["losses"] == [[1, first], [2, second], [point, third]]
    assert 3000 <= result["tokens"] < 3600
    assert result["tokens"] < whole["tokens"] / 1.6
    assert len((folder / "curve.jsonl").read_text().splitlines()) == 3
    assert not (folder / "checkpoint.safetensors").exists()


def test_a_trial_killed_on_its_way_to_a_hurdle_ends_there_too(tmp_path, finished, monkeypatch):
    _, whole = finished
    third = whole["losses"][2][1]
    searched = trial(Hurdles(rule="halving", losses=((3, third - 1e-6),)))
    _, expected = run(tmp_path / "whole", searched)
    save = loop._Run._save
    saved = []

    def killed(self):
        save(self)
        saved.append(self.progress.points)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop._Run, "_save", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", searched)
    monkeypatch.undo()
    store = Store(tmp_path / "killed")
    job = Job(searched, searched.hash, "LSTM", store.trial_folder(searched.hash))
    assert (job.folder / "checkpoint.safetensors").exists()
    run_trial(job, lambda phase, fraction, accuracy: None)
    result = store.result(searched.hash)
    for field in ("stopped", "tokens", "losses", "validation"):
        assert result[field] == expected[field]
