"""What MODEL on the command line can be, told by its form alone. No torch.

=========================================== ====================================================
form                                        what is read
=========================================== ====================================================
a directory                                 compiled by starfree, exported, or of transformers
``RUN_DIR:HASH``                            a finished trial; the first digits of the hash do
``package.module:build@FILE.safetensors``   a user's own model and its weights
=========================================== ====================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FORMS = "a directory, RUN_DIR:HASH, or package.module:build@weights.safetensors"


@dataclass(frozen=True)
class Directory:
    """A directory with `config.json` and `model.safetensors`."""

    folder: Path


@dataclass(frozen=True)
class TrialName:
    """A trial of a run, by the first digits of its hash."""

    run: Path
    digits: str


@dataclass(frozen=True)
class OwnModel:
    """A user's function that builds a model, and the weights to put into it."""

    builder: str
    weights: Path


ModelReference = Directory | TrialName | OwnModel


def parse(reference: str) -> ModelReference:
    """Which form a reference has; nothing is read.

        >>> parse("runs/quickstart:3fa4")
        TrialName(run=PosixPath('runs/quickstart'), digits='3fa4')
        >>> parse("mine:build@weights.safetensors").builder
        'mine:build'

    A directory that exists is a directory, whatever its name looks like; a text of no other form is
    one that is not there.
    """
    if Path(reference).is_dir():
        return Directory(Path(reference))
    builder, at, weights = reference.rpartition("@")
    if at and ":" in builder:
        return OwnModel(builder, Path(weights))
    run, colon, digits = reference.rpartition(":")
    if colon and run and digits:
        return TrialName(Path(run), digits)
    return Directory(Path(reference))


def names_a_model(text: str) -> bool:
    """Whether a text can only be meant as a model: it has one of the forms, or is a folder here."""
    return Path(text).is_dir() or not isinstance(parse(text), Directory) or "/" in text
