"""The command line as a process of its own, and a small spec for it."""

import subprocess
import sys
from dataclasses import dataclass


@dataclass
class Done:
    code: int
    out: str
    err: str


def process(*arguments, **options):
    """The command as a process that was started."""
    command = [sys.executable, "-c", "from starfree.cli import main; main()"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*command, *map(str, arguments)], **(streams | options))


def finish(started, timeout=240):
    """Wait for a started process."""
    out, err = started.communicate(timeout=timeout)
    return Done(started.returncode, out or "", err or "")


SMALL = """
name: small
languages: [parity, d-2]
models:
  - {name: lstm, label: LSTM, d_model: 4}
  - {name: mamba, label: Mamba, d_model: 4, d_state: 2}
seeds: [0]
data: {train_size: 200, validation_size: 40, bin_size: 40, test_windows: [1-20, 21-40],
       train_window: 1-20}
training: {tokens: 60000, evaluations: 60, validation_strings: 10, bin_strings: 5}
"""

TINY = """
name: small
languages: [parity]
models: [{name: lstm, label: LSTM, d_model: 4}]
seeds: [0, 1, 2, 3]
data: {train_size: 200, validation_size: 40, bin_size: 40, test_windows: [1-20, 21-40],
       train_window: 1-20}
training: {tokens: 2000, evaluations: 2, bin_strings: 10}
"""
