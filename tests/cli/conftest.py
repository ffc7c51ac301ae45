"""The command line, called in this process."""

import sys

import pytest
from commands import Done

from starfree.cli import main


@pytest.fixture
def starfree(monkeypatch, capsys):
    """Run a command in this process."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["starfree", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Done(ended.value.code or 0, captured.out, captured.err)

    monkeypatch.setenv("COLUMNS", "120")
    return call
