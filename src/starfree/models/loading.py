"""One function for every model that has a name on the command line: `load`.

Compiled directories, directories of `transformers`, finished trials, a user's own weights. Only
plain JSON and safetensors are read: a pickle could run code, and is refused.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from starfree.errors import InputError, StarfreeError
from starfree.files import read_json_object
from starfree.models import textbook_files
from starfree.models.exchange import CONFIG, read_transformers
from starfree.models.model import build, load_builder
from starfree.models.reference import FORMS, Directory, OwnModel, TrialName, parse
from starfree.models.tokenizer_files import TOKENIZER, symbols_of

Tensors = Mapping[str, Tensor]
Sizes = tuple[int, int]
Kind = Literal["compiled", "transformers", "trial", "own"]

PICKLES = (b"PK", b"\x80")  # how torch.save's archives and bare pickles begin
SHOWN_HASHES = 8


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model with its weights, ready to be asked, and what its name tells about it.

    Attributes:
        model: in evaluation mode, in the dtype of its weights.
        reference: what the user wrote.
        kind: the form of the reference.
        architecture: a name in `MODELS`, ``textbook``, or a user's ``package.module:build``.
        symbols: the alphabet, token by token, where the files tell it; a trial's is that of its
            language.
        language: the reference of the language it was made for, where the files tell it.
        task: the task of a trial (`predict`, `recognise`, `state`, `published`), else None.
    """

    model: nn.Module
    reference: str
    kind: Kind
    architecture: str
    symbols: tuple[str, ...] | None = None
    language: str | None = None
    task: str | None = None


def load(reference: str | Path, symbols: int | None = None) -> Loaded:
    """The model that a reference names.

    Args:
        reference: a directory, ``RUN_DIR:HASH``, or ``package.module:build@weights.safetensors``.
        symbols: size n of the alphabet of a user's model, which is then built for n + 2 tokens and
            n + 1 outputs; by default its sizes are those for which the weights fit.

    Raises:
        InputError: nothing is there, several trials have such a hash, the builder is no function,
            the weights do not fit or are a pickle.
        StarfreeError: a trial's files are damaged.
    """
    text = str(reference)
    match parse(text):
        case Directory(folder):
            return replace(_directory(folder), reference=text)
        case TrialName(run, digits):
            return replace(_trial(run, digits, text), reference=text)
        case OwnModel(builder, weights):
            tensors = read_weights(weights)
            sizes = _candidates(tensors) if symbols is None else [(symbols + 2, symbols + 1)]
            model = _filled(builder, {}, tensors, sizes, weights)
            return Loaded(model, text, "own", builder)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        InputError: there is none, it is a pickle, or it is damaged.
    """
    try:
        tensors: dict[str, Tensor] = load_file(path)
        return tensors
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file") from None
    except (SafetensorError, OSError) as error:
        if path.is_dir():
            raise InputError(f"{path}: a folder, not a safetensors file") from None
        if path.read_bytes().startswith(PICKLES):
            raise InputError(
                f"{path}: a pickle, which can run code when it is read; write the weights with "
                "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')"
            ) from None
        raise InputError(f"{path}: no readable safetensors ({error})") from None


def _directory(folder: Path) -> Loaded:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such directory; a model is {FORMS}")
    if not (folder / CONFIG).exists():
        raise InputError(f"{folder}: no {CONFIG} is here, so no model")
    config = read_json_object(folder / CONFIG)
    model: nn.Module
    if config.get("model_type") == textbook_files.MODEL_TYPE:
        model, architecture = textbook_files.read_textbook(folder, config), "textbook"
    else:
        model, architecture = read_transformers(folder), "mamba"
    compiled = "starfree" in config
    return Loaded(
        model.eval(),
        str(folder),
        "compiled" if compiled else "transformers",
        architecture,
        _symbols(folder),
        _optional(folder / "certificate.json").get("language") if compiled else None,
    )


def _symbols(folder: Path) -> tuple[str, ...] | None:
    """The alphabet of a directory: as its circuit has it, or its tokenizer."""
    circuit = _optional(folder / "circuit.json")
    if "alphabet" in circuit:
        return tuple(circuit["alphabet"])
    return symbols_of(_optional(folder / TOKENIZER))


def _trial(run: Path, digits: str, reference: str) -> Loaded:
    folder = _trial_folder(run, digits, reference)
    weights = folder / "weights.safetensors"
    if not weights.exists() or not _optional(folder / "result.json"):
        raise InputError(f"{folder}: the trial is not finished; `starfree run` goes on with it")
    spec = _spec(folder / "spec.json")
    name, options = spec["model"], spec["options"]
    if spec.get("model_file"):
        _check_unchanged(name, spec["model_file"], folder)
    tensors = read_weights(weights)
    model = _filled(name, options, tensors, _candidates(tensors), weights)
    return Loaded(model, reference, "trial", name, language=spec["language"], task=spec["task"])


def _trial_folder(run: Path, digits: str, reference: str) -> Path:
    trials = run / "trials"
    if not trials.is_dir():
        raise InputError(f"{run}: no run is here (there is no folder `trials`)")
    names = sorted(path.name for path in trials.iterdir() if path.is_dir())
    found = [name for name in names if name.startswith(digits)]
    if len(found) == 1:
        return trials / found[0]
    if found:
        raise InputError(
            f"{reference}: {len(found)} trials start with {digits} ({_listed(found)}); give more "
            "digits"
        )
    raise InputError(f"{reference}: no trial starts with {digits}; {run} has {_listed(names)}")


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN_HASHES
    return ", ".join(names[:SHOWN_HASHES]) + (f" and {more} more" if more > 0 else "") or "none"


def _spec(path: Path) -> dict[str, Any]:
    spec = _optional(path)
    if spec.get("format") != 1 or not {"model", "options", "language", "task"} <= spec.keys():
        raise StarfreeError(f"{path}: missing, or of another version")
    return spec


def _check_unchanged(name: str, expected: str, folder: Path) -> None:
    """A user's module must be the file that was trained: other code may fit the same weights."""
    source = inspect.getsourcefile(inspect.unwrap(load_builder(name)))
    if source and hashlib.sha256(Path(source).read_bytes()).hexdigest() != expected:
        raise InputError(
            f"{folder}: {source} is not the file that was trained; take the old one back, or name "
            f"the model as {name}@{folder / 'weights.safetensors'}"
        )


