"""The Ray engine on a real cluster of two machines, one of which is switched off in the middle."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("ray")

from ray_cluster import Cluster, importable, processes_with

from starfree.errors import InputError, StarfreeError
from starfree.experiments.engine import LocalEngine
from starfree.experiments.execution import Run
from starfree.experiments.spec import parse_experiment
from starfree.experiments.store import Store
from starfree.training.checkpoint import read_checkpoint
from starfree.training.settings import CHECKPOINT_SECONDS

HERE = Path(__file__).parent
SPEC = """
name: scattered
languages: ["dfa:even.json"]
models: [{name: lstm, d_model: 8}, {name: "own:model", width: 8}]
seeds: SEEDS
data: {train_size: 200, validation_size: 40, bin_size: 40, test_windows: [1-20, 21-40],
       train_window: 1-20}
training: {tokens: TOKENS, evaluations: POINTS, validation_strings: 10, bin_strings: 5}
refutation: {symbols: 0}
"""
AUTOMATON = {
    "format": 1, "alphabet": ["0", "1"], "start": 0, "accepting": [0],
    "transitions": [[0, 1], [1, 0]],
}  # fmt: skip

OWN = """
import torch

class Own(torch.nn.Module):
    def __init__(self, vocabulary, outputs, width):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, width)
        self.gru = torch.nn.GRU(width, width, batch_first=True)
        self.head = torch.nn.Linear(width, outputs)

    def forward(self, tokens):
        return self.head(self.gru(self.embedding(tokens))[0])

def model(vocabulary, outputs, width):
    return Own(vocabulary, outputs, width)
"""


class Driver:
    """A driver in a folder of its own, its events as they come."""

    def __init__(self, folder, address, runner, seconds, **numbers):
        self.folder = folder
        self.out = folder / "out"
        self.events = []
        (folder / "even.json").write_text(json.dumps(AUTOMATON))
        (folder / "own.py").write_text(OWN)
        self.spec = SPEC
        for name, value in numbers.items():
            self.spec = self.spec.replace(name.upper(), str(value))
        (folder / "spec.yaml").write_text(self.spec)
        command = [sys.executable, HERE / "ray_driver.py", "spec.yaml", "out", address, runner]
        self.process = subprocess.Popen(
            [*map(str, command), str(seconds)], cwd=folder, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": importable(), "RAY_AUTH_MODE": "disabled"},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def of_kind(self, kind):
        return [event for event in list(self.events) if event["kind"] == kind]

    def attempts(self, trial):
        """What the workers wrote down of a trial, as far as it came home."""
        path = self.out / "trials" / trial / "attempts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def checkpoints(self):
        return list(self.out.glob("trials/*/checkpoint.safetensors"))

    def wait_for(self, condition, what, seconds=240):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.02)
        return found

    def end(self, seconds=600):
        self.process.wait(timeout=seconds)
        self._reader.join()
        assert self.process.returncode == 0, self.process.stderr.read()


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    hidden = tmp_path / "driver"
    hidden.mkdir()
    monkeypatch.chdir(hidden)  # the spec names files there
    made = Cluster(hidden)
    yield made
    made.stop()


@pytest.fixture
def start():
    """Starts a driver that ends with the test, whatever comes of it."""
    started = []

    def call(*arguments, **numbers):
        started.append(Driver(*arguments, **numbers))
        return started[-1]

    yield call
    for driver in started:
        driver.process.kill()
        driver.process.wait()
        driver.process.stdout.close()
        driver.process.stderr.close()


def switch_off_in_the_middle(cluster, driver, checkpoints_before):
    """Kill the second machine once its trial has so many checkpoints at home; that trial."""

    def its_trial():
        for path in driver.checkpoints():
            attempts = driver.attempts(path.parent.name)
            if attempts and attempts[-1]["node"] == "second":
                return path
        return None

    path = driver.wait_for(its_trial, "a checkpoint from the second machine")
    for _ in range(checkpoints_before - 1):
        known = path.stat().st_mtime_ns
        driver.wait_for(lambda known=known: path.stat().st_mtime_ns != known, "another checkpoint")
    assert driver.of_kind("Lost") == []
    cluster.nodes[1].kill()
    # What had come home by then may be a little newer than what is read here.
    return path.parent.name, read_checkpoint(path)[1]["progress"]["step"]


def check(driver, killed, step_at_home):
    """Nothing lost, nothing run twice, nothing of the driver's touched."""
    experiment = parse_experiment(driver.spec, "spec.yaml")
    hashes = {trial.hash for _, trial in experiment.trials(experiment.seeds)}
    assert Counter(event["hash"] for event in driver.of_kind("Finished")) == Counter(hashes)
    (lost,) = driver.of_kind("Lost")
    assert lost["hash"] == killed
    started = Counter(event["hash"] for event in driver.of_kind("Started"))
    assert started == Counter([*hashes, killed])
    folders = set()
    for trial in hashes:
        attempts = driver.attempts(trial)
        assert [attempt["from"] > 0 for attempt in attempts] == [False, True][: len(attempts)]
        assert len(attempts) == started[trial]
        folders |= {attempt["folder"] for attempt in attempts}
        for attempt in attempts:
            assert not attempt["sees"]  # the folder is empty there, or is not
            assert not attempt["folder"].startswith(str(driver.folder))
        assert attempts[-1]["touched"] == []
        steps = [row["step"] for row in Store(driver.out).curve(trial)]
        assert steps == sorted(set(steps))
        result = Store(driver.out).result(trial)
        assert steps[-1] == result["steps"]
        names = {path.name for path in (driver.out / "trials" / trial).iterdir()}
        assert names >= {"spec.json", "result.json", "curve.jsonl", "weights.safetensors"}
        assert not names & {"checkpoint.safetensors", "failure.json"}
    first, second = driver.attempts(killed)
    assert (first["node"], second["node"]) == ("second", "first")
    assert second["from"] >= step_at_home > 0
    assert len({Path(folder).parents[2] for folder in folders}) == 2  # a place a machine


