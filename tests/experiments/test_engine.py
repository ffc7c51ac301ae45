"""The local engine: every job ends once, whatever happens to the workers."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from starfree.experiments.engine import ATTEMPTS, LocalEngine
from starfree.experiments.events import Failed, Finished, Job, Lost, Progressed, Started
from starfree.experiments.spec import parse_experiment

SPEC = "{name: x, languages: [parity], models: [{name: lstm}], seeds: [0, 1, 2, 3]}"


@pytest.fixture(autouse=True)
def _runners_importable(monkeypatch):
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", here)


def make_jobs(folder, count=4):
    jobs = []
    for model, trial in parse_experiment(SPEC, "x").trials(range(count)):
        place = folder / trial.hash
        place.mkdir(exist_ok=True)
        jobs.append(Job(trial, trial.hash, model.shown, place))
    return jobs


def run(jobs, runner, workers=2):
    events = []
    LocalEngine(workers, f"runners:{runner}").run(jobs, events.append)
    return events


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def seen(job):
    return [line.split(" ", 1) for line in (job.folder / "seen.txt").read_text().splitlines()]


def test_every_job_is_done_once_by_several_processes(tmp_path):
    jobs = make_jobs(tmp_path)
    events = run(jobs, "slow_steps")
    assert sorted(e.hash for e in of_kind(events, Finished)) == sorted(j.hash for j in jobs)
    assert [e.hash for e in of_kind(events, Started)][:2] == [j.hash for j in jobs[:2]]
    assert len({pid for job in jobs for pid, _ in seen(job)}) == 2
    assert str(os.getpid()) not in {pid for job in jobs for pid, _ in seen(job)}
    fractions = [e.fraction for e in of_kind(events, Progressed) if e.hash == jobs[0].hash]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert not any(alive(int(pid)) for job in jobs for pid, _ in seen(job))


def test_a_failure_is_told_in_one_line_and_the_others_go_on(tmp_path):
    events = run(make_jobs(tmp_path), "fails_on_seed_1")
    (failure,) = of_kind(events, Failed)
    assert failure.message == "ValueError: no such luck"
    assert "Traceback" in failure.details
    assert len(of_kind(events, Finished)) == 3


def test_a_killed_worker_is_replaced_and_its_job_goes_on(tmp_path):
    jobs = make_jobs(tmp_path, 3)
    events = run(jobs, "dies_once")
    assert len(of_kind(events, Finished)) == 3
    assert {event.hash for event in of_kind(events, Lost)} == {job.hash for job in jobs}
    assert "SIGKILL" in of_kind(events, Lost)[0].reason
    for job in jobs:
        assert [what for _, what in seen(job)] == ["from 0", "from 2"]


def test_a_job_that_kills_its_workers_is_given_up(tmp_path):
    (job,) = make_jobs(tmp_path, 1)
    events = run([job], "always_dies", workers=1)
    (failure,) = of_kind(events, Failed)
    assert f"died {ATTEMPTS} times" in failure.message
    assert "SIGKILL" in failure.message
    assert len(seen(job)) == ATTEMPTS


def test_a_full_disk_stops_everything_at_once(tmp_path):
    began = time.monotonic()
    with pytest.raises(OSError, match="No space left on device") as caught:
        run(make_jobs(tmp_path), "disk_full")
    assert caught.value.filename.endswith("curve.jsonl")
    assert time.monotonic() - began < 60


def test_workers_use_one_thread(tmp_path):
    (job,) = make_jobs(tmp_path, 1)
    run([job], "threads", workers=1)
    assert '"threads": 1' in (job.folder / "result.json").read_text()


def test_workers_die_with_a_killed_driver(tmp_path):
    script = """
import sys, pathlib
import test_engine
def main():
    jobs = test_engine.make_jobs(pathlib.Path(sys.argv[1]), 2)
    def say(event):
        print(type(event).__name__, flush=True)
    test_engine.LocalEngine(2, "runners:slow_steps").run(jobs, say)
if __name__ == "__main__":
    main()
"""
    driver = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None
    for line in driver.stdout:
        if line.strip() == "Progressed":
            break
    driver.kill()
    driver.wait()
    driver.stdout.close()
    pids = [int(pid) for job in make_jobs(tmp_path, 2) if (job.folder / "seen.txt").exists()
            for pid, _ in seen(job)]  # fmt: skip
    assert pids
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a worker outlived its driver"
        time.sleep(0.05)
    # What the killed driver left is taken up where it stood.
    jobs = make_jobs(tmp_path, 2)
    run(jobs, "slow_steps")
    starts = [what for job in jobs for _, what in seen(job)]
    assert any(what not in ("from 0",) for what in starts)
    assert all((job.folder / "step").read_text() == "40" for job in jobs)
