"""Which code on which machine made a result."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

_LIBRARIES = ("torch", "numpy")


@cache
def commit() -> str | None:
    """The commit of the checkout that runs, with `+changes` if files differ; None outside one."""
    folder = Path(__file__).parent
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}+changes" if changed else head


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True, text=True, check=True, timeout=10,
    )  # fmt: skip
    return done.stdout.strip()


@cache
def code() -> str:
    """SHA-256 of the package's own files, the same on every machine that runs the same code."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(package).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def machine() -> dict[str, Any]:
    """Processor, cores, system and libraries; no name that identifies the machine or its owner."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "kernels": _kernels(),
    }


def _kernels() -> dict[str, Any]:
    """The path that computes: compiled (of which source, how), or plain PyTorch and why."""
    from starfree.models.scan import build, library

    found = library.status()
    if not found.active or found.library is None:
        return {"compiled": False, "why": found.summary}
    return {
        "compiled": True,
        "library": found.library.stem,  # hash of source, compiler, flags and processor
        "compiler": Path(found.compiler).name,  # without the folder, which may name the owner
        "flags": " ".join((*build.FLAGS, *build.THREADS)),
        "vector_bits": found.vector_bits,
    }


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
