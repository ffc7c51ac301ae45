"""The door: all commands, and what becomes of errors. Nothing heavy is imported for help."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from typing import Annotated, Any

import typer

from starfree import __version__
from starfree.cli import (
    datasets,
    experiments,
    languages,
    models,
    proofs,
    refutation,
    search,
    theory,
)
from starfree.errors import StarfreeError

FAILED = 1
INTERRUPTED = 130
PIPE_CLOSED = 141  # what a process killed by SIGPIPE ends with

# Typer exports no name for the base of its usage errors (its own class, or click's before it).
_UsageError: type[Any] = typer.BadParameter.__mro__[1]

_ADVICE = {
    errno.ENOSPC: "free some space and run the same command again: what is finished is kept",
    errno.EDQUOT: "your quota is used up: free some space and run the same command again",
    errno.EFBIG: "a limit on file sizes is in force: raise it and run the same command again",
    errno.EACCES: "choose a folder that you can write, for instance with --out",
    errno.EPERM: "choose a folder that you can write, for instance with --out",
    errno.EROFS: "choose a folder that you can write, for instance with --out",
}

app = typer.Typer(
    name="starfree",
    help="A laboratory for one question: what can a sequence model compute?",
    epilog="Start with: starfree run quickstart",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"starfree {__version__}")
        raise typer.Exit


@app.callback()
def starfree(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and end.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Typer's place for options before the command."""


languages.register(app)
datasets.register(app)
theory.register(app)
experiments.register(app)
search.register(app)
models.register(app)
proofs.register(app)
refutation.register(app)


def main() -> None:
    """Run the command line; never returns."""
    warnings.showwarning = _show_warning
    try:
        code = app(prog_name="starfree", standalone_mode=False)
        sys.stdout.flush()
    except _UsageError as error:
        context = getattr(error, "ctx", None)
        hint = f" (`{context.command_path} --help`)" if context else ""
        sys.exit(_fail(f"{error.format_message()}{hint}", error.exit_code))
    except StarfreeError as error:
        sys.exit(_fail(str(error), error.exit_code))
    except BrokenPipeError:
        # Python would complain once more when it flushes the closed pipe at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)
    except OSError as error:
        sys.exit(_fail(_explain(error), FAILED))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(_fail("interrupted", INTERRUPTED))
    if code == INTERRUPTED:  # newer versions of Typer end so by themselves, without a word
        _fail("interrupted", INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> int:
    for line in message.splitlines():
        print(f"error: {line}", file=sys.stderr)
    return code


def _explain(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    advice = _ADVICE.get(error.errno or 0)
    return f"{where}{error.strerror or error}" + (f"; {advice}" if advice else "")


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"note: {message}", file=sys.stderr)
