"""Runners that stand in for training, for the engine's tests (imported by worker processes)."""

import json
import os
import signal
import time
from pathlib import Path

from starfree.files import write_atomically


def record(job, line):
    with (job.folder / "seen.txt").open("a") as stream:
        stream.write(f"{os.getpid()} {line}\n")


def quick(job, progress):
    """Three steps with a checkpoint, then a result."""
    state = job.folder / "step"
    step = int(state.read_text()) if state.exists() else 0
    record(job, f"from {step}")
    while step < 3:
        step += 1
        progress("training", step / 3, step / 3)
        state.write_text(str(step))
    (job.folder / "result.json").write_text(json.dumps({"format": 1, "steps": step}))


def fails_on_seed_1(job, progress):
    if job.trial.seed == 1:
        raise ValueError("no such\nluck")
    quick(job, progress)


def dies_once(job, progress):
    """Killed in the middle the first time."""
    if not (job.folder / "step").exists():
        (job.folder / "step").write_text("2")
        record(job, "from 0")
        os.kill(os.getpid(), signal.SIGKILL)
    quick(job, progress)


def always_dies(job, progress):
    record(job, "again")
    os.kill(os.getpid(), signal.SIGKILL)


def never_ends(job, progress):
    progress("training", 0.1, None)
    time.sleep(600)


def disk_full(job, progress):
    if job.trial.seed == 0:
        raise OSError(28, "No space left on device", str(job.folder / "curve.jsonl"))
    time.sleep(600)


def threads(job, progress):
    import torch

    (job.folder / "result.json").write_text(
        json.dumps({"format": 1, "threads": torch.get_num_threads()})
    )


def slow_steps(job, progress):
    """A trial of many short steps, each of them kept."""
    state = Path(job.folder / "step")
    step = int(state.read_text()) if state.exists() else 0
    record(job, f"from {step}")
    while step < 40:
        time.sleep(0.02)
        step += 1
        write_atomically(state, str(step))  # a kill may come at any moment
        progress("training", step / 40, None)
    (job.folder / "result.json").write_text(json.dumps({"format": 1, "steps": step}))
