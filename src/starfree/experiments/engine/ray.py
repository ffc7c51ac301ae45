"""Run trials on a Ray cluster: one task a trial, what it writes sent home to the driver's store.

A task is a generator of messages (`ray_worker.work`). The driver owns all that must not be lost: a
lost worker's trial goes on elsewhere from the last checkpoint that came home. Messages of an
attempt that was given up are never read, so no result counts twice.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from starfree.errors import InputError, StarfreeError
from starfree.experiments.engine.attempt import StorageFailed
from starfree.experiments.engine.contract import ATTEMPTS, RUNNER, Report, free_number
from starfree.experiments.engine.local import available_cores
from starfree.experiments.engine.ray_worker import Began, Ended, Files, Parcel, work
from starfree.experiments.events import Failed, Job, Lost, Started, Waiting
from starfree.experiments.provenance import code
from starfree.experiments.user_files import gather_user_files
from starfree.files import write_atomically
from starfree.training.checkpoint import CHECKPOINT_NAME
from starfree.training.settings import CHECKPOINT_SECONDS

LOCAL = "local"
RESULT = "result.json"  # written last: where it is, all is there
PATIENCE = 1.0  # seconds of waiting for messages before the cluster is looked at again
START_SECONDS = 180  # for a Ray of our own
KNOCK_SECONDS = 10.0
FETCH_SECONDS = 120.0  # for one message, before its sender is given up
STORE_BYTES = 256 * 2**20  # Ray's shared memory on this machine: checkpoints on their way


@dataclass
class _Attempt:
    """A trial that was sent out.

    Attributes:
        stream: Ray's generator of references to its messages.
        node: the machine, once it began.
    """

    job: Job
    worker: int
    stream: Any
    node: str | None = None


class RayEngine:
    """Every core of a cluster runs trials; machines may come and go meanwhile.

    Args:
        address: of the cluster, `HOST:PORT`, or `auto` for the one this machine is part of; by
            default what the environment variable `RAY_ADDRESS` says, else a Ray of its own on this
            machine.
        workers: trials at once; by default one a core of the cluster.
        runner: `module:function` that runs one job.
        checkpoint_seconds: how much work a lost worker may cost.

    Raises:
        InputError: Ray is not installed, or an address that cannot be used.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        runner: str = RUNNER,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        self._ray = _import_ray()
        self._address = address or os.environ.get("RAY_ADDRESS") or LOCAL
        if self._address.startswith("ray://"):
            raise InputError(
                f"--address {self._address}: Ray's client cannot carry this; make this machine a "
                "part of the cluster (`ray start --address HOST:6379 --num-cpus 0`) and give auto"
            )
        self._wanted = workers
        self._runner = runner
        self._checkpoint_seconds = checkpoint_seconds
        self._task = self._ray.remote(work).options(
            num_cpus=1, max_retries=0, num_returns="streaming", scheduling_strategy="SPREAD"
        )

    @property
    def workers(self) -> int:
        """How many trials run at once."""
        cores = int(self._cluster.cluster_resources().get("CPU", 0))
        return cores if self._wanted is None else min(self._wanted, cores)

    def run(self, jobs: Sequence[Job], report: Report) -> None:
        """Run all jobs, sent out in the given order; see `Engine.run`.

        Raises:
            StarfreeError: a machine of the cluster has other code than the driver.
        """
        if not jobs:
            return
        waiting = deque(jobs)
        running: list[_Attempt] = []
        deaths: dict[str, int] = {}
        told = False
        try:
            while waiting or running:
                workers = self.workers
                if not workers and not running and not told:
                    report(Waiting("the cluster has no core for trials; waiting for machines"))
                    told = True
                while waiting and len(running) < workers:
                    number = free_number({attempt.worker for attempt in running})
                    running.append(self._send(waiting.popleft(), number))
                for attempt in self._ready(running):
                    if self._take(attempt, report, deaths):
                        continue
                    running.remove(attempt)
                    if attempt.job.hash in deaths:
                        waiting.appendleft(attempt.job)
        finally:
            for attempt in running:
                self._ray.cancel(attempt.stream, force=True)

    @cached_property
    def _cluster(self) -> Any:
        """Ray, connected."""
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        own: dict[str, Any] = {}
        if self._address == LOCAL:
            own = {
                "num_cpus": self._wanted or available_cores(),
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
            }
        try:
            _knock(self._address)
            self._ray.init(address=self._address, **quiet, **own)
        except (OSError, RuntimeError, ValueError, self._ray.exceptions.RayError) as error:
            first = str(error).strip().partition("\n")[0]
            if self._address == LOCAL:
                raise StarfreeError(f"Ray could not be started on this machine: {first}") from error
            raise StarfreeError(
                f"--address {self._address}: no connection to a Ray cluster ({first}); "
                "`ray start --head` on its first machine prints the address"
            ) from error
        # Ray prints its own lines about every lost worker otherwise; ours say it.
        self._ray._private.worker._worker_logs_enabled = False
        return self._ray

    def _send(self, job: Job, number: int) -> _Attempt:
        seconds = min(job.checkpoint_seconds, self._checkpoint_seconds)
        parcel = Parcel(
            job=replace(job, folder=Path(), checkpoint_seconds=seconds),
            files={
                path.name: path.read_bytes()
                for path in job.folder.iterdir()
                if path.is_file() and not path.name.startswith(".")
            },
            user_files=gather_user_files(job.trial),
            worker=number,
            runner=self._runner,
            code=code(),
        )
        return _Attempt(job, number, self._task.remote(parcel))

    def _ready(self, running: Sequence[_Attempt]) -> list[_Attempt]:
        """Those of which there is something new."""
        streams = [attempt.stream for attempt in running]
        if not streams:  # no machine is there yet
            time.sleep(PATIENCE)
            return []
        # The second look is for all those that are ready by then, so that none has to wait long.
        self._ray.wait(streams, num_returns=1, timeout=PATIENCE, fetch_local=False)
        ready, _ = self._ray.wait(streams, num_returns=len(streams), timeout=0, fetch_local=False)
        return [attempt for attempt in running if attempt.stream in ready]

    def _take(self, attempt: _Attempt, report: Report, deaths: dict[str, int]) -> bool:
        """Take in one message; False if the attempt is over. A death is noted in `deaths`."""
        job = attempt.job
        try:
            message = self._ray.get(next(attempt.stream), timeout=FETCH_SECONDS)
        except StopIteration:
            reason = "it ended without a word"
        except self._ray.exceptions.RayError as error:
            reason = _death(self._ray, error)
        else:
            if isinstance(message, Began):
                self._begin(attempt, message, report)
            elif isinstance(message, Files):
                _write(job, message)
                if CHECKPOINT_NAME in message.written:
                    deaths.pop(
                        job.hash, None
                    )  # it came further: whatever kills it is not the trial
            elif not isinstance(message, Ended):
                report(message)
            elif isinstance(message.ending, StorageFailed):
                reason = f"{message.ending.reason} there ({message.ending.path})"
                return self._lose(attempt, reason, report, deaths)
            else:
                _write(job, message.files)
                deaths.pop(job.hash, None)
                report(message.ending)
                return False
            return True
        return self._lose(attempt, reason, report, deaths)

    def _begin(self, attempt: _Attempt, message: Began, report: Report) -> None:
        attempt.node = message.node
        if not message.same_code:
            raise StarfreeError(
                f"{message.node}: the starfree of this machine is not the one that the run began "
                "with; install the same one on every machine, and change none during a run"
            )
        report(Started(attempt.job.hash, attempt.worker))

    def _lose(self, attempt: _Attempt, reason: str, report: Report, deaths: dict[str, int]) -> bool:
        """An attempt died; always False."""
        self._ray.cancel(attempt.stream, force=True)  # it may live where nobody hears it
        job, worker = attempt.job, attempt.worker
        if attempt.node is None:
            report(Started(job.hash, worker))  # so that every ending has a beginning
        else:
            reason = f"lost on {attempt.node}: {reason}"
        deaths[job.hash] = deaths.get(job.hash, 0) + 1
        if deaths[job.hash] < ATTEMPTS:
            report(Lost(job.hash, worker, reason))
        else:
            del deaths[job.hash]
            message = f"its worker died {ATTEMPTS} times without getting further ({reason})"
            report(Failed(job.hash, worker, message, message))
        return False


