"""Directories of compiled models: weights, configuration, circuit, certificate.

A model of target `mamba` is a directory of `transformers`; the others are read by `open_folder`
alone. In `config.json` the entry `starfree` has the target and the names of all directions.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from starfree.algebra.circuit import Circuit
from starfree.compiler.compiled import Compiled, Names
from starfree.errors import InputError
from starfree.files import read_json_object
from starfree.models.exchange import write_transformers
from starfree.models.loading import load
from starfree.models.mamba import Mamba
from starfree.models.textbook import Textbook
from starfree.models.textbook_files import write_textbook
from starfree.verification.certificate import Certificate

CONFIG, CIRCUIT, CERTIFICATE = "config.json", "circuit.json", "certificate.json"
OWN = "starfree"
TOKENIZER_FILES = "generation_config.json", "tokenizer.json", "tokenizer_config.json"


@dataclass(frozen=True)
class Opened:
    """What a directory holds; circuit, names and certificate if it was compiled here."""

    model: nn.Module
    circuit: Circuit | None
    names: Names | None
    certificate: Certificate | None


def check_folder(folder: Path) -> None:
    """See that a model may be written there.

    Raises:
        InputError: it is a file, or a directory with other things in it.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: a file, not a directory")
    there = {path.name for path in folder.iterdir()}
    if there and CIRCUIT not in there:
        raise InputError(
            f"{folder}: not empty and not a model compiled before; choose another directory"
        )


def save(compiled: Compiled, folder: str | Path, certificate: Certificate) -> None:
    """Write the directory; `open_folder` and `transformers` read it.

    A model compiled before is replaced; the certificate goes first and comes last, so that none
    ever stands beside other weights.

    Raises:
        InputError: something else is there.
        OSError: the folder cannot be written.
    """
    folder = Path(folder)
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing") as temporary:
        scratch = Path(temporary)
        model = compiled.model
        if isinstance(model, Mamba):
            write_transformers(model, scratch, compiled.circuit.alphabet)
        else:
            assert isinstance(model, Textbook)
            write_textbook(model, scratch)
        own = {"format": 1, "target": compiled.target, "names": compiled.names.to_json()}
        _write(scratch / CONFIG, read_json_object(scratch / CONFIG) | {OWN: own})
        _write(scratch / CIRCUIT, compiled.circuit.to_json())
        _write(scratch / CERTIFICATE, certificate.to_json())
        for name in (CERTIFICATE, *TOKENIZER_FILES):
            (folder / name).unlink(missing_ok=True)
        for path in sorted(scratch.iterdir(), key=lambda path: path.name == CERTIFICATE):
            os.replace(path, folder / path.name)


def open_folder(folder: Path) -> Opened:
    """Read a compiled directory, or any of `transformers` that holds a Mamba.

    Raises:
        InputError: neither.
    """
    model = load(folder).model
    own = read_json_object(folder / CONFIG).get(OWN)
    circuit = folder / CIRCUIT
    return Opened(
        model,
        Circuit.from_json(read_json_object(circuit)) if circuit.exists() else None,
        Names.from_json(own["names"]) if own else None,
        read_certificate(folder),
    )


def read_certificate(folder: Path) -> Certificate | None:
    """The certificate of a compiled directory; None if there is none.

    Raises:
        InputError: it is damaged.
    """
    path = folder / CERTIFICATE
    return Certificate.from_json(read_json_object(path)) if path.exists() else None


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