def same_as_here(driver, folder):
    """The weights are those of a run on this machine that nobody disturbed."""
    experiment = parse_experiment(driver.spec, "spec.yaml")
    store = Store(folder / "here")
    with store.lock():
        Run(experiment, store, LocalEngine(2)).run()
    for trial in store.results():
        ours = (store.trial_folder(trial) / "weights.safetensors").read_bytes()
        theirs = (driver.out / "trials" / trial / "weights.safetensors").read_bytes()
        assert ours == theirs


def test_a_machine_switched_off_loses_nothing_and_nothing_runs_twice(cluster, start, tmp_path):
    driver = start(
        tmp_path / "driver",
        cluster.address,
        "interruptible",
        seconds=0.3,
        seeds=[0, 1],
        tokens=100_000,
        points=10,
    )
    killed, step = switch_off_in_the_middle(cluster, driver, checkpoints_before=2)
    driver.end()
    check(driver, killed, step)


@pytest.mark.full
def test_with_its_own_intervals_a_checkpoint_comes_home_every_minute(cluster, start, tmp_path):
    """Few points of the curve, so that the clock decides; then as if nothing had happened."""
    driver = start(
        tmp_path / "driver", cluster.address, "unhurried", seconds=CHECKPOINT_SECONDS,
        seeds=[0], tokens=400_000, points=2,
    )  # fmt: skip
    came = {}
    stop = threading.Event()

    def look():
        while not stop.wait(0.5):
            for path in driver.checkpoints():
                with suppress(FileNotFoundError):
                    times = came.setdefault(path.parent.name, [])
                    if path.stat().st_mtime not in times:
                        times.append(path.stat().st_mtime)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        killed, step = switch_off_in_the_middle(cluster, driver, checkpoints_before=1)
        driver.end(seconds=1_800)
    finally:
        stop.set()
        looking.join()
    check(driver, killed, step)
    for trial, times in came.items():
        ended = [e["at"] for e in driver.of_kind("Finished") if e["hash"] == trial]
        marks = sorted(
            [e["at"] for e in driver.of_kind("Started") if e["hash"] == trial] + times + ended
        )
        gaps = [later - earlier for earlier, later in pairwise(marks)]
        assert max(gaps) < 60
    assert max(map(len, came.values())) >= 2
    same_as_here(driver, tmp_path)


def test_what_the_engine_cannot_use_is_said_at_once(monkeypatch):
    from starfree.experiments.engine.ray import RayEngine

    with pytest.raises(InputError, match="Ray's client cannot carry this"):
        RayEngine("ray://somewhere:10001")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    began = time.monotonic()
    with pytest.raises(StarfreeError, match=f"{address}: no connection to a Ray cluster"):
        _ = RayEngine(address).workers
    assert time.monotonic() - began < 30
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'starfree\[ray\]'"):
        RayEngine()


@pytest.mark.full
def test_the_command_starts_a_ray_of_its_own_and_leaves_none(tmp_path):
    """Without an address; with TensorBoard, which the driver writes wherever trials run."""
    numbers = {"SEEDS": "[0]", "TOKENS": "3000", "POINTS": "3"}
    text = SPEC.replace("dfa:even.json", "parity").replace(', {name: "own:model", width: 8}', "")
    for name, value in numbers.items():
        text = text.replace(name, value)
    (tmp_path / "spec.yaml").write_text(text)
    mark = tempfile.mkdtemp(prefix="sf-", dir="/tmp")  # a socket's name must be short
    command = [sys.executable, "-c", "from starfree.cli import main; main()", "run", "spec.yaml"]
    ended = subprocess.run(
        [*command, "--engine", "ray", "--track", "tensorboard", "--out", "out"],
        cwd=tmp_path, env={**os.environ, "TMPDIR": mark}, capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    (trial,) = Store(tmp_path / "out").results()
    assert list((tmp_path / "out" / "tensorboard" / trial).glob("events*"))
    deadline = time.monotonic() + 60
    while processes_with(mark):
        assert time.monotonic() < deadline, "Ray outlived the run"
        time.sleep(0.1)
    shutil.rmtree(mark)