def _import_ray() -> Any:
    # Read when Ray is imported: nothing is sent to its makers; it may start slowly where all
    # cores are busy.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_raylet_start_wait_time_s", str(START_SECONDS))
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise InputError(
            "the engine ray needs the package ray: pip install 'starfree[ray]'"
        ) from error
    return ray


def _knock(address: str) -> None:
    """Find out at once that nobody is there; Ray itself tries for a quarter of an hour.

    Raises:
        OSError: nobody listens at `HOST:PORT`.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _write(job: Job, files: Files) -> None:
    """Bring the trial's folder to where the worker's is."""
    for name in sorted(files.written, key=lambda name: name == RESULT):
        write_atomically(job.folder / name, files.written[name])
    for name in files.removed:
        (job.folder / name).unlink(missing_ok=True)


def _death(ray: Any, error: Exception) -> str:
    """What killed a worker, in a few words."""
    known = ray.exceptions
    words = {
        known.WorkerCrashedError: "its process died (out of memory?)",
        known.OutOfMemoryError: "out of memory",
        known.NodeDiedError: "the machine left the cluster",
        known.ObjectLostError: "the machine was gone before what it sent had come",
        known.GetTimeoutError: f"what it sent did not come within {FETCH_SECONDS:.0f} seconds",
    }
    for kind, reason in words.items():
        if isinstance(error, kind):
            return reason
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    return said[-1] if said else type(error).__name__
