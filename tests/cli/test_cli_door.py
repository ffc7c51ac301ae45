"""What holds for every command: help is light, mistakes have no traceback, pipes may close."""

import errno
import subprocess
import sys

import pytest
from commands import finish, process

from starfree import __version__
from starfree.cli import app as door

HEAVY = ("torch", "matplotlib", "sympy", "scipy")


@pytest.mark.parametrize("statement", [
    "import starfree",
    "import sys; sys.argv = ['starfree', '--help']; from starfree.cli import main; main()",
    "import sys; sys.argv = ['starfree', 'run', '--help']; from starfree.cli import main; main()",
    "import sys; sys.argv = ['starfree', 'label', 'd-2', 'ab']; "
    "from starfree.cli import main; main()",
    "import sys; sys.argv = ['starfree', 'spec', 'quickstart']; "
    "from starfree.cli import main; main()",
])  # fmt: skip
def test_nothing_heavy_is_imported_without_need(statement):
    script = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules], "
        "file=sys.stderr))\n" + statement
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.strip().endswith("[]")


def test_the_version(starfree):
    done = starfree("--version")
    assert (done.code, done.out) == (0, f"starfree {__version__}\n")


def test_help_names_every_command(starfree):
    done = starfree("--help")
    for command in ("languages", "label", "sample", "compare", "spec", "run", "report"):
        assert command in done.out
        assert starfree(command, "--help").code == 0


def test_a_closed_pipe_is_no_error():
    started = process("sample", "d-2", "--count", "100000")
    assert started.stdout is not None
    started.stdout.readline()
    started.stdout.close()
    assert started.stderr is not None
    said = started.stderr.read()
    started.stderr.close()
    started.wait(timeout=60)
    assert said == ""


def test_ctrl_c_ends_with_130(starfree, monkeypatch):
    def interrupted(**_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(door, "app", interrupted)
    done = starfree("languages")
    assert done.code == 130
    assert done.err == "error: interrupted\n"


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some space and run the same command again"),
        (errno.EACCES, "choose a folder that you can write"),
        (errno.EIO, ""),
    ],
)
def test_a_failing_disk_is_named_with_what_to_do(starfree, monkeypatch, number, advice):
    def failing(**_options):
        raise OSError(number, "it failed", "some/where")

    monkeypatch.setattr(door, "app", failing)
    done = starfree("languages")
    assert done.code == 1
    assert done.err.startswith("error: some/where: it failed")
    assert advice in done.err
    assert len(done.err.splitlines()) == 1


def test_the_commented_spec_is_printed(starfree):
    done = starfree("spec", "quickstart")
    assert done.out.startswith("# The main job in minutes")
    done = starfree("spec", "quickstar")
    assert done.code == 2
    assert "there are: basin, bounded-dyck, certified, example, flipflop, gates" in done.err


def test_it_ends_as_a_process(tmp_path):
    done = finish(process("compare", "d-2", "d-3"))
    assert done.code == 3
