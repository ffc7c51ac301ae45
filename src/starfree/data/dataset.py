"""What a data set is: its splits, and the manifest that says what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from starfree.data.coverage import coverage
from starfree.data.lines import to_lines
from starfree.data.task import TaskKind
from starfree.languages.language import Language
from starfree.languages.strings import BoolArray, Strings

Protocol = Literal["sound", "published"]
Window = tuple[int, int]


@dataclass(frozen=True, eq=False)
class DataSet:
    """What a model is trained, selected and tested on.

    Attributes:
        language: whose strings they are.
        train: training strings, in random order.
        validation: for selection only; None under the published protocol, which has none.
        bins: test strings by window, `51-100`; a repeated published window is `101-150#2`.
        labels: membership of every split (`train`, `validation`, bins) for task `recognise`.
        manifest: seed, windows, sizes, coverage and SHA-256, ready for JSON.
    """

    language: Language
    train: Strings
    validation: Strings | None
    bins: Mapping[str, Strings]
    labels: Mapping[str, BoolArray] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)


def bin_name(window: Window) -> str:
    """`51-100`."""
    return f"{window[0]}-{window[1]}"


def describe(
    language: Language,
    protocol: Protocol,
    task: TaskKind,
    seed: int,
    splits: Mapping[str, Strings],
    windows: Mapping[str, Window],
) -> dict[str, Any]:
    """The manifest of these splits: `train`, perhaps `validation`, and the bins."""

    def entry(name: str) -> dict[str, Any]:
        strings = splits[name]
        lengths = strings.lengths.tolist()
        return {
            "window": list(windows[name]),
            "strings": len(strings),
            "lengths": [min(lengths), max(lengths)] if lengths else None,
            "sha256": sha256(language, strings),
        }

    bins = {name: splits[name] for name in splits if name not in ("train", "validation")}
    members = {
        name: strings.select(language.accepts_batch(strings)) if task == "recognise" else strings
        for name, strings in {**bins, "train": splits["train"]}.items()
    }
    return {
        "format": 1,
        "language": language.name,
        "alphabet": list(language.alphabet),
        "protocol": protocol,
        "task": task,
        "seed": seed,
        "predictive_definiteness": language.definiteness(),
        "train": entry("train"),
        "validation": entry("validation") if "validation" in splits else None,
        "bins": {name: entry(name) for name in bins},
        "coverage": coverage(language, members.pop("train"), members),
    }


def sha256(language: Language, strings: Strings) -> str:
    """Of the strings one a line with newlines between them: of the file that holds them."""
    text = "\n".join(to_lines(language, strings))
    return hashlib.sha256(text.encode()).hexdigest()
