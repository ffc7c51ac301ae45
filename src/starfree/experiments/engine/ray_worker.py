"""What a Ray worker does with a trial: run it in a folder of its own, and send home what it writes.

Nothing of the driver's machine is reachable from here but through the messages. This module does
not import Ray: it is the body of a task, a generator of messages.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory, mkdtemp
from threading import Thread

from starfree.experiments.engine.attempt import Ending, attempt, load_runner
from starfree.experiments.events import Job, Progressed
from starfree.experiments.provenance import code
from starfree.experiments.user_files import UserFiles, place_user_files

BEAT = 1.0  # seconds between looks at what the trial did
FILES_SECONDS = 10.0  # between looks at its files


@dataclass(frozen=True)
class Parcel:
    """A trial on its way to a worker.

    Attributes:
        job: its folder is the worker's to choose.
        files: of the trial's folder, by name: a checkpoint to go on from.
        worker: its number.
        runner: `module:function` that runs the job.
        code: `provenance.code()` of the driver.
    """

    job: Job
    files: Mapping[str, bytes]
    user_files: UserFiles
    worker: int
    runner: str
    code: str


@dataclass(frozen=True)
class Began:
    """A worker took up the trial.

    Attributes:
        node: name of its machine.
        same_code: whether it runs the driver's code; if not, it does nothing more.
    """

    node: str
    same_code: bool


@dataclass(frozen=True)
class Files:
    """What changed in the trial's folder.

    Attributes:
        written: content by name.
        removed: names.
    """

    written: Mapping[str, bytes]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ended:
    """The last message: the last changes, and how it went."""

    files: Files
    ending: Ending


Message = Began | Progressed | Files | Ended


def work(parcel: Parcel) -> Iterator[Message]:
    """Run one trial; yields progress and files on the way, `Ended` at last."""
    same_code = parcel.code == code()
    yield Began(platform.node(), same_code)
    if not same_code:
        return
    if parcel.user_files.languages or parcel.user_files.modules:
        place_user_files(parcel.user_files, _place())
    run = load_runner(parcel.runner)
    with TemporaryDirectory(prefix="starfree-") as root:
        mirror = Mirror(Path(root) / "trials" / parcel.job.hash, parcel.files)
        job = replace(parcel.job, folder=mirror.folder)
        said: SimpleQueue[Progressed | Ending] = SimpleQueue()
        Thread(
            target=lambda: said.put(attempt(run, job, parcel.worker, said.put)), daemon=True
        ).start()

        beat = min(BEAT, job.checkpoint_seconds)
        every = min(FILES_SECONDS, job.checkpoint_seconds)
        looked = time.monotonic()
        while True:
            latest = _latest(said, beat)
            if isinstance(latest, Progressed):
                yield latest
            elif latest is not None:
                yield Ended(mirror.changes(), latest)
                return
            if time.monotonic() - looked >= every:
                looked = time.monotonic()
                changes = mirror.changes()
                if changes.written or changes.removed:
                    yield changes


def _latest(said: SimpleQueue[Progressed | Ending], seconds: float) -> Progressed | Ending | None:
    """Wait for a beat, or until the trial ends; what it said last."""
    latest: Progressed | Ending | None = None
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            latest = said.get(timeout=left)
        except Empty:
            break
        if not isinstance(latest, Progressed):
            break
    return latest


@cache
def _place() -> Path:
    """A folder for the user's files that lives as long as this process (they stay imported)."""
    return Path(mkdtemp(prefix="starfree-files-"))


@dataclass
class Mirror:
    """A folder that is kept alike on the other side.

    Attributes:
        folder: is made, with `files` in it.
        files: what the other side has.
    """

    folder: Path
    files: Mapping[str, bytes]
    _seen: dict[str, tuple[int, int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        for name, content in self.files.items():
            (self.folder / name).write_bytes(content)
        self._seen = self._look()

    def changes(self) -> Files:
        """What the other side does not have yet. Files are written atomically, so are whole."""
        now = self._look()
        written = {}
        for name, state in now.items():
            if self._seen.get(name) != state:
                try:
                    written[name] = (self.folder / name).read_bytes()
                except FileNotFoundError:
                    continue  # removed meanwhile: the next look tells
        removed = tuple(name for name in self._seen if name not in now)
        self._seen = now
        return Files(written, removed)

    def _look(self) -> dict[str, tuple[int, int, int]]:
        found = {}
        for path in self.folder.iterdir():
            if path.name.startswith("."):
                continue  # on the way to its name
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            found[path.name] = (state.st_ino, state.st_mtime_ns, state.st_size)
        return found
