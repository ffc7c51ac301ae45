"""Data sets as folders in the authors' layout, written and read.

    train_src.txt, train_tgt.txt                 training strings and labels, one a line
    val_src_bin0.txt, val_tgt_bin0.txt, ..       the test bins
    validation_src.txt, validation_tgt.txt       for selection (ours; theirs have none)
    manifest.json                                what it all is (ours)

Lines are separated by newlines, without one at the end, as in the authors' folders. `labels.py`
says how labels are written.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from starfree.data.dataset import DataSet
from starfree.data.labels import LabelKind, label_lines
from starfree.data.lines import from_lines, to_lines
from starfree.data.published import language_of_folder
from starfree.errors import InputError, StarfreeError
from starfree.files import write_atomically
from starfree.languages.catalog import language as named
from starfree.languages.encodings import ENCODINGS
from starfree.languages.language import Language

MANIFEST = "manifest.json"
_OURS = re.compile(r"(train|validation|val)_(src|tgt)(_bin\d+)?\.txt")


class FolderNotice(UserWarning):
    """Something odd in a folder that was read all the same."""


@dataclass(frozen=True)
class FileSplit:
    """Two files of a folder, as lines.

    Attributes:
        name: `train`, `validation`, or the bin: its window from the manifest, else `bin0`.
        source: file name of the strings.
        target: file name of the labels.
        strings: one string a line.
        labels: one label line a string.
    """

    name: str
    source: str
    target: str
    strings: list[str]
    labels: list[str]


@dataclass(frozen=True)
class Folder:
    """A data set on disk.

    Attributes:
        path: where it is.
        language: of the strings.
        splits: `train` first, `validation` if there is one, then the bins.
        orphans: label files without their strings.
        manifest: as written, {} if there is none.
    """

    path: Path
    language: Language
    splits: Mapping[str, FileSplit]
    orphans: tuple[str, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label_kind(self) -> LabelKind:
        """As the manifest says; without one the labels are the authors'."""
        kind: LabelKind = self.manifest.get("labels", "authors")
        return kind

    def data_set(self) -> DataSet:
        """The strings as tokens. Labels are not needed: the language gives them.

        Raises:
            InputError: a symbol outside the alphabet.
        """
        strings = {
            name: from_lines(self.language, split.strings, str(self.path / split.source))
            for name, split in self.splits.items()
        }
        labels = {
            name: np.array([label == "1" for label in split.labels])
            for name, split in self.splits.items()
            if self.label_kind == "membership"
        }
        train, validation = strings.pop("train"), strings.pop("validation", None)
        return DataSet(self.language, train, validation, strings, labels, self.manifest)


def write_folder(data: DataSet, path: Path, labels: LabelKind | None = None) -> None:
    """Write a data set. Until the last file is there, the manifest says that it is incomplete.

    Args:
        data: what to write.
        path: a new or empty directory, or one that this function wrote before.
        labels: by default `published` under the published protocol, `membership` for task
            `recognise`, else `legal`.

    Raises:
        InputError: the directory holds something else, or the labels do not fit the data.
        StarfreeError: writing failed.
    """
    kind = labels or default_labels(data)
    if (kind == "membership") != bool(data.labels):
        raise InputError(f"labels {kind!r} do not fit task {data.manifest.get('task')!r}")
    splits = {"train": data.train}
    if data.validation is not None:
        splits["validation"] = data.validation
    names = {"train": ("train_src.txt", "train_tgt.txt")}
    names["validation"] = ("validation_src.txt", "validation_tgt.txt")
    for index, name in enumerate(data.bins):
        names[name] = (f"val_src_bin{index}.txt", f"val_tgt_bin{index}.txt")
    texts: dict[str, str] = {}
    for name, strings in {**splits, **data.bins}.items():
        source, target = names[name]
        texts[source] = _joined(to_lines(data.language, strings))
        texts[target] = _joined(label_lines(data.language, strings, kind))
    manifest = {**data.manifest, "labels": kind, "files": list(texts)}
    texts[MANIFEST] = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    try:
        _prepare(path, texts)
        for file, text in texts.items():
            write_atomically(path / file, text)
    except OSError as error:
        raise StarfreeError(f"cannot write {path}: {error.strerror or error}") from None


