"""Planted flaws are found, with their numbers; sound data has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from starfree.data.audit import AuditReport, LabelledSplit, audit_splits
from starfree.data.splits import make_splits
from starfree.languages.catalog import SUITE, language
from starfree.languages.language import Language
from starfree.languages.strings import Strings


def legal_labels(spoken: Language, strings: Strings) -> list[list[str]]:
    rows = spoken.legal_batch(strings).astype(int)
    return [
        ["".join(map(str, row)) for row in table[: length + 1]]
        for table, length in zip(rows, strings.lengths, strict=True)
    ]


def split(spoken: Language, strings: Strings) -> LabelledSplit:
    labels = legal_labels(spoken, strings)
    return LabelledSplit(strings, labels, [list(line) for line in labels], at_start=True)


def sound(name: str, train: int = 400, bin_size: int = 60) -> dict[str, LabelledSplit]:
    spoken = language(name)
    data = make_splits(spoken, train_size=train, validation_size=80, bin_size=bin_size)
    parts = {"train": data.train, "validation": data.validation, **data.bins}
    return {part: split(spoken, strings) for part, strings in parts.items() if strings is not None}


def kinds(report: AuditReport, severity: str) -> set[tuple[str, str]]:
    return {(f.kind, f.split) for f in report.findings if f.severity == severity}


@pytest.mark.parametrize("name", [entry.name for entry in SUITE])
def test_sound_data_has_no_error(name: str) -> None:
    report = audit_splits(language(name), sound(name, train=300, bin_size=30))
    assert report.errors == 0, report.findings


def change(
    splits: dict[str, LabelledSplit], name: str, edit: Callable[[Strings], Strings]
) -> dict[str, LabelledSplit]:
    spoken = language("d-3")
    return splits | {name: split(spoken, edit(splits[name].strings))}


def test_leakage_and_duplicates() -> None:
    splits = sound("d-3")
    train = splits["train"].strings
    leaked = change(splits, "51-100", lambda s: Strings.concatenate([s, train.select(slice(0, 5))]))
    report = audit_splits(language("d-3"), leaked)
    assert {("leakage", "51-100"), ("not longer than training", "51-100")} <= kinds(report, "error")
    assert next(f for f in report.findings if f.kind == "leakage").count == 5

    repeated = change(splits, "train", lambda s: Strings.concatenate([s, s.select(slice(0, 7))]))
    report = audit_splits(language("d-3"), repeated)
    assert kinds(report, "error") == {("duplicates", "train")}
    assert next(f for f in report.findings if f.kind == "duplicates").count == 7


def test_one_flipped_label_is_found_and_shown() -> None:
    splits = sound("d-3")
    labels = [list(line) for line in splits["1-50"].labels or ()]
    right = labels[3][2]
    labels[3][2] = right[:-1] + ("0" if right[-1] == "1" else "1")
    splits["1-50"] = replace(splits["1-50"], labels=labels)
    report = audit_splits(language("d-3"), splits)
    (finding,) = [f for f in report.findings if f.severity == "error"]
    assert finding.kind == "wrong labels"
    assert finding.count == 1
    assert "line 4 after" in finding.message
    assert repr(right) in finding.message


def test_a_short_label_line_is_found() -> None:
    splits = sound("d-3")
    labels = [list(line) for line in splits["train"].labels or ()]
    labels[0].pop()
    splits["train"] = replace(splits["train"], labels=labels)
    report = audit_splits(language("d-3"), splits)
    assert kinds(report, "error") == {("wrong labels", "train")}


def test_non_members_windows_sizes_and_orphans() -> None:
    splits = sound("d-3")
    broken = Strings.concatenate([splits["1-50"].strings, Strings.of([[1, 0]])])
    splits["1-50"] = split(language("d-3"), broken)
    splits["51-100"] = replace(splits["51-100"], window=(51, 60))
    splits["train"] = replace(splits["train"], claimed=10_000)
    report = audit_splits(language("d-3"), splits, orphans=["val_tgt_bin9.txt"])
    assert {
        ("not a member", "1-50"),
        ("outside its window", "51-100"),
        ("not the claimed size", "train"),
        ("orphan labels", "val_tgt_bin9.txt"),
    } <= kinds(report, "error")


def test_repeated_bins_are_not_longer_than_each_other() -> None:
    splits = sound("d-3")
    splits["51-100#2"] = splits["51-100"]
    del splits["101-150"], splits["451-500"]
    report = audit_splits(language("d-3"), splits)
    assert {
        ("shared strings", "51-100#2"),
        ("not longer than the bin before", "51-100#2"),
    } == kinds(report, "error")


def test_a_shuffle_that_never_crosses() -> None:
    spoken = language("shuffle-2")
    nested = language("dyck-2-25")
    generator = np.random.default_rng(0)
    # Symbols of dyck are (a (b a) b); of shuffle-2 ( ) [ ].
    to_shuffle = np.array([0, 2, 1, 3], dtype=np.int16)
    parts = {
        name: split(
            spoken, Strings.of(np.unique(to_shuffle[nested.draw(length, 60, generator)], axis=0))
        )
        for name, length in (("train", 20), ("51-100", 60))
    }
    assert ("never shuffled", "all") in kinds(audit_splits(spoken, parts), "error")
    assert ("never shuffled", "all") not in kinds(audit_splits(spoken, sound("shuffle-2")), "error")


def test_limits_say_what_a_score_can_mean() -> None:
    report = audit_splits(language("tomita-4"), sound("tomita-4"))
    assert ("no state needed", "451-500") in kinds(report, "limit")
    report = audit_splits(language("tomita-1"), sound("tomita-1"))
    assert ("one label class", "train") in kinds(report, "limit")
    assert ("small bin", "1-50") in kinds(report, "limit")
    report = audit_splits(language("parity"), sound("parity"))
    assert ("no state needed", "51-100") not in kinds(report, "limit")
