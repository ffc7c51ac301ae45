"""The command line: one thin function a command."""

from starfree.cli.main import main

__all__ = ["main"]