def default_labels(data: DataSet) -> LabelKind:
    """What `write_folder` writes unless told otherwise."""
    if data.labels:
        return "membership"
    published = data.manifest.get("protocol") == "published"
    return "published" if published and data.language.name in ENCODINGS else "legal"


def read_folder(path: Path, language: Language | None = None) -> Folder:
    """Read a folder of ours or of the authors.

    A label file without its strings is left out, with a `FolderNotice`.

    Args:
        path: the directory.
        language: of the strings; by default what the manifest says, or what the authors' directory
            name (`AAStar`, `D-2`) stands for.

    Raises:
        InputError: no such directory, no training strings, an unreadable manifest, a missing label
            file, or no way to tell the language.
    """
    if not path.is_dir():
        raise InputError(f"{path}: no such directory")
    manifest = _manifest(path)
    files = sorted(file.name for file in path.glob("*.txt"))
    if "train_src.txt" not in files:
        raise InputError(f"{path}: no train_src.txt; is it a data set?")
    if language is None:
        language = _language(path, manifest)
    order = ["train_src.txt", "validation_src.txt"]
    order += sorted((f for f in files if re.fullmatch(r"val_src_bin\d+\.txt", f)), key=_bin_index)
    bins = iter(manifest.get("bins", ()))
    splits = {}
    for source in order:
        if source not in files:
            continue
        target = source.replace("_src", "_tgt")
        if target not in files:
            raise InputError(f"{path}: {source} has no {target}")
        name = source.removesuffix("_src.txt")
        if name == source:
            name = next(bins, f"bin{_bin_index(source)}")
        strings, labels = _lines(path / source), _lines(path / target)
        splits[name] = FileSplit(name, source, target, strings, labels)
    orphans = tuple(
        file
        for file in files
        if "_tgt" in file and _OURS.fullmatch(file) and file.replace("_tgt", "_src") not in files
    )
    for file in orphans:
        warnings.warn(
            FolderNotice(f"{path}: {file} has no {file.replace('_tgt', '_src')}; left out"),
            stacklevel=2,
        )
    return Folder(path, language, splits, orphans, manifest)


def _joined(lines: Iterable[str]) -> str:
    """Newlines between the lines; one at the end only if the last line is empty."""
    lines = list(lines)
    return "\n".join(lines) + ("\n" if lines and not lines[-1] else "")


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    return text.removesuffix("\n").split("\n") if text else []


def _manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    if not file.exists():
        return {}
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from None
    if not isinstance(manifest, dict) or manifest.get("format") != 1:
        raise InputError(f"{file}: not a manifest of format 1")
    if manifest.get("incomplete"):
        raise InputError(f"{path}: was not written to the end; write it again")
    return manifest


def _language(path: Path, manifest: Mapping[str, Any]) -> Language:
    reference = manifest.get("language") or language_of_folder(path.resolve().name)
    if reference is None:
        raise InputError(f"{path}: which language is it? There is no manifest; name the language")
    return named(reference)


def _bin_index(file: str) -> int:
    return int("".join(character for character in file if character.isdigit()))


def _prepare(path: Path, texts: Mapping[str, str]) -> None:
    """Make the directory, or clear what an earlier data set left in it."""
    path.mkdir(parents=True, exist_ok=True)
    there = [file.name for file in path.iterdir()]
    foreign = [file for file in there if file != MANIFEST and not _OURS.fullmatch(file)]
    if foreign or (there and MANIFEST not in there):
        raise InputError(
            f"{path}: not empty and not a data set written before; choose another directory"
        )
    write_atomically(path / MANIFEST, json.dumps({"format": 1, "incomplete": True}))
    for file in there:
        if file not in texts and file != MANIFEST:
            (path / file).unlink()
