"""A file is whole or not there."""

import json
import os
import subprocess
import sys
import time

import pytest

from starfree.files import write_atomically, write_json


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, moment):
    path = tmp_path / "value.json"
    write_json(path, {"a": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, moment, full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_json(path, {"a": 2})
    assert caught.value.filename == str(path)
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_readers_never_meet_half_a_file(tmp_path):
    path = tmp_path / "big.txt"
    write_atomically(path, "0" * 500_000)
    script = (
        "import sys, pathlib; from starfree.files import write_atomically\n"
        "for i in range(60):\n"
        "    write_atomically(pathlib.Path(sys.argv[1]), str(i % 10) * 500_000)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)])
    while writer.poll() is None:
        text = path.read_text()
        assert len(text) == 500_000
        assert len(set(text)) == 1
        time.sleep(0.001)
    assert writer.returncode == 0


def test_nan_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", float("nan"))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(tmp_path / "gone" / "file", b"")
    assert caught.value.filename == str(tmp_path / "gone" / "file")
