"""Audit of a data set: is it what it says, and can it tell a model with state from one without?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starfree.data import audit_checks as checks
from starfree.data.audit_checks import Finding, Part
from starfree.data.files import Folder, read_folder
from starfree.data.labels import LabelKind, guess_kind, label_table
from starfree.data.lines import from_lines
from starfree.data.passive import Determined, determined
from starfree.data.published import PublishedProtocol, protocols
from starfree.data.shortcuts import Baseline, Positions, baselines, positions
from starfree.data.tasks import make_task
from starfree.data.window_optimum import WindowOptimum, window_optimum
from starfree.errors import InputError
from starfree.languages.language import Language

BASELINE_POSITIONS = 4_000_000
OPTIMUM_WINDOWS = (4, 7, 10)
OPTIMUM_LIMIT = 20_000
"""Windows and states for an optimum; keeps an audit to seconds."""


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        folder: which data set.
        language: of its strings.
        labels: their kind.
        findings: errors first, then limits.
        splits: for each split strings, distinct strings, lengths, strings in train, label classes.
        learner: whether the training strings determine the language, for a passive learner.
        baselines: for each bin, what stateless predictors score; their keys are the kinds of
            `shortcuts` and, for uniform strings of automata, `optimum of 4 symbols` and so on.
    """

    folder: str
    language: str
    labels: LabelKind
    findings: tuple[Finding, ...]
    splits: Mapping[str, Mapping[str, Any]]
    baselines: Mapping[str, Mapping[str, Mapping[str, float]]]
    learner: Determined

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong."""
        return any(finding.severity == "error" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"format": 1, **asdict(self)}


def audit(path: Path, language: Language | None = None) -> AuditReport:
    """Audit the data set in a directory; see `read_folder` for directories and languages.

    Raises:
        InputError: not a data set, or a symbol outside the alphabet.
    """
    folder = read_folder(path, language)
    language = folder.language
    parts, kind = _parts(folder)
    train = parts[0]
    scores = _baselines(language, kind, parts)
    findings = [
        Finding("error", "orphan", None, f"{file} holds labels of strings that are not there")
        for file in folder.orphans
    ]
    for part in parts:
        findings += checks.check_members(language, kind, part)
        findings += checks.check_labels(language, kind, part)
        findings += checks.check_repetitions(part, train)
        findings += checks.check_sizes(language, part)
        findings += checks.check_interleaving(language, part)
    findings += checks.check_between(parts)
    findings += checks.check_windows(parts)
    findings += checks.check_coverage(language, kind, parts)
    findings += checks.check_classes(parts)
    findings += checks.check_state(language, scores)
    rank = {"error": 0, "limit": 1, "info": 2}
    findings.sort(key=lambda finding: rank[finding.severity])
    return AuditReport(
        str(path),
        language.name,
        kind,
        tuple(findings),
        {part.name: _summary(part, train) for part in parts},
        {
            part.name: _table(scores[part.name], _optima(folder, part))
            for part in parts
            if part.is_bin
        },
        determined(language, train.strings, kind == "membership"),
    )


def _parts(folder: Folder) -> tuple[list[Part], LabelKind]:
    """The splits as tokens, with what is claimed about them, and the kind of their labels."""
    parts = []
    kind = folder.label_kind
    for index, split in enumerate(folder.splits.values()):
        if len(split.strings) != len(split.labels):
            raise InputError(
                f"{folder.path}: {split.source} has {len(split.strings)} lines and "
                f"{split.target} {len(split.labels)}"
            )
        where = str(folder.path / split.source)
        strings = from_lines(folder.language, split.strings, where)
        if index == 0 and not folder.manifest:
            kind = guess_kind(folder.language, strings, split.labels)
        table = label_table(folder.language, strings, split.labels, kind)
        part = Part(split.name, strings, split.strings, split.labels, table, None, None, None, True)
        if folder.manifest:
            parts.append(_as_in_manifest(part, folder.manifest))
        else:
            parts.append(_as_configured(part, index, protocols().get(folder.language.name)))
    return parts, kind


def _as_in_manifest(part: Part, manifest: Mapping[str, Any]) -> Part:
    entry = manifest.get(part.name) or manifest.get("bins", {}).get(part.name) or {}
    window = entry.get("window")
    train = (manifest.get("train") or {}).get("window")
    return replace(
        part,
        claimed=tuple(window) if window else None,
        expected=entry.get("strings"),
        hash=entry.get("sha256"),
        in_length=not (window and train and part.is_bin) or window[1] <= train[1],
    )


def _as_configured(part: Part, index: int, protocol: PublishedProtocol | None) -> Part:
    """A folder without manifest: the first bin is meant to have the lengths of training."""
    part = replace(part, in_length=index <= 1)
    if protocol is None or index > len(protocol.bins):
        return part
    windows = (protocol.train_window, *(window for window, _ in protocol.bins))
    return replace(part, claimed=windows[index], expected=protocol.configured[index])


def _baselines(
    language: Language, kind: LabelKind, parts: Sequence[Part]
) -> dict[str, tuple[Baseline, ...]]:
    """Stateless predictors of the labels in the files, fitted on training.

    Of very large splits the first strings only, as many as `BASELINE_POSITIONS` allow.
    """
    strings, codes = {}, _codes(parts)
    for part in parts:
        room = BASELINE_POSITIONS // max(part.strings.tokens.shape[1], 1)
        strings[part.name] = part.strings.select(slice(0, room))
    if kind in ("legal", "membership"):
        task = make_task(language, "predict" if kind == "legal" else "recognise")
        found = positions({name: task.encode(batch) for name, batch in strings.items()})
    else:
        found = {}
        for part in parts:
            batch = strings[part.name]
            asked = batch.real() & part.table.whole[: len(batch), None]
            classes = np.zeros(batch.tokens.shape, dtype=np.int64)
            classes[asked] = codes[part.name][: int(asked.sum())]
            found[part.name] = Positions(
                batch.tokens.astype(np.int64), classes, asked, batch.lengths
            )
    tests = {part.name: found[part.name] for part in parts if part.is_bin}
    return baselines(found["train"], tests)


def _codes(parts: Sequence[Part]) -> dict[str, NDArray[np.int64]]:
    """The chunks of every split as numbers, the same numbers in all splits."""
    chunks = np.concatenate([part.table.chunks for part in parts])
    codes = np.unique(chunks, return_inverse=True)[1].ravel().astype(np.int64)
    ends = np.cumsum([len(part.table.chunks) for part in parts])[:-1]
    return {part.name: code for part, code in zip(parts, np.split(codes, ends), strict=True)}


def _optima(folder: Folder, part: Part) -> list[WindowOptimum]:
    """The exact optimum of a window, where the strings are uniform ones and the labels legal."""
    uniform = folder.manifest.get("test_distribution") == "uniform"
    if not uniform or folder.label_kind != "legal":
        return []
    found = [
        window_optimum(folder.language, k, part.strings.lengths, OPTIMUM_LIMIT)
        for k in OPTIMUM_WINDOWS
    ]
    return [optimum for optimum in found if optimum is not None]


def _table(
    scores: Sequence[Baseline], optima: Sequence[WindowOptimum]
) -> dict[str, dict[str, float]]:
    rows = {
        score.kind: {
            "string_accuracy": score.accuracy,
            "position_accuracy": score.position_accuracy,
        }
        for score in scores
    }
    for optimum in optima:
        rows[f"optimum of {optimum.window} symbols"] = {
            "string_accuracy": optimum.string_accuracy,
            "position_accuracy": optimum.position_accuracy,
        }
    return rows


def _summary(part: Part, train: Part) -> dict[str, Any]:
    """What a report prints about a split."""
    keys = part.strings.keys()
    known = set(train.strings.keys())
    lengths = part.strings.lengths
    return {
        "strings": len(keys),
        "distinct": len(set(keys)),
        "in_train": None if part is train else sum(key in known for key in keys),
        "lengths": [int(lengths.min()), int(lengths.max())] if len(lengths) else None,
        "mean_length": float(lengths.mean()) if len(lengths) else None,
        "window": list(part.claimed) if part.claimed else None,
        "label_classes": part.table.classes,
    }
