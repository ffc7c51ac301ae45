"""How much memory is left, and how much do trials take? Linux; elsewhere nobody is held back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

FIRST_GUESS = 500 * 2**20  # bytes of a worker with torch and the data of a few languages
MARGIN = 250 * 2**20  # that are left to everything else

_CGROUPS = Path("/sys/fs/cgroup")


def available() -> int | None:
    """Bytes that can still be taken: of the machine, or of the group this process is limited to."""
    machine = _field(Path("/proc/meminfo"), "MemAvailable:")
    if machine is None:
        return None
    return min([machine * 1024, *_left_in_groups()])


def taken(pid: int) -> tuple[int, int]:
    """Bytes that a process holds, and the most that it ever held; zeros if it is gone."""
    status = Path(f"/proc/{pid}/status")
    now, most = (_field(status, name) or 0 for name in ("VmRSS:", "VmHWM:"))
    return now * 1024, most * 1024


class Memory:
    """Learns from the workers how much a trial takes, and tells whether there is room for one more.

    Args:
        free: what is left, in bytes; None where that cannot be known.
    """

    def __init__(self, free: Callable[[], int | None] = available) -> None:
        self._free = free
        self.most = FIRST_GUESS

    def room(self, busy: Sequence[int], next_one: int | None) -> bool:
        """Whether one more trial has room beside those at work, each grown to the largest seen.

        Args:
            busy: process ids of the workers that have a trial.
            next_one: of the worker that is to take the next trial; None if it is to be started.
        """
        self.look(busy)
        free = self._free()
        if free is None or not busy:
            return True
        held = [taken(pid)[0] for pid in busy] + [0 if next_one is None else taken(next_one)[0]]
        return sum(max(0, self.most - now) for now in held) + MARGIN <= free

    def look(self, busy: Sequence[int]) -> None:
        """See how much the workers at work have taken by now."""
        self.most = max(self.most, *(taken(pid)[1] for pid in busy), 0)

    def shortage(self) -> str:
        """What is missing, in words."""
        free = self._free() or 0
        return f"{free / 2**30:.1f} GB of memory left, and a trial takes {self.most / 2**30:.1f} GB"


def _left_in_groups() -> Iterator[int]:
    """Of the control groups of this process and those above it, versions 1 and 2."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if not controllers:
            root, limit, usage, cache = _CGROUPS, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, cache = _CGROUPS / "memory", "total_inactive_file"
            limit, usage = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        folder = root / name.lstrip("/")
        for group in (folder, *folder.parents):
            most, used = _number(group / limit), _number(group / usage)
            if most is not None and used is not None:
                yield max(0, most - used + (_field(group / "memory.stat", cache) or 0))


def _field(path: Path, name: str) -> int | None:
    """The number after a name in a file of names and numbers."""
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(name):
                return int(line.removeprefix(name).split()[0])
    except (OSError, ValueError, IndexError):
        pass
    return None


def _number(path: Path) -> int | None:
    """The number in a file; None for `max`, or if there is none."""
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