def _filled(
    name: str, options: Mapping[str, Any], tensors: Tensors, sizes: Iterable[Sizes], path: Path
) -> nn.Module:
    """A model with these weights, of the first of some (vocabulary, outputs) that fits."""
    if ":" in name:
        load_builder(name)  # what is wrong with it does not depend on sizes
    unbuilt: InputError | None = None
    unfit = ""
    for vocabulary, outputs in sizes:
        try:
            with torch.random.fork_rng(devices=[]):
                model = build(name, vocabulary, outputs, **options)
        except InputError as error:
            unbuilt = unbuilt or error
            continue
        wrong = _difference(model.state_dict(), tensors)
        if not wrong:
            dtypes = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}
            if len(dtypes) == 1:
                model.to(dtypes.pop())
            model.load_state_dict(tensors)
            return model.eval()
        unfit = unfit or f"built for {vocabulary} tokens and {outputs} outputs, {wrong}"
    if unbuilt and not unfit:
        raise unbuilt
    unfit = unfit or "no size of its tensors is more than 1, so none can be the vocabulary"
    raise InputError(f"{path}: not the weights of {name}: {unfit}")


def _candidates(tensors: Tensors) -> Iterator[Sizes]:
    """Sizes (vocabulary, outputs) that the weights may be of, the likeliest first."""
    embedding, head = tensors.get("embedding.weight"), tensors.get("head.weight")
    if embedding is not None and head is not None:
        yield len(embedding), len(head)
    elif head is not None:  # one-hot letters, of task `predict`
        yield len(head) + 1, len(head)
    first = sorted({size for tensor in tensors.values() for size in tensor.shape if size > 1})
    yield from ((size, size - 1) for size in first)
    yield from ((size, outputs) for size in first for outputs in first)


def _difference(wanted: Tensors, given: Tensors) -> str:
    """What keeps tensors from fitting a model, or an empty string."""
    for name, tensor in wanted.items():
        if name not in given:
            return f"the tensor {name} is missing"
        if given[name].shape != tensor.shape:
            had, needed = tuple(given[name].shape), tuple(tensor.shape)
            return f"the tensor {name} is {had}, not {needed}"
    for name in given:
        if name not in wanted:
            return f"the tensor {name} is no part of it"
    return ""


def _optional(path: Path) -> dict[str, Any]:
    """A JSON object; empty if the file is not there or is damaged."""
    try:
        return read_json_object(path)
    except (InputError, FileNotFoundError):
        return {}
