"""Directories of compiled models: weights, configuration, circuit, certificate.

A model of target `mamba` is a directory of `transformers`; the others are read by `open_folder`
alone. In `config.json` the entry `starfree` has the target and the names of all directions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import nn

from starfree.algebra.circuit import Circuit
from starfree.compiler.compiled import Compiled, Names
from starfree.errors import InputError
from starfree.models.exchange import read_transformers, write_transformers
from starfree.models.mamba import Mamba
from starfree.models.textbook import Textbook, TextbookOptions
from starfree.verification.certificate import Certificate

CONFIG, CIRCUIT, CERTIFICATE = "config.json", "circuit.json", "certificate.json"
TENSORS, TEXTBOOK = "model.safetensors", "starfree-textbook"
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
        folder.mkdir(parents=True, exist_ok=True)
        sizes = {"vocabulary": model.vocabulary, "outputs": model.head.out_features}
        options = {"model_type": TEXTBOOK, **sizes, "options": model.options.model_dump()}
        _write(folder / CONFIG, options)
        tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        (folder / TENSORS).write_bytes(save_tensors(tensors))
    own = {"format": 1, "target": compiled.target, "names": compiled.names.to_json()}
    _write(folder / CONFIG, _read(folder / CONFIG) | {OWN: own})
    _write(folder / CIRCUIT, compiled.circuit.to_json())
    _write(folder / CERTIFICATE, certificate.to_json())


def open_folder(folder: Path) -> Opened:
    """Read a compiled directory, or any of `transformers` that holds a Mamba.

    Raises:
        InputError: neither.
    """
    if not (folder / CONFIG).exists():
        raise InputError(f"{folder}: no {CONFIG} is here, so no model")
    config = _read(folder / CONFIG)
    own = config.get(OWN)
    textbook = config.get("model_type") == TEXTBOOK
    model = _textbook(folder, config) if textbook else read_transformers(folder)
    circuit, certificate = folder / CIRCUIT, folder / CERTIFICATE
    return Opened(
        model.eval(),
        Circuit.from_json(_read(circuit)) if circuit.exists() else None,
        Names.from_json(own["names"]) if own else None,
        Certificate.from_json(_read(certificate)) if certificate.exists() else None,
    )


def _textbook(folder: Path, config: dict[str, Any]) -> nn.Module:
    try:
        options = TextbookOptions.model_validate(config["options"])
        model = Textbook(config["vocabulary"], config["outputs"], options)
        model.load_state_dict(load_file(folder / TENSORS))
    except FileNotFoundError:
        raise InputError(f"{folder}: {TENSORS} is missing") from None
    except (KeyError, ValueError, RuntimeError, SafetensorError) as error:
        said = str(error).splitlines()[0]
        raise InputError(f"{folder}: not a compiled model of this version ({said})") from None
    return model


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
