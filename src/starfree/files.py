"""Files that are whole or not there: temporary file, flush, rename."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from starfree.errors import InputError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, never meets half of it.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file, if any, stands.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _naming(error, path) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp's 0600 would hide results from the reader's group
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        _flush_folder(path.parent)  # or a power cut may forget the new name
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _naming(error, path) from error
        raise


def read_json_object(path: Path) -> dict[str, Any]:
    """What `write_json` wrote of a dictionary.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is damaged, or of something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: not a JSON object")
    return found


def user_file(name: str) -> Path:
    """Where a file is that the user named: at that path, unless it was brought from elsewhere."""
    return _BROUGHT.get(name, Path(name))


def bring_user_file(name: str, place: Path) -> None:
    """From now on in this process the file `name` is the one at `place`.

    A worker on another machine has no file of that name; its content came with the trial.
    """
    _BROUGHT[name] = place


_BROUGHT: dict[str, Path] = {}


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _naming(error: OSError, path: Path) -> OSError:
    """The same error, naming the file the caller knows instead of the temporary one."""
    return OSError(error.errno, error.strerror, str(path))


def write_json(path: Path, value: Any) -> None:
    """`write_atomically` of indented JSON; refuses NaN, which is no JSON."""
    write_atomically(path, json.dumps(value, indent=1, allow_nan=False) + "\n")
