"""One attempt at a trial, in a worker: run it, say how it went."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from starfree.errors import StarfreeError
from starfree.experiments.engine.contract import Runner
from starfree.experiments.events import Failed, Finished, Job, Phase, Progressed

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


@dataclass(frozen=True)
class StorageFailed:
    """A worker could not write; another attempt there would fail the same way."""

    number: int
    reason: str
    path: str


Ending = Finished | Failed | StorageFailed


def load_runner(name: str) -> Runner:
    """The `module:function` that runs a job, with one thread for whatever it computes."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"  # read when torch and numpy are first imported, in the runner
    module, _, function = name.partition(":")
    run: Runner = getattr(import_module(module), function)
    return run


def attempt(run: Runner, job: Job, worker: int, say: Callable[[Progressed], None]) -> Ending:
    """Run a job, its progress told to `say`; whatever it raises becomes its ending."""

    def progress(phase: Phase, fraction: float, accuracy: float | None) -> None:
        say(Progressed(job.hash, phase, fraction, accuracy))

    try:
        run(job, progress)
    except Exception as error:
        cause = error.__cause__ if isinstance(error, StarfreeError) else error
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
            where = str(cause.filename or job.folder)
            return StorageFailed(cause.errno or 0, cause.strerror or "", where)
        return _failure(job, worker, error)
    return Finished(job.hash, worker)


def _failure(job: Job, worker: int, error: Exception) -> Failed:
    text = " ".join(str(error).split()) or type(error).__name__
    message = text if isinstance(error, StarfreeError) else f"{type(error).__name__}: {text}"
    return Failed(job.hash, worker, message, traceback.format_exc())
