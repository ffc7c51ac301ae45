"""The compiled library comes into being anywhere, or its absence is explained."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from starfree.models.scan import build, library

pytestmark = pytest.mark.kernel

USE = """
import torch
from starfree.models.scan import library, operations
u = torch.ones(1, 3, 2)
y, _ = operations.selective_scan(u, u, -torch.ones(2, 4), torch.ones(1, 3, 4), torch.ones(1, 3, 4))
print(library.status().summary, bool(torch.isfinite(y).all()), sep="|")
"""
# A compiler that takes no time: it copies the library that this machine has built already.
FAKE_COMPILER = """#!/bin/sh
while [ $# -gt 0 ]; do if [ "$1" = -o ]; then cp "{library}" "$2"; fi; shift; done
echo built >> "{log}"
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own and a fake compiler, which writes a line per call."""
    if library.library() is None:
        pytest.skip("no compiled kernels here")
    script, log = tmp_path / "compiler", tmp_path / "log"
    script.write_text(FAKE_COMPILER.format(library=library.status().library, log=log))
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    monkeypatch.setenv("STARFREE_CACHE", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(build.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return log


def test_without_a_compiler_one_line_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", USE],
        env={**os.environ, "CXX": "", "STARFREE_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "plain PyTorch: no C++ compiler found|True"
    assert done.stderr.count("\n") == 1
    assert "no C++ compiler found" in done.stderr


@pytest.mark.parametrize("compiler", ["false", "/nowhere/c++"])
def test_broken_compiler(compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", compiler)
    monkeypatch.setenv("STARFREE_CACHE", str(tmp_path))
    built = build.build(library._try)
    assert built.path is None
    assert built.reason.startswith(f"{compiler}: ")


def test_compiler_that_miscompiles(log: Path) -> None:
    built = build.build(lambda path: "fails its self-test")
    assert built.path is None
    assert built.reason.endswith("fails its self-test")


def test_built_once_then_cached(log: Path) -> None:
    assert [build.build(library._try).reason for _ in range(3)] == ["compiled", "cached", "cached"]
    assert log.read_text().count("built") == 1


@pytest.mark.parametrize("damage", ["truncated", "changed", "foreign", "no checksum"])
def test_damaged_cache_is_rebuilt(log: Path, damage: str) -> None:
    cached = build.build(library._try).path
    assert cached is not None
    content = cached.read_bytes()
    damaged = {
        "truncated": content[:1000],
        "changed": content[:5000] + b"\x00" * 100 + content[5100:],
        "foreign": b"not a library",
        "no checksum": content,
    }[damage]
    cached.unlink()  # this process has the old file mapped
    cached.write_bytes(damaged)
    if damage == "foreign":
        build._checksum(cached).write_text(hashlib.sha256(damaged).hexdigest())
    if damage == "no checksum":
        build._checksum(cached).unlink()
    # Not `_try`: the loader remembers a path that this process has loaded.
    built = build.build(lambda path: "" if path.read_bytes() == content else "cannot be loaded")
    assert (built.path, built.reason) == (cached, "compiled")
    assert log.read_text().count("built") == 2


def test_cache_that_cannot_be_written(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way, for root too")
    monkeypatch.setenv("STARFREE_CACHE", str(tmp_path / "file"))
    built = build.build(library._try)
    assert built.path is not None
    assert built.path.is_relative_to(tmp_path / "temporary")
    assert build.build(library._try).reason == "cached"


def test_many_processes_at_once(log: Path, tmp_path: Path) -> None:
    program = (
        "from starfree.models.scan import build; import ctypes;"
        "print(build.build(lambda path: '' if ctypes.CDLL(str(path)) else 'no').reason)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    reasons = {process.communicate()[0].strip() for process in processes}
    assert reasons <= {"compiled", "cached"}
    assert len(list((tmp_path / "kernels").iterdir())) == 2


def test_the_key_depends_on_flags_and_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {build._key(["c++"]), build._key(["g++"])}
    monkeypatch.setattr(build, "FLAGS", ("-O0",))
    keys.add(build._key(["c++"]))
    monkeypatch.setattr(build, "processor", lambda: "another")
    keys.add(build._key(["c++"]))
    assert len(keys) == 4
