"""Is this data what it says it is? Every flaw that a program can find, with its numbers.

An `error` is a fault of the data: wrong labels, leakage, a "longer" bin that is not longer. A
`limit` is something that no better data could mend, or that bounds what a score can mean: a bin
that holds every member of its window, a language that a window without state decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from starfree.data.coverage import coverage
from starfree.data.shortcuts import Baseline, Positions, baselines
from starfree.languages.counters import Shuffle
from starfree.languages.language import Language
from starfree.languages.strings import Strings

Severity = Literal["error", "limit"]

SOLVED = 0.99  # a stateless predictor that reaches this leaves the bin nothing to tell
TINY = 1_000  # strings below which one string is worth more than 0.1 points


@dataclass(frozen=True, eq=False)
class LabelledSplit:
    """A split as its files hold it.

    Attributes:
        strings: the source lines.
        labels: for each string the label of every position, as written; None without labels.
        expected: the true labels in the same encoding.
        at_start: whether there is a label before the first symbol (legal sets) or not.
        window: the lengths that the data claims, if it does.
        claimed: the number of strings that the protocol claims, if it does.
    """

    strings: Strings
    labels: Sequence[Sequence[str]] | None
    expected: Sequence[Sequence[str]] | None
    at_start: bool
    window: tuple[int, int] | None = None
    claimed: int | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or limited.

    Attributes:
        severity: `error` or `limit`.
        kind: a short name, the same in every audit.
        split: where.
        message: one line with the numbers and the first example.
        count: how many strings (or labels) it concerns.
    """

    severity: Severity
    kind: str
    split: str
    message: str
    count: int = 0


@dataclass(frozen=True, eq=False)
class SplitFacts:
    """What a reader should see of a split before anything else."""

    name: str
    strings: int
    distinct: int
    shortest: int
    longest: int
    mean_length: float
    label_classes: int


@dataclass(frozen=True, eq=False)
class AuditReport:
    """The whole result.

    Attributes:
        language: whose data it is.
        splits: facts of every split, training first.
        findings: errors first.
        baselines: stateless predictors on every bin.
    """

    language: str
    splits: tuple[SplitFacts, ...]
    findings: tuple[Finding, ...]
    baselines: Mapping[str, tuple[Baseline, ...]]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity == "error" for finding in self.findings)


def audit_splits(
    language: Language,
    splits: Mapping[str, LabelledSplit],
    orphans: Sequence[str] = (),
    with_non_members: bool = False,
) -> AuditReport:
    """Audit a data set.

    Args:
        language: what the strings should be members of.
        splits: `train` first, perhaps `validation`, then the bins from short to long.
        orphans: label files without a file of strings.
        with_non_members: the data is for recognition, so that strings need not be members.
    """
    findings: list[Finding] = []
    for name, split in splits.items():
        if not with_non_members:
            findings += _membership(language, name, split)
        findings += _labels(language, name, split)
        findings += _duplicates(language, name, split)
        findings += _window(name, split)
    findings += _leakage(language, splits)
    findings += _longer(splits)
    findings += _nesting(language, splits)
    findings += _sizes(language, splits)
    findings += [
        Finding("error", "orphan labels", name, "labels without a file of strings; nobody reads it")
        for name in orphans
    ]
    scores = _baselines(splits)
    findings += _solved(splits, scores)
    if not with_non_members:
        findings += _coverage(language, splits)
    order = {"error": 0, "limit": 1}
    findings.sort(key=lambda finding: order[finding.severity])
    facts = tuple(_facts(name, split) for name, split in splits.items())
    return AuditReport(language.name, facts, tuple(findings), scores)


def _facts(name: str, split: LabelledSplit) -> SplitFacts:
    lengths = split.strings.lengths
    classes = {label for line in split.labels or () for label in line}
    return SplitFacts(
        name,
        len(split.strings),
        len(set(split.strings.keys())),
        int(lengths.min()) if len(lengths) else 0,
        int(lengths.max(initial=0)),
        float(lengths.mean()) if len(lengths) else 0.0,
        len(classes),
    )


