"""Compiles the kernels on first use, once per user, source, flags and processor.

The library is written beside a checksum and renamed into place, so that many processes may start at
once and a damaged file is noticed and built again. Nothing here raises: without a compiler, or with
a broken one, the caller gets the reason and computes in plain PyTorch.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parent / "native"
MAIN = "kernels.cpp"
# No contraction: the kernels say themselves where a product and a sum are rounded once, so that
# the optimiser's mood cannot make two paths through the same formula differ in a bit.
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=off", "-fPIC", "-shared", "-fvisibility=hidden")
THREADS = ("-pthread",)
COMPILE_SECONDS = 900  # zig compiles its own C++ library first


class Built(NamedTuple):
    """What came of the attempt to have a library: a path, or a reason why there is none."""

    path: Path | None
    compiler: str
    reason: str


def build(works: Callable[[Path], str]) -> Built:
    """A library for this machine: from the cache, else compiled.

    Args:
        works: loads a library and tries it; returns what is wrong with it, or an empty string.
    """
    reasons = []
    for compiler in compilers():
        name = shlex.join(compiler)
        key = _key(compiler)
        for folder in cache_folders():
            target = folder / f"starfree-{key}.so"
            if _intact(target) and not works(target):
                return Built(target, name, "cached")
        wrong = ""
        for folder in cache_folders():
            target = folder / f"starfree-{key}.so"
            print(
                f"starfree: compiling its kernels with {name}, once (a minute or two)",
                file=sys.stderr,
            )
            try:
                wrong = _compile(compiler, target)
            except OSError as problem:
                wrong = f"{folder} cannot be written ({problem.strerror})"
                continue
            wrong = wrong or works(target)
            if not wrong:
                return Built(target, name, "compiled")
            break
        reasons.append(f"{name}: {wrong}")
    return Built(None, "", "; ".join(reasons) or "no C++ compiler found")


def compilers() -> Iterator[list[str]]:
    """The C++ compilers to try, the user's choice (CXX) first."""
    chosen = os.environ.get("CXX")
    if chosen is not None:
        if shlex.split(chosen):
            yield shlex.split(chosen)
        return
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            yield [name]
    if importlib.util.find_spec("ziglang"):
        yield [sys.executable, "-m", "ziglang", "c++"]


def cache_folders() -> Iterator[Path]:
    """Where a library may lie: the user's cache, else a private folder of this process's user."""
    explicit = os.environ.get("STARFREE_CACHE")
    if explicit:
        yield Path(explicit) / "kernels"
    else:
        base = os.environ.get("XDG_CACHE_HOME")
        yield (Path(base) if base else Path.home() / ".cache") / "starfree" / "kernels"
    yield Path(tempfile.gettempdir()) / f"starfree-kernels-{_user()}"


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def processor() -> str:
    """What distinguishes the instruction sets of two machines that share a home directory."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features", "CPU part")
    seen = {line.split(":")[0].strip(): line for line in reversed(lines) if ":" in line}
    return platform.machine() + "".join(seen.get(name, "") for name in wanted)


def _key(compiler: list[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted(SOURCE.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    digest.update(repr((compiler, FLAGS, THREADS, processor())).encode())
    return digest.hexdigest()[:20]


def _checksum(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _intact(path: Path) -> bool:
    """The file is ours and is what the compiler wrote."""
    try:
        if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
            return False
        content = path.read_bytes()
        return _checksum(path).read_text() == hashlib.sha256(content).hexdigest()
    except OSError:
        return False


def _compile(compiler: list[str], target: Path) -> str:
    """Compile to `target`; what went wrong, or an empty string. OSError: the folder is no use."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and target.parent.stat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "it belongs to somebody else")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        output = Path(scratch) / target.name
        wrong = ""
        for machine in ("-march=native", "-mcpu=native", None):
            command = [*compiler, *FLAGS, *THREADS, *([machine] if machine else [])]
            wrong = _call([*command, str(SOURCE / MAIN), "-o", str(output)])
            if not wrong:
                break
        if wrong:
            return wrong
        digest = hashlib.sha256(output.read_bytes()).hexdigest()
        checksum = Path(scratch) / "checksum"
        checksum.write_text(digest)
        # The checksum last: a library without a fitting one is not used.
        os.replace(output, target)
        os.replace(checksum, _checksum(target))
    return ""


def _call(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as problem:
        return f"does not run ({problem.__class__.__name__})"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if "error" in line] or ["failed"]
    return lines[0].strip()[:200]
