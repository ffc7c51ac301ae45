"""Directories of compiled models: weights, configuration, circuit, certificate.

A model of target `mamba` is a directory of `transformers`; the others are read by `open_folder`
alone. In `config.json` the entry `starfree` has the target and the names of all directions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from starfree.algebra.circuit import Circuit
from starfree.compiler.compiled import Compiled, Names
from starfree.errors import InputError
from starfree.models.exchange import write_transformers
from starfree.models.loading import load
from starfree.models.mamba import Mamba
from starfree.models.textbook import Textbook
from starfree.models.textbook_files import write_textbook
from starfree.verification.certificate import Certificate

CONFIG, CIRCUIT, CERTIFICATE = "config.json", "circuit.json", "certificate.json"
OWN = "starfree"


@dataclass(frozen=True)
class Opened:
    """What a directory holds; circuit, names and certificate if it was compiled here."""

    model: nn.Module
    circuit: Circuit | None
    names: Names | None
    certificate: Certificate | None


def save(compiled: Compiled, folder: Path, certificate: Certificate) -> None:
    """Write the directory; `open_folder` and `transformers` read it.

    Raises:
        OSError: the folder cannot be written.
    """
    model = compiled.model
    if isinstance(model, Mamba):
        write_transformers(model, folder, compiled.circuit.alphabet)
    else:
        assert isinstance(model, Textbook)
        write_textbook(model, folder)
    own = {"format": 1, "target": compiled.target, "names": compiled.names.to_json()}
    _write(folder / CONFIG, _read(folder / CONFIG) | {OWN: own})
    _write(folder / CIRCUIT, compiled.circuit.to_json())
    _write(folder / CERTIFICATE, certificate.to_json())


def open_folder(folder: Path) -> Opened:
    """Read a compiled directory, or any of `transformers` that holds a Mamba.

    Raises:
        InputError: neither.
    """
    model = load(folder).model
    own = _read(folder / CONFIG).get(OWN)
    circuit = folder / CIRCUIT
    return Opened(
        model,
        Circuit.from_json(_read(circuit)) if circuit.exists() else None,
        Names.from_json(own["names"]) if own else None,
        read_certificate(folder),
    )


def read_certificate(folder: Path) -> Certificate | None:
    """The certificate of a compiled directory; None if there is none.

    Raises:
        InputError: it is damaged.
    """
    path = folder / CERTIFICATE
    return Certificate.from_json(_read(path)) if path.exists() else None


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: not a JSON object")
    return found
