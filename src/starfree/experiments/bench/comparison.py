"""The whole comparison, a few processes one after the other.

Implementations take turns in one process, so that a busy machine slows all of them. Peers are also
measured under an allocator that keeps its pages (`GLIBC_TUNABLES`), because glibc gives large
tensors back to the system at every step.

floor = FLOPs of the matrix products / peak + 2 exponentials a scan element / throughput of
exponentials, both measured on the spot. Our fraction of it is taken from the CPU time of a step,
which other processes do not stretch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from starfree.errors import StarfreeError
from starfree.experiments.bench.contestants import installed
from starfree.experiments.bench.presentation import evaluation_line, machine_line, training_line
from starfree.experiments.bench.workloads import EVALUATION, TRAINING, floor_ms

FORMAT = 1
KEEP_PAGES = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1099511627776"


def run(quick: bool = False, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measure everything.

    Args:
        quick: under a minute: fewer rounds, no W3, no scaling, no single kernels and other models.
        say: called with a line per result.

    Returns:
        the object of `starfree bench --json`.
    """
    names = [name for name in TRAINING if not (quick and name == "W3")]
    kept_names = ["W2", "W5"] if quick else names
    seconds = 1.0 if quick else 20.0
    common = {"quick": quick, "seconds": seconds}
    result: dict[str, Any] = {"format": FORMAT}
    result |= _worker({**common, "part": "one thread", "workloads": names, "peers": installed()})
    threads = _worker({"part": "threads", "workloads": names, "seconds": seconds / 4})
    kept: dict[str, Any] = {"workloads": {}}
    if "mambapy" in installed():
        order = {**common, "part": "peers", "workloads": kept_names, "peers": ["mambapy"]}
        kept = _worker(order, keep_pages=True)
    peaks = result["machine"]["peak_gflops"], result["machine"]["exp_per_second"]
    say(machine_line(result["machine"]))
    for name, entry in result["workloads"].items():
        own = entry["starfree"]
        own["peak_memory_mb"] = threads[name]["peak_memory_mb"]
        entry["two_threads"] = threads[name]["two_threads"]
        entry["floor_ms"] = floor_ms(TRAINING[name], 3, *peaks)
        own["floor_fraction"] = entry["floor_ms"] / own["cpu_p10_ms"]
        if name in kept["workloads"]:
            entry["mambapy_keeping_pages"] = kept["workloads"][name]["mambapy"]
        say(training_line(name, entry))
    own = result["evaluation"]["starfree"]
    floor = floor_ms(EVALUATION, 1, *peaks) / EVALUATION.positions
    own["floor_fraction"] = floor / own.pop("ms_a_position")
    say(evaluation_line(result["evaluation"]))
    if not quick:
        result["scaling"] = _worker({"part": "scaling"})
        result |= _worker({"part": "registry", "seconds": 1.0})
    return result


def _worker(order: dict[str, Any], keep_pages: bool = False) -> Any:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error"}
    if keep_pages:
        environment["GLIBC_TUNABLES"] = KEEP_PAGES
    done = subprocess.run(
        [sys.executable, "-m", "starfree.experiments.bench.worker", json.dumps(order)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:  # it has printed why
        raise StarfreeError(f"bench: the part {order['part']!r} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def doctor() -> str:
    """Which path computes on this machine, and why."""
    from starfree.models.scan import library

    return library.status().summary
