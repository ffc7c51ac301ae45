"""What the tests' Ray workers run: real trials, watched (imported by worker processes)."""

import json
import os
import sys
import time
from pathlib import Path

DRIVER = os.environ.get("DRIVER_FOLDER", "")  # hidden from the workers, or at least never touched

touched = []


def _watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove"):
        touched.extend(str(path) for path in arguments if str(path).startswith(DRIVER))


def unhurried(job, progress):
    """`watched`, and long enough for two checkpoints a minute apart at most."""
    watched(job, _lasting(100.0, progress))


def interruptible(job, progress):
    """`watched`, and long enough to be killed between two checkpoints and the end."""
    watched(job, _lasting(4.0, progress))


def _lasting(seconds, progress):
    """Training takes at least so long, however fast the machine is."""
    began = time.monotonic()

    def paced(phase, fraction, accuracy):
        progress(phase, fraction, accuracy)
        if phase == "training":
            time.sleep(max(0.0, began + seconds * fraction - time.monotonic()))

    return paced


def watched(job, progress):
    """`run_trial`, with a line for each attempt: where, from which step, what of the driver's."""
    if not touched:
        sys.addaudithook(_watch)
    from starfree.experiments.runner import run_trial
    from starfree.training.checkpoint import read_checkpoint

    found = read_checkpoint(job.folder / "checkpoint.safetensors")
    record = {
        "node": os.environ["NODE"],
        "from": found[1]["progress"]["step"] if found else 0,
        "folder": str(job.folder),
        "sees": os.path.exists(DRIVER) and os.listdir(DRIVER),
    }
    touched.clear()  # the look above
    log = Path(job.folder / "attempts.jsonl")
    before = log.read_text() if log.exists() else ""
    log.write_text(before + json.dumps(record) + "\n")
    run_trial(job, progress)
    log.write_text(before + json.dumps(record | {"touched": touched}) + "\n")
