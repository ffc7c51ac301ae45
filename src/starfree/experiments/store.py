"""Where results live: a folder a trial is the truth, an SQLite file the index made from them."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starfree.errors import StarfreeError
from starfree.files import write_atomically, write_json

Result = dict[str, Any]

_SCHEMA = """
CREATE TABLE trials (
    hash TEXT PRIMARY KEY, language TEXT, model TEXT, options TEXT, seed INTEGER,
    learning_rate REAL, task TEXT, protocol TEXT, validation_loss REAL, parameters INTEGER,
    tokens INTEGER, seconds REAL, version TEXT, "commit" TEXT
);
CREATE TABLE metrics (
    trial_hash TEXT, bin TEXT, metric TEXT, value REAL, n INTEGER, low REAL, high REAL,
    baseline REAL, baseline_kind TEXT, PRIMARY KEY (trial_hash, bin, metric)
);
"""


class Store:
    """One run's folder.

    `trials/HASH/` holds `spec.json`, `result.json` (there means: finished), `curve.jsonl`,
    `weights.safetensors`, perhaps `refutation.json`, while it runs `checkpoint.safetensors`, and
    `failure.json` if its last attempt failed. Everything else in the folder can be made again from
    these.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trials = folder / "trials"
        self.index = folder / "results.sqlite"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one run; the lock dies with its process, however it ends.

        Raises:
            StarfreeError: another run holds it.
        """
        self.trials.mkdir(parents=True, exist_ok=True)
        path = self.folder / ".lock"
        with path.open("a+", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                holder = stream.read().strip() or "another process"
                raise StarfreeError(
                    f"{self.folder}: another run is writing here ({holder}); wait for it, stop "
                    "it, or choose another folder with --out"
                ) from None
            stream.truncate(0)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            stream.write(f"process {os.getpid()} on {socket.gethostname()} since {now}\n")
            stream.flush()
            yield

    def trial_folder(self, trial_hash: str) -> Path:
        """The folder of one trial (perhaps not made yet)."""
        return self.trials / trial_hash

    def save_result(self, trial_hash: str, result: Result) -> None:
        """Mark a trial as finished."""
        folder = self.trial_folder(trial_hash)
        (folder / "refutation.json").unlink(missing_ok=True)  # of other weights
        write_atomically(folder / "result.json", _lines(result))
        (folder / "failure.json").unlink(missing_ok=True)

    def result(self, trial_hash: str) -> Result | None:
        """The result of a finished trial, None if it is not finished (or its file is damaged)."""
        return _read_json(self.trial_folder(trial_hash) / "result.json")

    def save_refutation(self, trial_hash: str, found: Result) -> None:
        """Note what a search for a wrong string found of a finished trial."""
        folder = self.trial_folder(trial_hash)
        write_atomically(folder / "refutation.json", _lines(found))
        (folder / "failure.json").unlink(missing_ok=True)

    def refutation(self, trial_hash: str) -> Result | None:
        """What such a search found, None if there was none (or its file is damaged)."""
        return _read_json(self.trial_folder(trial_hash) / "refutation.json")

    def has_weights(self, trial_hash: str) -> bool:
        """Whether a trial's weights are here; of committed results they are not."""
        return (self.trial_folder(trial_hash) / "weights.safetensors").exists()

    def save_failure(self, trial_hash: str, message: str, details: str) -> None:
        """Note why a trial's last attempt failed; the next run tries again."""
        folder = self.trial_folder(trial_hash)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            folder / "failure.json",
            {
                "format": 1,
                "message": message,
                "details": details,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )

    def failure(self, trial_hash: str) -> Result | None:
        """Why the last attempt failed, None if it did not."""
        return _read_json(self.trial_folder(trial_hash) / "failure.json")

    def results(self) -> dict[str, Result]:
        """Every finished trial in the folder, by hash."""
        found = {}
        for path in sorted(self.trials.glob("*/result.json")):
            result = _read_json(path)
            if result is not None:
                found[path.parent.name] = result
        return found

    def curve(self, trial_hash: str) -> list[Result]:
        """The rows a trial wrote while it was trained, in order (a torn last line is dropped)."""
        try:
            text = (self.trial_folder(trial_hash) / "curve.jsonl").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        rows = []
        for line in text.splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
        return rows

    def rebuild_index(self) -> None:
        """Make `results.sqlite` anew from the trials; readers see the old one or the new one.

        Raises:
            OSError: the disk is full.
            StarfreeError: SQLite fails in another way.
        """
        fresh = self.folder / f".results.{os.getpid()}.sqlite"
        fresh.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(fresh)) as database, database:
                database.executescript(_SCHEMA)
                for trial_hash, result in self.results().items():
                    _insert(database, trial_hash, result)
            os.replace(fresh, self.index)
        except sqlite3.Error as error:
            if "full" in str(error):
                message = os.strerror(errno.ENOSPC)
                raise OSError(errno.ENOSPC, message, str(self.index)) from error
            raise StarfreeError(
                f"{self.index}: {error}; the trials are kept, `starfree report {self.folder}` "
                "makes the index again"
            ) from error
        finally:
            fresh.unlink(missing_ok=True)

    def add_to_index(self, trial_hash: str) -> None:
        """Add one finished trial; an index that is missing or damaged is made again."""
        result = self.result(trial_hash)
        if result is None:
            return
        if not self.index.exists():
            self.rebuild_index()
            return
        try:
            with closing(sqlite3.connect(self.index, timeout=30)) as database, database:
                _insert(database, trial_hash, result)
        except sqlite3.DatabaseError:
            self.rebuild_index()

    def save_text(self, name: str, text: str) -> None:
        """A file of the run itself, such as the spec as the user wrote it."""
        write_atomically(self.folder / name, text)


def _insert(database: sqlite3.Connection, trial_hash: str, result: Result) -> None:
    trial = result["trial"]
    database.execute(
        "INSERT OR REPLACE INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            trial_hash,
            trial["language"],
            trial["model"],
            json.dumps(trial["options"], sort_keys=True),
            trial["seed"],
            trial["training"]["learning_rate"],
            trial["task"],
            trial["protocol"],
            (result["validation"] or {}).get("loss"),
            result["parameters"],
            result["tokens"],
            result["seconds"],
            result["version"],
            result["commit"],
        ),
    )
    for name, measured in result["bins"].items():
        baseline = measured.get("best_baseline") or {}
        for metric, value in measured["metrics"].items():
            headline = metric == "string_accuracy"
            database.execute(
                "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    trial_hash,
                    name,
                    metric,
                    value["value"],
                    value["n"],
                    value.get("low"),
                    value.get("high"),
                    baseline.get("value") if headline else None,
                    baseline.get("kind") if headline else None,
                ),
            )


def _lines(result: Result) -> str:
    """JSON with a line for each field: small enough to be committed by the hundred."""
    fields = (
        f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'), allow_nan=False)}"
        for name, value in result.items()
    )
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _read_json(path: Path) -> Result | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None
