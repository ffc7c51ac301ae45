"""Every command shown in README.md prints what README.md says it prints."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md"]

CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def console_blocks() -> list[tuple[str, str]]:
    """The `console` blocks of the pages: shell sessions with `$ ` before every command."""
    blocks = []
    for page in PAGES:
        for number, match in enumerate(CONSOLE.finditer(page.read_text()), start=1):
            blocks.append((f"{page.name}-{number}", match.group(1)))
    return blocks


def commands(session: str) -> list[tuple[str, str]]:
    """Split a session into (command, expected output) pairs."""
    pairs: list[tuple[str, str]] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            pairs.append((line[2:], ""))
        elif pairs:
            command, output = pairs[-1]
            pairs[-1] = (command, output + line + "\n")
    return pairs


@pytest.fixture
def environment() -> dict[str, str]:
    scripts = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": scripts + os.pathsep + os.environ["PATH"],
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }


def test_readme_has_examples() -> None:
    assert len(console_blocks()) >= 3


@pytest.mark.parametrize("session", [pytest.param(s, id=i) for i, s in console_blocks()])
def test_console_block(session: str, tmp_path: Path, environment: dict[str, str]) -> None:
    for command, expected in commands(session):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        given = re.sub(r"[ \t]+$", "", done.stdout + done.stderr, flags=re.MULTILINE)
        assert doctest.OutputChecker().check_output(expected, given, doctest.ELLIPSIS), (
            f"$ {command}\nexpected:\n{expected}\ngiven:\n{given}"
        )
