"""The command line: one thin function a command."""

from starfree.cli.app import main

__all__ = ["main"]
