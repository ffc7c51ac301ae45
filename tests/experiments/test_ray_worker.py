"""What a Ray worker sends home, and what the driver makes of it; no cluster, no Ray."""

from collections import deque
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_engine import make_jobs, of_kind

from starfree.errors import StarfreeError
from starfree.experiments.engine import ATTEMPTS
from starfree.experiments.engine import ray as engine_module
from starfree.experiments.engine.attempt import StorageFailed
from starfree.experiments.engine.ray import RayEngine
from starfree.experiments.engine.ray_worker import Began, Ended, Files, Mirror, Parcel, work
from starfree.experiments.events import Failed, Finished, Lost, Progressed, Started, Waiting
from starfree.experiments.provenance import code
from starfree.experiments.user_files import UserFiles

NONE = Files({})


@pytest.fixture(autouse=True)
def _runners_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # so that what the worker sets is put back


@pytest.fixture
def parcel(tmp_path):
    (job,) = make_jobs(tmp_path, 1)
    job = replace(job, folder=Path(), checkpoint_seconds=0.1)
    return Parcel(job, {}, UserFiles({}, {}), 0, "runners:slow_steps", code())


def kinds(messages):
    return [type(message) for message in messages]


def test_progress_and_files_come_home_while_the_trial_runs(parcel):
    messages = list(work(parcel))
    assert isinstance(messages[0], Began)
    assert isinstance(messages[-1], Ended)
    assert messages[-1].ending == Finished(parcel.job.hash, 0)
    assert {Progressed, Files} == set(kinds(messages[1:-1]))
    steps = [int(m.written["step"]) for m in messages[1:-1] if "step" in getattr(m, "written", {})]
    assert steps == sorted(set(steps))
    assert len(steps) >= 2
    assert b'"steps": 40' in messages[-1].files.written["result.json"]


def test_a_trial_goes_on_from_the_files_that_came_with_it(parcel):
    messages = list(work(replace(parcel, files={"step": b"37", "old": b"x"})))
    home = {"step": b"37", "old": b"x"}
    for message in messages:
        files = message.files if isinstance(message, Ended) else message
        if isinstance(files, Files):
            home |= files.written
            assert files.removed == ()
    assert b"from 37" in home["seen.txt"]
    assert home["step"] == b"40"


def test_other_code_is_refused_before_anything_is_run(parcel):
    (began,) = work(replace(parcel, code="another"))
    assert not began.same_code


def test_a_failure_and_a_full_disk_are_endings(parcel):
    job = replace(parcel.job, trial=parcel.job.trial.model_copy(update={"seed": 1}))
    *_, failed = work(replace(parcel, job=job, runner="runners:fails_on_seed_1"))
    assert failed.ending.message == "ValueError: no such luck"
    *_, full = work(replace(parcel, runner="runners:disk_full"))
    assert full.ending.number == 28


def test_the_mirror_tells_each_change_once(tmp_path):
    mirror = Mirror(tmp_path / "there", {"a": b"1", "b": b"2"})
    assert mirror.changes() == NONE
    (mirror.folder / "a").write_bytes(b"11")
    (mirror.folder / "c").write_bytes(b"3")
    (mirror.folder / ".c.half").write_bytes(b"4")
    (mirror.folder / "b").unlink()
    assert mirror.changes() == Files({"a": b"11", "c": b"3"}, ("b",))
    assert mirror.changes() == NONE


class FakeRay:
    """A cluster whose every task sends what a list says; an exception stands for a death."""

    class RayError(Exception):
        pass

    class WorkerCrashedError(RayError):
        pass

    class OtherError(RayError):
        pass

    def __init__(self, scripts, cores=1):
        self.scripts = deque(scripts)
        self.cores = deque([cores] if isinstance(cores, int) else cores)
        self.parcels = []
        self.cancelled = []
        self.exceptions = SimpleNamespace(
            RayError=self.RayError, WorkerCrashedError=self.WorkerCrashedError,
            OutOfMemoryError=self.OtherError, NodeDiedError=self.OtherError,
            ObjectLostError=self.OtherError, GetTimeoutError=self.OtherError,
        )  # fmt: skip
        self._private = SimpleNamespace(worker=SimpleNamespace())

    def init(self, **options):
        self.options = options

    def cluster_resources(self):
        return {"CPU": self.cores.popleft() if len(self.cores) > 1 else self.cores[0]}

    def remote(self, function):
        def send(parcel):
            self.parcels.append(parcel)
            return iter(self.scripts.popleft())

        return SimpleNamespace(options=lambda **options: SimpleNamespace(remote=send))

    def wait(self, streams, num_returns, timeout, fetch_local):
        return streams[:1], streams[1:]

    def get(self, message, timeout):
        if isinstance(message, Exception):
            raise message
        return message

    def cancel(self, stream, force):
        self.cancelled.append(stream)


