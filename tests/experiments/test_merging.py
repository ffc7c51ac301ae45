"""Parts of one experiment from several folders become one run."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from made_results import SPEC, made_run

from starfree.errors import InputError
from starfree.experiments.merging import merge
from starfree.experiments.plan import read_plan
from starfree.experiments.store import Store
from starfree.experiments.summary import read_summary


@pytest.fixture
def parts(tmp_path):
    """The experiment by halves, and the whole of it."""
    one, _, _ = made_run(tmp_path / "one", languages=["d-2", "parity"])
    two, _, _ = made_run(tmp_path / "two", languages=["dyck-1", "aa-star"])
    whole, _, _ = made_run(tmp_path / "whole")
    return one, two, whole


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "merged")
    with made.lock():
        yield made


def change(store, trial_hash, **fields):
    path = store.trial_folder(trial_hash) / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_the_parts_are_the_whole(parts, store):
    one, two, whole = parts
    merged = merge([one.folder, two.folder], store)
    assert merged.finished == {one.folder: 12, two.folder: 12}
    assert merged.conflicts == []
    assert merged.versions == ("0.1.0 (abc)",)
    assert store.results() == whole.results()
    assert set(read_plan(store.folder)[1]) == set(read_plan(whole.folder)[1])
    assert read_summary(store)[0] == read_summary(whole)[0]
    for trial in whole.results():
        assert store.curve(trial) == whole.curve(trial)


def test_merging_again_or_into_a_part_changes_nothing(parts, store):
    one, two, whole = parts
    merge([one.folder, two.folder], store)
    before = {path: path.stat().st_mtime_ns for path in store.trials.rglob("*")}
    merged = merge([one.folder, two.folder], store)
    assert merged.finished == {store.folder: 24, one.folder: 0, two.folder: 0}
    assert {path: path.stat().st_mtime_ns for path in store.trials.rglob("*")} == before
    merge([one.folder, two.folder], one)
    assert one.results() == whole.results()


def test_different_numbers_of_one_trial_are_named_and_the_first_is_taken(parts, store):
    one, _, whole = parts
    trial = next(iter(one.results()))
    bins = one.result(trial)["bins"]
    bins["51-100"]["metrics"]["string_accuracy"]["value"] = 0.125
    change(whole, trial, bins=bins)
    merged = merge([one.folder, whole.folder], store)
    (conflict,) = merged.conflicts
    assert conflict.startswith(f"{trial} (")
    assert "string_accuracy on 51-100 is " in conflict
    assert "and 0.125" in conflict
    assert conflict.endswith(f"that of {one.folder} is taken")
    assert store.result(trial) == one.result(trial)


def test_other_circumstances_are_no_conflict_but_versions_are_told(parts, store):
    one, _, whole = parts
    trial = next(iter(one.results()))
    change(whole, trial, seconds=99.0, machine={"cpu": "another"}, commit="def")
    other = next(iter(set(whole.results()) - set(one.results())))
    change(whole, other, version="0.2.0", commit=None)
    merged = merge([one.folder, whole.folder], store)
    assert merged.conflicts == []
    assert merged.versions == ("0.1.0 (abc)", "0.2.0 (no commit)")
    assert store.result(trial)["commit"] == "abc"


def test_what_is_only_begun_goes_on_from_its_checkpoint(parts, store):
    one, two, whole = parts
    done, begun = list(two.results())[:2]
    for trial in (done, begun):
        (two.trial_folder(trial) / "result.json").unlink()
        (two.trial_folder(trial) / "checkpoint.safetensors").write_bytes(b"half")
    merged = merge([two.folder, one.folder], store)
    assert merged.unfinished == 2
    assert (store.trial_folder(begun) / "checkpoint.safetensors").read_bytes() == b"half"
    # Another part has the whole of one of them.
    (whole.trial_folder(begun) / "result.json").unlink()
    merge([store.folder, whole.folder], store)
    assert store.result(done) == whole.result(done)
    assert not (store.trial_folder(done) / "checkpoint.safetensors").exists()
    assert (store.trial_folder(begun) / "checkpoint.safetensors").exists()


def test_another_experiment_is_refused(parts, tmp_path, store):
    one, _, _ = parts
    other, _, _ = made_run(tmp_path / "other", SPEC.replace("tokens: 1000", "tokens: 2000"))
    with pytest.raises(InputError, match=r"other: another experiment .*differ in: training"):
        merge([one.folder, other.folder], store)
    with pytest.raises(InputError, match="no run is here"):
        merge([one.folder, tmp_path / "nothing"], store)
    assert not list(store.trials.iterdir())


def test_what_no_result_depends_on_may_differ(parts, tmp_path, store):
    one, _, _ = parts
    renamed = SPEC.replace("title: Made <up>", "title: Another\nrefutation: {symbols: 0}")
    other, _, _ = made_run(tmp_path / "other", renamed, languages=["aa-star"])
    assert merge([one.folder, other.folder], store).finished[other.folder] == 6
    assert read_plan(store.folder)[0].title == "Made <up>"
