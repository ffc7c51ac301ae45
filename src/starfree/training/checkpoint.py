"""A run's state on disk, whole or not at all: safetensors with the rest as JSON in its header.

A crash at any moment leaves the old file or the new one. A checksum over tensors and JSON is
verified on reading.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from starfree.errors import StarfreeError
from starfree.files import write_atomically

CHECKPOINT_NAME = "checkpoint.safetensors"
WEIGHTS_NAME = "weights.safetensors"
CURVE_NAME = "curve.jsonl"
FORMAT = 1


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Replace the checkpoint at `path`.

    Args:
        path: of the file; its folder exists.
        tensors: by name.
        state: anything JSON can hold.

    Raises:
        OSError: the file cannot be written; the old one is still there.
    """
    separate = _separate(tensors)
    text = json.dumps({"format": FORMAT, **state})
    header = {"state": text, "sha256": _checksum(separate, text)}
    write_atomically(path, save(separate, header))


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and state of the checkpoint at `path`; None where there is none.

    Raises:
        StarfreeError: it is damaged, or of another format.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    advice = "delete it to train from the start"
    try:
        tensors = load(content)
        header = _header(content)
        checksum, text = header["sha256"], header["state"]
    except (SafetensorError, ValueError, KeyError) as error:
        raise StarfreeError(f"{path}: not a readable checkpoint; {advice}") from error
    if checksum != _checksum(tensors, text):
        raise StarfreeError(f"{path}: damaged, its checksum does not fit; {advice}")
    state: dict[str, Any] = json.loads(text)
    if state.pop("format") != FORMAT:
        raise StarfreeError(f"{path}: a checkpoint of another version of starfree; {advice}")
    return tensors, state


def gather_tensors(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The tensors that training goes on from: weights, the optimiser's, torch's generator."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, moments in optimiser.state_dict()["state"].items():
        for name, tensor in moments.items():
            tensors[f"optimiser.{index}.{name}"] = tensor
    return tensors | {"generator": torch.get_rng_state()}


def restore_tensors(
    tensors: Mapping[str, Tensor], model: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Put `gather_tensors` back; names and shapes must be the model's."""
    weights = {}
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part == "model":
            weights[rest] = tensor
        elif part == "optimiser":
            index, _, moment = rest.partition(".")
            moments.setdefault(int(index), {})[moment] = tensor
    model.load_state_dict(weights)
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})
    torch.set_rng_state(tensors["generator"])


def write_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a model's weights.

    Raises:
        OSError: the file cannot be written.
    """
    write_atomically(path, save(_separate(tensors), {"format": "pt"}))


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies that share no memory (safetensors refuses tied weights otherwise)."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }


def _header(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file: a length, then JSON."""
    length = int.from_bytes(content[:8], "little")
    header: dict[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return header


def _checksum(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