def _membership(language: Language, name: str, split: LabelledSplit) -> Iterator[Finding]:
    wrong = np.flatnonzero(~language.accepts_batch(split.strings))
    if len(wrong):
        yield Finding(
            "error",
            "not a member",
            name,
            f"{_of(len(wrong), len(split.strings), 'strings')} are no members; "
            f"first: line {wrong[0] + 1}, {_written(language, split, int(wrong[0]))}",
            len(wrong),
        )


def _labels(language: Language, name: str, split: LabelledSplit) -> Iterator[Finding]:
    if split.labels is None or split.expected is None:
        return
    lines = positions = total = 0
    first = ""
    for row, (given, expected) in enumerate(zip(split.labels, split.expected, strict=True)):
        total += len(expected)
        if len(given) != len(expected):
            lines += 1
            first = first or (f"line {row + 1}: {len(given)} labels for {len(expected)} positions")
            continue
        wrong = [
            t for t, pair in enumerate(zip(given, expected, strict=True)) if pair[0] != pair[1]
        ]
        if wrong:
            lines += 1
            positions += len(wrong)
            t = wrong[0]
            symbols = list(split.strings)[row] if not first else None
            if symbols is not None:
                prefix = language.decode(symbols[: t + (not split.at_start)])
                first = f"line {row + 1} after {prefix!r}: {given[t]!r}, should be {expected[t]!r}"
    if lines:
        yield Finding(
            "error",
            "wrong labels",
            name,
            f"{_of(lines, len(split.strings), 'lines')}, {_of(positions, total, 'labels')}; "
            f"first: {first}",
            positions,
        )


def _duplicates(language: Language, name: str, split: LabelledSplit) -> Iterator[Finding]:
    keys = split.strings.keys()
    repeated = len(keys) - len(set(keys))
    if repeated:
        yield Finding(
            "error",
            "duplicates",
            name,
            f"{_of(repeated, len(keys), 'lines')} repeat an earlier one",
            repeated,
        )


def _window(name: str, split: LabelledSplit) -> Iterator[Finding]:
    if split.window is None or not len(split.strings):
        return
    low, high = split.window
    shortest, longest = int(split.strings.lengths.min()), int(split.strings.lengths.max())
    if shortest < low or longest > high:
        yield Finding(
            "error",
            "outside its window",
            name,
            f"lengths {shortest}..{longest}, claimed {low}..{high}",
        )


def _leakage(language: Language, splits: Mapping[str, LabelledSplit]) -> Iterator[Finding]:
    keys = {name: split.strings.keys() for name, split in splits.items()}
    for index, (name, own) in enumerate(keys.items()):
        for earlier in list(keys)[:index]:
            known = set(keys[earlier])
            shared = [row for row, key in enumerate(own) if key in known]
            if shared:
                yield Finding(
                    "error",
                    "leakage" if earlier == "train" else "shared strings",
                    name,
                    f"{_of(len(shared), len(own), 'strings')} are also in {earlier}; first: "
                    f"{_written(language, splits[name], shared[0])}",
                    len(shared),
                )


def _longer(splits: Mapping[str, LabelledSplit]) -> Iterator[Finding]:
    """Every bin after the first must be longer than training and than the bin before."""
    bins = [name for name in splits if name not in ("train", "validation")]
    longest_trained = int(splits["train"].strings.lengths.max(initial=0))
    for before, name in pairwise(bins):
        lengths = splits[name].strings.lengths
        short = int((lengths <= longest_trained).sum())
        if short:
            yield Finding(
                "error",
                "not longer than training",
                name,
                f"{_of(short, len(lengths), 'strings')} are no longer than the longest training "
                f"string ({longest_trained})",
                short,
            )
        bound = int(splits[before].strings.lengths.max(initial=0))
        shared = int((lengths <= bound).sum())
        if shared and bound > longest_trained:
            yield Finding(
                "error",
                "not longer than the bin before",
                name,
                f"{_of(shared, len(lengths), 'strings')} are no longer than the longest of "
                f"{before} ({bound})",
                shared,
            )


def _nesting(language: Language, splits: Mapping[str, LabelledSplit]) -> Iterator[Finding]:
    """A shuffle whose strings never cross is a Dyck language in disguise."""
    if not isinstance(language, Shuffle) or language.pairs < 2:
        return
    strings = [string for split in splits.values() for string in split.strings]
    long = [string for string in strings if len(string) >= 8]
    if len(long) >= 20 and not any(_crosses(string.tolist()) for string in long):
        yield Finding(
            "error",
            "never shuffled",
            "all",
            f"none of {len(strings)} strings has a crossing pair such as ( [ ) ]",
            len(strings),
        )


