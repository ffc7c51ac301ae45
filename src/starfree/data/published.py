"""The published protocol: whose windows, sizes, draws, losses and grids, and the data they give.

`published_protocol.csv` has a row for each of the 27 languages. `drawing` says how splits are made:

    repeat     training strings as drawn, repetitions and all; each bin drawn, then deduplicated
    set        training and bins drawn, then deduplicated
    joint      training and first bin are one list of different strings; other bins different
    separate   every split different in itself, but drawn without regard to the others
    as drawn   like `joint`, with whatever repetitions the generator lets through (Parity)

So splits overlap, "longer" bins reach below the training length, and bins repeat, as published.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import Literal, cast

import numpy as np

from starfree.data import bounded_dyck
from starfree.data.dataset import DataSet, Window, bin_name, describe
from starfree.data.drawing import SampleNotice
from starfree.data.flipflop import (
    IGNORE,
    PUBLISHED_LENGTH,
    draw_flipflop,
    draw_undo_flipflop,
)
from starfree.data.lines import from_lines
from starfree.data.published_generators import GENERATORS
from starfree.data.task import TaskKind
from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.stack import BoundedDyck
from starfree.languages.strings import Strings

Drawing = Literal["repeat", "set", "joint", "separate", "as drawn"]
Loss = Literal["mse", "ce"]
Rows = list[np.ndarray]

_BATCH = 64


@dataclass(frozen=True)
class PublishedProtocol:
    """How the authors made the data of a language and what they tried on it.

    Attributes:
        language: catalog name.
        folder: the authors' name of its directory.
        drawing: see the module.
        train: strings drawn for training.
        train_window: smallest and largest length.
        bins: window and number of strings drawn of every test bin.
        configured: strings of training and bins in the authors' configuration; other numbers than
            drawn only for D-2, whose files they took from elsewhere.
        loss: `mse` or `ce`, both over classes of label patterns.
        layers: of the grid.
        widths: d_model of the grid.
        learning_rates: of the grid (AdamW, weight decay 0.1 on everything, no schedule).
        epochs: of the grid.
        batch: strings a batch, in file order.
    """

    language: str
    folder: str
    drawing: Drawing
    train: int
    train_window: Window
    bins: tuple[tuple[Window, int], ...]
    configured: tuple[int, ...]
    loss: Loss
    layers: tuple[int, ...]
    widths: tuple[int, ...]
    learning_rates: tuple[float, ...]
    epochs: tuple[int, ...]
    batch: int


@lru_cache(maxsize=1)
def protocols() -> dict[str, PublishedProtocol]:
    """The published protocol of every language of the suite."""
    text = files("starfree.data").joinpath("published_protocol.csv").read_text()
    return {row["language"]: _protocol(row) for row in csv.DictReader(text.splitlines())}


def protocol_of(name: str) -> PublishedProtocol:
    """The published protocol of one language.

    Raises:
        InputError: the language is not in the suite.
    """
    if name not in protocols():
        raise InputError(f"{name}: not one of the 27 languages of the published suite")
    return protocols()[name]


def language_of_folder(folder: str) -> str | None:
    """The catalog name behind the authors' directory name (`AAStar` is `aa-star`)."""
    names = {protocol.folder: name for name, protocol in protocols().items()}
    return names.get(folder)


