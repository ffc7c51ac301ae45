"""Data sets for other programs: tensors, and JSON lines for Hugging Face `datasets`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from starfree.data.lines import to_lines
from starfree.data.splits import DataSet
from starfree.data.task import TaskKind
from starfree.data.tasks import make_task
from starfree.errors import InputError, StarfreeError
from starfree.files import write_atomically
from starfree.languages.strings import BoolArray, Strings


def write_tensors(data: DataSet, path: Path, task: TaskKind) -> None:
    """One ``SPLIT.safetensors`` a split, with the arrays of `task.Examples`, and the manifest.

    Raises:
        InputError: the folder holds something else.
        StarfreeError: writing failed.
    """
    asked = make_task(data.language, task, data.train)
    files = {}
    for name, strings, labels in _splits(data):
        examples = asked.encode(strings, labels)
        arrays = {
            "inputs": examples.inputs,
            "targets": examples.targets,
            "weights": examples.weights,
            "lengths": examples.lengths,
        }
        files[f"{name}.safetensors"] = save(
            {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        )
    _write(data, path, files)


def write_json_lines(data: DataSet, path: Path) -> None:
    """One ``SPLIT.jsonl`` a split, ``{"text", "legal"}`` or ``{"text", "member"}``, and a manifest.

    `legal` lists the symbols that may follow each prefix, the empty one first. It is read by
    ``datasets.load_dataset("json", data_files={"train": "DIR/train.jsonl", ..})``.

    Raises:
        InputError: the folder holds something else.
        StarfreeError: writing failed.
    """
    symbols = np.array([*data.language.alphabet, "$"])
    files = {}
    for name, strings, labels in _splits(data):
        lines = []
        texts = to_lines(data.language, strings)
        if labels is not None:
            rows: list[object] = [bool(member) for member in labels]
        else:
            legal = data.language.legal_batch(strings)
            rows = [
                [symbols[row].tolist() for row in table[: length + 1]]
                for table, length in zip(legal, strings.lengths, strict=True)
            ]
        key = "legal" if labels is None else "member"
        for text, row in zip(texts, rows, strict=True):
            lines.append(json.dumps({"text": text, key: row}, ensure_ascii=False))
        files[f"{name}.jsonl"] = ("\n".join(lines) + "\n").encode()
    _write(data, path, files)


def _splits(data: DataSet) -> Iterator[tuple[str, Strings, BoolArray | None]]:
    parts = {"train": data.train, "validation": data.validation, **data.bins}
    for name, strings in parts.items():
        if strings is not None:
            yield name.replace("#", "_"), strings, data.labels.get(name)


def _write(data: DataSet, path: Path, files: Mapping[str, bytes]) -> None:
    manifest = json.dumps(dict(data.manifest), indent=1, ensure_ascii=False) + "\n"
    everything = {**files, "manifest.json": manifest.encode()}
    try:
        path.mkdir(parents=True, exist_ok=True)
        others = sorted({entry.name for entry in path.iterdir()} - set(everything))
        if others:
            raise InputError(f"{path}: holds {others[0]!r}; choose a new or empty folder")
        for name, content in everything.items():
            write_atomically(path / name, content)
    except OSError as error:
        raise StarfreeError(f"cannot write {path}: {error.strerror or error}") from None
