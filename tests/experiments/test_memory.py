"""Trials wait for memory instead of being killed for want of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_engine import make_jobs, of_kind

from starfree.experiments.engine import LocalEngine
from starfree.experiments.engine.memory import FIRST_GUESS, MARGIN, Memory, available, taken
from starfree.experiments.events import Finished, Started, Waiting

MEGABYTE = 2**20


@pytest.fixture(autouse=True)
def _runners_importable(monkeypatch):
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", here)


@pytest.fixture
def large():
    """A process that holds 200 MB."""
    script = "held = bytearray(200 * 2**20); print('there', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_what_is_left_and_what_is_taken_is_read_from_the_system(large):
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < available() < total
    now, most = taken(large)
    assert 200 * MEGABYTE < now <= most < 300 * MEGABYTE


def test_a_process_that_is_gone_holds_nothing():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert taken(process.pid) == (0, 0)


def test_room_counts_what_the_others_will_still_take(large):
    held, _ = taken(large)
    growth = FIRST_GUESS - held
    needed = growth + FIRST_GUESS + MARGIN
    assert Memory(lambda: needed + MEGABYTE).room([large], None)
    assert not Memory(lambda: needed - MEGABYTE).room([large], None)
    # a worker that is there already has part of it
    assert Memory(lambda: needed - held + MEGABYTE).room([large], large)
    assert not Memory(lambda: needed - held - MEGABYTE).room([large], large)


def test_the_largest_trial_seen_is_the_measure(large, monkeypatch):
    monkeypatch.setattr("starfree.experiments.engine.memory.FIRST_GUESS", 10 * MEGABYTE)
    memory = Memory(lambda: 2**40)
    assert memory.most == 10 * MEGABYTE
    memory.look([large])
    assert memory.most == taken(large)[1]
    memory.look([])
    assert memory.most == taken(large)[1]


def test_the_first_trial_always_runs_and_where_nothing_is_known_all_do(large):
    assert Memory(lambda: 0).room([], None)
    assert Memory(lambda: None).room([large], None)


def test_trials_take_turns_while_memory_is_short_and_the_user_is_told(tmp_path):
    events = []
    jobs = make_jobs(tmp_path)
    short = Memory(lambda: 300 * MEGABYTE)
    LocalEngine(3, "runners:slow_steps", short).run(jobs, events.append)
    assert len(of_kind(events, Finished)) == len(jobs)
    (waiting,) = of_kind(events, Waiting)
    assert (
        waiting.reason == "1 of 3 workers at work: 0.3 GB of memory left, and a trial takes 0.5 GB"
    )
    running, most = 0, 0
    for event in events:
        running += isinstance(event, Started) - isinstance(event, Finished)
        most = max(most, running)
    assert most == 1


def test_more_trials_start_when_memory_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr("starfree.experiments.engine.local.PATIENCE", 0.05)
    events = []
    left = {"bytes": 0}

    def report(event):
        events.append(event)
        if len(of_kind(events, Finished)) == 1:
            left["bytes"] = 2**40

    LocalEngine(2, "runners:slow_steps", Memory(lambda: left["bytes"])).run(
        make_jobs(tmp_path), report
    )
    kinds = [type(event) for event in events if isinstance(event, Started | Finished)]
    assert kinds[:4] == [Started, Finished, Started, Started]
    assert kinds.count(Finished) == 4
