"""Directories of models in the paper's form: `config.json` and `model.safetensors`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from starfree.errors import InputError
from starfree.models.textbook import Textbook, TextbookOptions

CONFIG, TENSORS = "config.json", "model.safetensors"
MODEL_TYPE = "starfree-textbook"


def write_textbook(model: Textbook, folder: Path) -> None:
    """Write the directory; `read_textbook` reads it.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": MODEL_TYPE,
        "vocabulary": model.vocabulary,
        "outputs": model.head.out_features,
        "options": model.options.model_dump(),
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    (folder / TENSORS).write_bytes(save(tensors))


def read_textbook(folder: Path, config: dict[str, Any]) -> Textbook:
    """The model of a directory whose `config.json` has been read.

    Raises:
        InputError: the weights are missing, or do not fit.
    """
    try:
        options = TextbookOptions.model_validate(config["options"])
        model = Textbook(config["vocabulary"], config["outputs"], options)
        tensors = load_file(folder / TENSORS)
        model.to(tensors["head.weight"].dtype).load_state_dict(tensors)
    except FileNotFoundError:
        raise InputError(f"{folder}: {TENSORS} is missing") from None
    except (KeyError, ValidationError, RuntimeError, SafetensorError) as error:
        said = str(error).splitlines()[0]
        raise InputError(f"{folder}: not a compiled model of this version ({said})") from None
    return model