def _crosses(string: Sequence[int]) -> bool:
    stack: list[int] = []
    for token in string:
        if token % 2 == 0:
            stack.append(token)
        elif not stack or stack.pop() != token - 1:
            return True
    return False


def _sizes(language: Language, splits: Mapping[str, LabelledSplit]) -> Iterator[Finding]:
    for name, split in splits.items():
        size = len(split.strings)
        if split.claimed is not None and size != split.claimed:
            severity: Severity = "error" if name == "train" else "limit"
            yield Finding(
                severity,
                "not the claimed size",
                name,
                f"{size} strings, the protocol says {split.claimed}",
                size,
            )
        if name in ("train", "validation") or not 0 < size < TINY:
            continue
        yield Finding(
            "limit",
            "small bin",
            name,
            f"{size} strings: one is worth {100 / size:.1f} points",
            size,
        )


def _baselines(splits: Mapping[str, LabelledSplit]) -> dict[str, tuple[Baseline, ...]]:
    if any(split.labels is None for split in splits.values()):
        return {}
    number: dict[str, int] = {}
    found = {name: _positions(split, number) for name, split in splits.items()}
    tests = {name: found[name] for name in found if name not in ("train", "validation")}
    return baselines(found["train"], tests)


def _positions(split: LabelledSplit, number: dict[str, int]) -> Positions:
    """Symbols and label classes; with a label at the start, `^` is read first."""
    shift = int(split.at_start)
    batch, width = split.strings.tokens.shape
    symbols = np.zeros((batch, width + shift), dtype=np.int64)
    symbols[:, shift:] = np.where(split.strings.real(), split.strings.tokens + 2, 0)
    symbols[:, :shift] = 1
    classes = np.full(symbols.shape, -1, dtype=np.int64)
    for row, line in enumerate(split.labels or ()):
        codes = [number.setdefault(label, len(number)) for label in line[: symbols.shape[1]]]
        classes[row, : len(codes)] = codes
    lengths = split.strings.lengths + np.int32(shift)
    counted = (np.arange(symbols.shape[1]) < lengths[:, None]) & (classes >= 0)
    return Positions(symbols, np.maximum(classes, 0), counted, lengths)


def _solved(
    splits: Mapping[str, LabelledSplit], scores: Mapping[str, tuple[Baseline, ...]]
) -> Iterator[Finding]:
    classes = {label for line in splits["train"].labels or () for label in line}
    if len(classes) == 1:
        yield Finding(
            "limit",
            "one label class",
            "train",
            f"every label is {next(iter(classes))!r}: a constant answer scores 100 %",
        )
    for name, found in scores.items():
        if not len(splits[name].strings):
            continue
        solving = [baseline for baseline in found if baseline.accuracy >= SOLVED]
        if solving:
            yield Finding(
                "limit",
                "no state needed",
                name,
                f"`{solving[0].kind}` solves {100 * solving[0].accuracy:.1f} % of the strings "
                "without tracking any state",
            )


def _coverage(language: Language, splits: Mapping[str, LabelledSplit]) -> Iterator[Finding]:
    members = {
        name: split.strings.select(language.accepts_batch(split.strings))
        for name, split in splits.items()
        if name != "validation"
    }
    train = members.pop("train")
    table = coverage(language, train, members)
    for name, unseen in table["not_identifiable"].items():
        if unseen:
            yield Finding(
                "limit",
                "not identifiable",
                name,
                f"{len(unseen)} transitions of its strings occur fewer than {table['threshold']} "
                f"times in training: {', '.join(unseen[:4])}{' ..' if len(unseen) > 4 else ''}",
                len(unseen),
            )


def _of(part: int, whole: int, what: str) -> str:
    return f"{part} of {whole} {what} ({100 * part / max(whole, 1):.1f} %)"


def _written(language: Language, split: LabelledSplit, row: int) -> str:
    text = language.decode(split.strings.tokens[row, : split.strings.lengths[row]])
    return repr(text if len(text) <= 40 else text[:37] + "...")