def stream(
    language: Language, low: int, high: int, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Strings of the authors' generator, int16 ``[L]`` each, for ever (D_n: until it gives up).

    Raises:
        InputError: there is no published generator, or it makes no string of these lengths.
    """
    if not any(language.count(length) for length in range(low, high + 1)):
        raise InputError(f"{language.name}: no member has a length in {low}..{high}")
    if language.name in GENERATORS:
        lines = GENERATORS[language.name](low, high, generator)
        while batch := list(islice(lines, _BATCH)):
            yield from from_lines(language, batch, "published generator")
    elif language.name == "flipflop" or language.name.startswith("undo-flipflop-"):
        yield from _flipflops(language, low, high, generator)
    elif isinstance(language, BoundedDyck):
        seed = int(generator.integers(1 << 31))
        for string in bounded_dyck.walk(language.types, language.depth, low, high + 1, seed):
            yield np.array(string, dtype=np.int16)
    else:
        raise InputError(
            f"{language.name}: the authors have no generator for it; draw uniform or hard strings"
        )


def draw_published(
    language: Language, low: int, high: int, count: int, generator: np.random.Generator
) -> Strings:
    """`count` strings as the authors draw them; fewer, with a notice, if that gives up."""
    rows = list(islice(stream(language, low, high, generator), count))
    if len(rows) < count:
        warnings.warn(
            SampleNotice(
                f"{language.name}: the published generator gave up after {len(rows)} strings"
            ),
            stacklevel=3,
        )
    return Strings.of(rows)


def published_splits(
    language: Language,
    seed: int,
    task: TaskKind,
    protocol: PublishedProtocol | None = None,
) -> DataSet:
    """A data set as published: duplicates and overlaps as they fall, no validation strings.

    Args:
        language: one of the 27, `flipflop`, `dyck-8-10` or `dyck-8-5`.
        seed: of the draws; the bounded-Dyck files have their own.
        task: any but `recognise`.
        protocol: other sizes or windows than the published ones.

    Raises:
        InputError: the authors did not use the language, or the task.
    """
    if task == "recognise":
        raise InputError(
            f"{language.name}: published data has members only; use the sound protocol for task "
            "`recognise`"
        )
    if language.name == "flipflop":
        splits, windows = _flipflop_splits(language, seed)
    elif isinstance(language, BoundedDyck):
        splits, windows = _bounded_dyck_splits(language)
    else:
        splits, windows = _suite_splits(language, protocol or protocol_of(language.name), seed)
    manifest = describe(language, "published", task, seed, splits, windows)
    train, validation = splits.pop("train"), splits.pop("validation", None)
    return DataSet(language, train, validation, splits, manifest=manifest)


def _suite_splits(
    language: Language, protocol: PublishedProtocol, seed: int
) -> tuple[dict[str, Strings], dict[str, Window]]:
    generator = np.random.default_rng([seed, 0])
    windows = {"train": protocol.train_window}
    sizes = {"train": protocol.train}
    for window, size in protocol.bins:
        name = bin_name(window)
        repeats = sum(other.partition("#")[0] == name for other in windows)
        windows[f"{name}#{repeats + 1}" if repeats else name] = window
        sizes[list(windows)[-1]] = size
    rows: dict[str, Rows] = {}
    names = list(windows)
    if protocol.drawing in ("joint", "as drawn"):
        first = names[1]
        together = sizes["train"] + sizes[first]
        source = stream(language, *windows["train"], generator)
        if protocol.drawing == "joint":
            both = list(islice(_different(source), together))
            both = [both[index] for index in generator.permutation(len(both))]
        else:
            both = list(islice(source, together))
        rows["train"], rows[first] = both[: sizes["train"]], both[sizes["train"] :]
    for name in names:
        if name in rows:
            continue
        source = stream(language, *windows[name], generator)
        if (protocol.drawing == "repeat" and name == "train") or protocol.drawing == "as drawn":
            rows[name] = list(islice(source, sizes[name]))
        elif protocol.drawing in ("repeat", "set"):
            rows[name] = list(_different(islice(source, sizes[name])))
        else:
            rows[name] = list(islice(_different(source), sizes[name]))
    return {name: Strings.of(rows[name]) for name in names}, windows


def _flipflop_splits(language: Language, seed: int) -> tuple[dict[str, Strings], dict[str, Window]]:
    """1,000 strings of each published distribution; 16,000 for training (theirs: 1.6 million)."""
    generator = np.random.default_rng([seed, 0])
    splits = {
        name: draw_flipflop(
            language, PUBLISHED_LENGTH, 16_000 if name == "train" else 1_000, ignore, generator
        )
        for name, ignore in IGNORE.items()
    }
    return splits, dict.fromkeys(splits, (PUBLISHED_LENGTH, PUBLISHED_LENGTH))


def _bounded_dyck_splits(
    language: BoundedDyck,
) -> tuple[dict[str, Strings], dict[str, Window]]:
    """The authors' files; windows count END. Their development file is for selection and a bin."""
    if language.types != bounded_dyck.PAIRS or language.depth not in (5, 10):
        raise InputError(f"{language.name}: published files exist for dyck-8-5 and dyck-8-10 only")
    names = {kind: f"m{language.depth}-{kind}" for kind in ("train", "dev", "test")}
    strings = {
        kind: Strings.of(bounded_dyck.published_strings(name)) for kind, name in names.items()
    }
    window = {
        kind: (bounded_dyck.FILES[name].low, bounded_dyck.FILES[name].high)
        for kind, name in names.items()
    }
    dev, test = bin_name(window["dev"]), bin_name(window["test"])
    return (
        {
            "train": strings["train"],
            "validation": strings["dev"],
            dev: strings["dev"],
            test: strings["test"],
        },
        {
            "train": window["train"],
            "validation": window["dev"],
            dev: window["dev"],
            test: window["test"],
        },
    )


def _flipflops(
    language: Language, low: int, high: int, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Even lengths, uniform; FFL(0.8), or the undo flip-flop."""
    shortest = 4 if language.name == "flipflop" else 2
    lengths = [length for length in range(max(low, shortest), high + 1) if length % 2 == 0]
    if not lengths:
        raise InputError(f"{language.name}: no published string has a length in {low}..{high}")
    while True:
        chosen, counts = np.unique(generator.choice(lengths, 8 * _BATCH), return_counts=True)
        rows: Rows = []
        for length, count in zip(chosen.tolist(), counts.tolist(), strict=True):
            if language.name == "flipflop":
                rows += draw_flipflop(language, length, count, IGNORE["train"], generator)
            else:
                rows += draw_undo_flipflop(language, length, count, generator)
        yield from (rows[index] for index in generator.permutation(len(rows)))


def _different(rows: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Each string when it comes for the first time."""
    seen: set[bytes] = set()
    for row in rows:
        if row.tobytes() not in seen:
            seen.add(row.tobytes())
            yield row


def _protocol(row: dict[str, str]) -> PublishedProtocol:
    def window(text: str) -> Window:
        low, high = text.split("-")
        return int(low), int(high)

    def bin_of(text: str) -> tuple[Window, int]:
        lengths, size = text.split(":")
        return window(lengths), int(size)

    bins = tuple(bin_of(text) for text in row["bins"].split())
    drawn = (int(row["train"]), *(size for _, size in bins))
    return PublishedProtocol(
        language=row["language"],
        folder=row["folder"],
        drawing=cast(Drawing, row["drawing"]),
        train=int(row["train"]),
        train_window=window(row["train_window"]),
        bins=bins,
        configured=tuple(map(int, row["configured"].split())) or drawn,
        loss=cast(Loss, row["loss"]),
        layers=tuple(map(int, row["layers"].split())),
        widths=tuple(map(int, row["widths"].split())),
        learning_rates=tuple(map(float, row["learning_rates"].split())),
        epochs=tuple(map(int, row["epochs"].split())),
        batch=int(row["batch"]),
    )
