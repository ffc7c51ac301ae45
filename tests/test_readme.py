"""Every command shown in README.md and docs/ prints what is shown; so does their Python.

A `console` block is a shell session. A `python` block is run, after those before it on its page, if
an `output` block follows some block of the page: then the output must be what that one says.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```(?:\n+^```output\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


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


def python_pages() -> list[Path]:
    """The pages whose Python says what it prints."""
    return [page for page in PAGES if "```output\n" in page.read_text()]


def test_the_tutorial_is_run() -> None:
    assert ROOT / "docs" / "tutorial.md" in python_pages()


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in python_pages()])
def test_python_blocks(page: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    """All blocks of a page run in one process, as a reader would type them."""
    pytest.importorskip("transformers")
    blocks = PYTHON.findall(page.read_text())
    mark = "=== the next block ==="
    script = tmp_path / "page.py"
    script.write_text("".join(f"{code}\nprint({mark!r})\n" for code, _ in blocks))
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(f"{mark}\n")
    for (code, expected), given in zip(blocks, printed, strict=False):
        assert doctest.OutputChecker().check_output(expected, given, doctest.ELLIPSIS), (
            f"{code}\nexpected:\n{expected}\ngiven:\n{given}"
        )
