"""Run trials on this machine: one single-threaded process a core, none of which must survive."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from starfree.experiments.engine.attempt import StorageFailed, attempt, load_runner
from starfree.experiments.engine.contract import ATTEMPTS, RUNNER, Report, free_number
from starfree.experiments.engine.memory import Memory
from starfree.experiments.events import (
    Failed,
    Finished,
    Job,
    Lost,
    Started,
    Waiting,
)

PATIENCE = 2.0  # seconds of silence before memory is looked at again


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass
class _Worker:
    number: int
    process: BaseProcess
    connection: Connection
    job: Job | None = None


class LocalEngine:
    """A pool of spawned processes, each with its own pipe, so that one's death hurts no other.

    Args:
        workers: processes; by default one a core.
        runner: `module:function` that runs one job (tests give their own).
        memory: a trial that has no room in it waits until another one ends.
    """

    def __init__(
        self, workers: int | None = None, runner: str = RUNNER, memory: Memory | None = None
    ) -> None:
        self.workers = workers or available_cores()
        self.runner = runner
        self._memory = memory or Memory()
        self._fewest: int | None = None  # trials at once that the user was told of
        self._context = multiprocessing.get_context("spawn")

    def run(self, jobs: Sequence[Job], report: Report) -> None:
        """Run all jobs in the given order; see `Engine.run`."""
        waiting = deque(jobs)
        attempts: dict[str, int] = {}
        workers: list[_Worker] = []
        try:
            while waiting or any(worker.job for worker in workers):
                self._hand_out(waiting, workers, report)
                self._memory.look(_busy(workers))
                for worker in _ready(workers):
                    if _drain(worker, report):
                        continue
                    workers.remove(worker)
                    job = worker.job
                    if job is None:
                        continue
                    attempts[job.hash] = attempts.get(job.hash, 0) + 1
                    reason = _death(worker.process)
                    if attempts[job.hash] < ATTEMPTS:
                        report(Lost(job.hash, worker.number, reason))
                        waiting.appendleft(job)
                    else:
                        message = f"its worker died {ATTEMPTS} times ({reason})"
                        report(Failed(job.hash, worker.number, message, message))
        finally:
            _stop(workers)

    def _hand_out(self, waiting: deque[Job], workers: list[_Worker], report: Report) -> None:
        """Give the next jobs to idle and new workers, as far as there is memory."""
        while waiting:
            worker = next((worker for worker in workers if worker.job is None), None)
            if worker is None and len(workers) >= self.workers:
                return
            busy = _busy(workers)
            if not self._memory.room(busy, worker.process.pid if worker else None):
                if self._fewest is None or len(busy) < self._fewest:
                    self._fewest = len(busy)
                    reason = f"{len(busy)} of {self.workers} workers at work"
                    report(Waiting(f"{reason}: {self._memory.shortage()}"))
                return
            if worker is None:
                worker = self._start(free_number({worker.number for worker in workers}))
                workers.append(worker)
            self._assign(worker, waiting.popleft(), report)

    def _start(self, number: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, number, self.runner), daemon=True, name=f"worker {number}"
        )
        with _interrupts_held():
            process.start()
        theirs.close()
        return _Worker(number, process, ours)

    def _assign(self, worker: _Worker, job: Job, report: Report) -> None:
        worker.job = job
        report(Started(job.hash, worker.number))
        # A worker that just died is found out, and its job passed on, at the next look at it.
        with suppress(BrokenPipeError, ConnectionResetError):
            worker.connection.send(job)


def _busy(workers: Sequence[_Worker]) -> list[int]:
    """Process ids of those that have a job."""
    return [worker.process.pid for worker in workers if worker.job and worker.process.pid]


def _ready(workers: Sequence[_Worker]) -> list[_Worker]:
    """Wait for the first worker that said something or died, or for a while."""
    waited: list[Any] = [worker.connection for worker in workers]
    waited += [worker.process.sentinel for worker in workers]
    ready = wait(waited, timeout=PATIENCE)
    return [w for w in workers if w.connection in ready or w.process.sentinel in ready]


def _drain(worker: _Worker, report: Report) -> bool:
    """Pass on what a worker said; False if it is dead."""
    try:
        while worker.connection.poll():
            event = worker.connection.recv()
            if isinstance(event, StorageFailed):
                raise OSError(event.number, event.reason, event.path)
            if isinstance(event, Finished | Failed):
                worker.job = None
            report(event)
    except (EOFError, ConnectionResetError):
        worker.process.join()
        return False
    return True


def _death(process: BaseProcess) -> str:
    code = process.exitcode
    if code is not None and code < 0:
        hint = "; out of memory?" if -code == signal.SIGKILL else ""
        return f"killed by {signal.Signals(-code).name}{hint}"
    return f"exit code {code}"


def _stop(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.process.kill()  # a trial in flight goes on from its checkpoint in the next run
    for worker in workers:
        worker.process.join()
        worker.connection.close()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back, here for a moment and in a process started meanwhile for ever."""
    resource_tracker.ensure_running()  # it would start with the process, and let Ctrl-C through
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _work(connection: Connection, number: int, runner_name: str) -> None:
    """What a worker process does: take a job, run it, say how it went."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    run = load_runner(runner_name)
    while True:
        job = connection.recv()
        connection.send(attempt(run, job, number, connection.send))


def _die_with_parent() -> None:
    """A driver that was killed must not leave workers that go on writing into its folder."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