@pytest.fixture
def jobs(tmp_path):
    return make_jobs(tmp_path)


def run(monkeypatch, jobs, fake):
    monkeypatch.setattr(engine_module, "_import_ray", lambda: fake)
    monkeypatch.setattr(engine_module, "PATIENCE", 0.0)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    events = []
    RayEngine().run(jobs, events.append)
    return events


BEGAN = Began("there", same_code=True)


def done(job, **files):
    return Ended(Files({"result.json": b"{}", **files}), Finished(job.hash, 0))


def test_files_are_at_home_before_the_trial_is_finished(monkeypatch, jobs):
    job = jobs[0]
    seen = []
    last = Files({"result.json": b"{}", "weights.safetensors": b"w"}, ("checkpoint.safetensors",))
    checkpoint = Files({"checkpoint.safetensors": b"1"})
    fake = FakeRay([[BEGAN, checkpoint, Ended(last, Finished(job.hash, 0))]])
    monkeypatch.setattr(engine_module, "_import_ray", lambda: fake)

    def report(event):
        if isinstance(event, Finished):
            seen.extend(sorted(path.name for path in job.folder.iterdir()))

    RayEngine().run([job], report)
    assert seen == ["result.json", "weights.safetensors"]
    assert fake.options["include_dashboard"] is False


def test_a_lost_trial_takes_its_files_along(monkeypatch, jobs):
    fake = FakeRay([
        [BEGAN, Files({"checkpoint.safetensors": b"half"}), FakeRay.WorkerCrashedError()],
        [BEGAN, done(jobs[0])],
    ])  # fmt: skip
    events = run(monkeypatch, jobs[:1], fake)
    assert kinds(events) == [Started, Lost, Started, Finished]
    assert events[1].reason == "lost on there: its process died (out of memory?)"
    assert fake.parcels[0].files == {}
    assert fake.parcels[1].files == {"checkpoint.safetensors": b"half"}
    assert len(fake.cancelled) == 1  # it may live where nobody hears it


def test_a_trial_that_gets_no_further_is_given_up_and_one_that_does_is_not(monkeypatch, jobs):
    death = [BEGAN, FakeRay.WorkerCrashedError()]
    fake = FakeRay([death] * ATTEMPTS)
    events = run(monkeypatch, jobs[:1], fake)
    assert kinds(events) == [Started, Lost] * (ATTEMPTS - 1) + [Started, Failed]
    assert f"died {ATTEMPTS} times without getting further" in events[-1].message
    further = [BEGAN, Files({"checkpoint.safetensors": b"x"}), FakeRay.WorkerCrashedError()]
    fake = FakeRay([*[further] * (2 * ATTEMPTS), [BEGAN, done(jobs[1])]])
    events = run(monkeypatch, jobs[1:2], fake)
    assert len(of_kind(events, Lost)) == 2 * ATTEMPTS
    assert isinstance(events[-1], Finished)


def test_a_full_disk_there_is_a_loss_and_every_ending_has_a_beginning(monkeypatch, jobs):
    full = Ended(NONE, StorageFailed(28, "No space left on device", "/tmp/x"))
    fake = FakeRay([[BEGAN, full], [FakeRay.OtherError("gone")], [BEGAN, done(jobs[0])]])
    events = run(monkeypatch, jobs[:1], fake)
    assert kinds(events) == [Started, Lost, Started, Lost, Started, Finished]
    assert "No space left on device there (/tmp/x)" in events[1].reason


def test_a_full_disk_at_home_ends_the_run(monkeypatch, jobs):
    fake = FakeRay([[BEGAN, Files({"curve.jsonl": b""})], [BEGAN]], cores=2)

    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(engine_module, "write_atomically", full)
    with pytest.raises(OSError, match="No space left on device"):
        run(monkeypatch, jobs[:2], fake)
    assert len(fake.cancelled) == 2


def test_a_machine_with_other_code_ends_the_run(monkeypatch, jobs):
    fake = FakeRay([[Began("old", same_code=False)]])
    with pytest.raises(StarfreeError, match="old: the starfree of this machine is not the one"):
        run(monkeypatch, jobs[:1], fake)


def test_machines_may_come_later(monkeypatch, jobs):
    fake = FakeRay([[BEGAN, done(job)] for job in jobs], cores=[0, 0, 2])
    events = run(monkeypatch, jobs, fake)
    (waiting,) = of_kind(events, Waiting)
    assert "no core" in waiting.reason
    assert {event.hash for event in of_kind(events, Finished)} == {job.hash for job in jobs}
    assert {event.worker for event in of_kind(events, Started)} == {0, 1}
