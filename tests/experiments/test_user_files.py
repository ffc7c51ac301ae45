"""A user's files reach a process that cannot read the user's folder."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import starfree.files
from starfree.experiments.spec import parse_experiment
from starfree.experiments.user_files import UserFiles, gather_user_files, place_user_files
from starfree.files import user_file

SPEC = """
name: x
languages: ["dfa:{language}"]
models: [{{name: "{model}:build"}}]
seeds: [0]
data: {{train_size: 60, validation_size: 20, bin_size: 20, test_windows: [1-12],
       train_window: 1-12}}
training: {{tokens: 500, evaluations: 1, bin_strings: 5}}
"""
AUTOMATON = {
    "format": 1, "alphabet": ["a"], "start": 0, "accepting": [0], "transitions": [[1], [0]],
}  # fmt: skip
MODULE = """
import torch

def build(vocabulary, outputs):
    return torch.nn.Sequential(torch.nn.Embedding(vocabulary, 4), torch.nn.Linear(4, outputs))
"""
# What a worker does, in a folder and a process that know nothing of the user's.
WORKER = """
import pickle, sys
from pathlib import Path
from starfree.experiments.events import Job
from starfree.experiments.runner import run_trial
from starfree.experiments.user_files import place_user_files

trial, files = pickle.load(sys.stdin.buffer)
place_user_files(files, Path("placed"))
folder = Path("out/trials") / trial.hash
folder.mkdir(parents=True)
run_trial(Job(trial, trial.hash, "own", folder), lambda *told: None)
"""


@pytest.mark.parametrize(
    ("language", "model"),
    [("even.json", "sent_alone"), ("{folder}/even.json", "sent_package.inner")],
)
def test_a_trial_runs_where_only_the_content_of_its_files_came(
    tmp_path, monkeypatch, language, model
):
    user, worker = tmp_path / "user", tmp_path / "worker"
    (user / "sent_package").mkdir(parents=True)
    (worker / "placed").mkdir(parents=True)
    monkeypatch.chdir(user)
    (user / "even.json").write_text(json.dumps(AUTOMATON))
    (user / "sent_alone.py").write_text(MODULE)
    (user / "sent_package" / "inner.py").write_text(MODULE)
    spec = SPEC.format(language=language.format(folder=user), model=model)
    ((_, trial),) = parse_experiment(spec, "x").trials((0,))
    files = gather_user_files(trial)
    user.rename(tmp_path / "gone")
    ended = subprocess.run(
        [sys.executable, "-c", WORKER], input=pickle.dumps((trial, files)), cwd=worker,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr.decode()
    result = json.loads((worker / "out" / "trials" / trial.hash / "result.json").read_text())
    assert result["trial"] == trial.model_dump(mode="json")


def test_a_trial_without_files_takes_none():
    spec = "{name: x, languages: [parity], models: [{name: lstm}], seeds: [0]}"
    ((_, trial),) = parse_experiment(spec, "x").trials((0,))
    files = gather_user_files(trial)
    assert not files.languages
    assert not files.modules


def test_files_of_one_name_do_not_overwrite_one_another(tmp_path, monkeypatch):
    monkeypatch.setattr(starfree.files, "_BROUGHT", {})
    for name in ("here/even.json", "there/even.json"):
        place_user_files(UserFiles({name: name.encode()}, {}), tmp_path)
    assert user_file("here/even.json").read_bytes() == b"here/even.json"
    assert user_file("there/even.json").read_bytes() == b"there/even.json"
    assert user_file("elsewhere.json") == Path("elsewhere.json")
