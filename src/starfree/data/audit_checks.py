"""The checks of an audit, one function each: what is wrong, or cannot show what one may hope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from starfree.data.coverage import IDENTIFIABLE, transition_counts
from starfree.data.dataset import Window, sha256
from starfree.data.labels import LabelKind, LabelTable, known_encoding, label_lines, label_table
from starfree.data.shortcuts import Baseline
from starfree.languages.counters import PAIRS, Shuffle
from starfree.languages.encodings import ENCODINGS
from starfree.languages.language import Language
from starfree.languages.strings import Strings

Severity = Literal["error", "limit", "info"]

ENOUGH = 1_000
"""Strings of a bin from which on one string is worth at most 0.1 points."""

SOLVED = 0.99
"""A bin that a stateless predictor solves to this share shows nothing about state."""


@dataclass(frozen=True)
class Finding:
    """One thing to know about a data set.

    Attributes:
        severity: `error` (the data is wrong), `limit` (it is right, but cannot show what one may
            hope) or `info`.
        code: what kind of finding, e.g. `wrong-labels`.
        split: which part; None for the whole.
        message: one sentence.
        count: how many strings, labels or transitions it is about.
    """

    severity: Severity
    code: str
    split: str | None
    message: str
    count: int = 0


@dataclass(frozen=True, eq=False)
class Part:
    """A split under audit.

    Attributes:
        name: `train`, `validation` or the bin.
        strings: as tokens.
        written: as text.
        labels: its label lines.
        table: the labels position by position.
        claimed: its window, as the manifest or the authors' configuration says.
        expected: how many strings the manifest or the configuration says.
        hash: of the strings, as the manifest says.
        in_length: whether its lengths are meant to be those of training.
    """

    name: str
    strings: Strings
    written: Sequence[str]
    labels: Sequence[str]
    table: LabelTable
    claimed: Window | None
    expected: int | None
    hash: str | None
    in_length: bool

    @property
    def is_bin(self) -> bool:
        """Whether models are tested on it."""
        return self.name not in ("train", "validation")


def check_members(language: Language, kind: LabelKind, part: Part) -> Iterator[Finding]:
    """Strings that are not in the language (allowed for task `recognise`)."""
    if kind == "membership":
        return
    strangers = np.flatnonzero(~language.accepts_batch(part.strings))
    if len(strangers):
        first = int(strangers[0])
        yield Finding(
            "error",
            "non-members",
            part.name,
            f"{len(strangers)} of {len(part.strings)} strings are not members; the first is line "
            f"{first + 1}, {_short(part.written[first])}",
            len(strangers),
        )


def check_labels(language: Language, kind: LabelKind, part: Part) -> Iterator[Finding]:
    """Labels against the mathematical ones, whatever the file says that they are."""
    if not known_encoding(language, kind):
        yield Finding("info", "labels", part.name, "no encoding is known for them; not checked")
        return
    truth = "authors" if kind == "published" else kind
    lines = label_lines(language, part.strings, truth)
    right = label_table(language, part.strings, lines, truth)
    given = part.table
    odd = np.flatnonzero(~given.whole)
    if len(odd):
        line = int(odd[0])
        yield Finding(
            "error",
            "label-lines",
            part.name,
            f"{len(odd)} label lines do not fit their strings; the first is line {line + 1}, "
            f"{len(part.labels[line])} characters for {_short(part.written[line])}",
            len(odd),
        )
    # Chunk by chunk, on the lines that fit their strings.
    fits = np.repeat(given.whole, np.diff(right.starts))
    truths = right.chunks[fits]
    wrong = np.flatnonzero(given.chunks != truths)
    if not len(wrong):
        return
    first = int(wrong[0])
    line = given.line_of(first)
    place = first - int(given.starts[line]) + (truth == "authors")
    wrong_lines = np.unique(np.searchsorted(given.starts, wrong, side="right"))
    message = (
        f"{len(wrong)} of {len(truths)} labels are wrong ({len(wrong) / len(truths):.1%}), on "
        f"{len(wrong_lines)} of {len(lines)} lines; first line {line + 1}, after {place} symbols "
        f"of {_short(part.written[line])}: {given.chunks[first].decode()}, not "
        f"{truths[first].decode()}"
    )
    if truth == "authors":
        published = label_lines(language, part.strings, "published")
        if published == list(part.labels):
            message += "; they are wrong as published"
        message += _forbidding(language, part)
    yield Finding("error", "wrong-labels", part.name, message, len(wrong))


def _forbidding(language: Language, part: Part) -> str:
    """Labels in the encoding LEGAL that forbid the very symbol that follows."""
    if ENCODINGS[language.name] != "LEGAL":
        return ""
    chunks = part.table.chunks
    bits = chunks.view(np.uint8).reshape(len(chunks), -1)
    whole = part.strings.select(part.table.whole)
    tokens = whole.tokens[whole.real()].astype(np.int64)
    last = np.cumsum(whole.lengths, dtype=np.int64) - 1
    asked = np.setdiff1d(np.arange(len(tokens)), last)
    count = int((bits[asked, tokens[asked + 1]] == ord("0")).sum())
    return f"; {count} of them forbid the very symbol that follows" if count else ""


def check_repetitions(part: Part, train: Part) -> Iterator[Finding]:
    """The same string twice in a split, or in training and elsewhere."""
    keys = part.strings.keys()
    repeated = len(keys) - len(set(keys))
    if repeated:
        yield Finding(
            "error",
            "duplicates",
            part.name,
            f"{repeated} of {len(keys)} strings repeat others; {len(set(keys))} are different",
            repeated,
        )
    if part is train:
        return
    known = set(train.strings.keys())
    seen = sum(key in known for key in keys)
    if seen:
        yield Finding(
            "error",
            "in-train",
            part.name,
            f"{seen} of {len(keys)} strings ({seen / len(keys):.1%}) are training strings",
            seen,
        )


def check_between(parts: Sequence[Part]) -> Iterator[Finding]:
    """Strings that two of validation and the bins share."""
    others = [(part.name, set(part.strings.keys())) for part in parts if part.name != "train"]
    for index, (name, keys) in enumerate(others):
        for earlier, known in others[:index]:
            if keys & known:
                yield Finding(
                    "error",
                    "shared-strings",
                    name,
                    f"{len(keys & known)} strings are also in {earlier}",
                    len(keys & known),
                )


def check_sizes(language: Language, part: Part) -> Iterator[Finding]:
    """Empty, tiny or unannounced sizes; contents that are not those of the manifest."""
    size = len(part.strings)
    if part.expected is not None and part.expected != size:
        severity: Severity = "error" if part.hash else "limit"
        source = "the manifest" if part.hash else "the authors' configuration"
        yield Finding(
            severity,
            "size",
            part.name,
            f"{size} strings, {part.expected} in {source}",
            abs(size - part.expected),
        )
    elif part.hash and part.hash != sha256(language, part.strings):
        yield Finding("error", "hash", part.name, "the strings are not those of the manifest")
    if not size:
        yield Finding("error", "empty", part.name, "no strings")
    elif part.is_bin and size < ENOUGH:
        yield Finding(
            "limit",
            "tiny-bin",
            part.name,
            f"{size} strings{_all_there_are(language, part)}: one is worth {100 / size:.2g} points",
            size,
        )


def _all_there_are(language: Language, part: Part) -> str:
    if part.claimed is None:
        return ""
    total = 0
    for length in range(part.claimed[0], part.claimed[1] + 1):
        total += language.count(length)
        if total > 10 * ENOUGH:
            return ""
    return f" of {total} members in {part.claimed[0]}..{part.claimed[1]}"


def check_windows(parts: Sequence[Part]) -> Iterator[Finding]:
    """Real lengths against claimed ones; longer bins that are not longer; overlapping bins."""
    longest = int(parts[0].strings.lengths.max(initial=0))
    for part in parts:
        lengths = part.strings.lengths
        if part.claimed and len(lengths):
            low, high = part.claimed
            outside = int(((lengths < low) | (lengths > high)).sum())
            real = f"real lengths {lengths.min()}..{lengths.max()}"
            if outside:
                yield Finding(
                    "error",
                    "outside-window",
                    part.name,
                    f"{outside} strings are outside the window {low}..{high}; {real}",
                    outside,
                )
            else:
                yield Finding("info", "window", part.name, f"window {low}..{high}, {real}")
        if part.is_bin and not part.in_length:
            short = int((lengths <= longest).sum())
            if short:
                yield Finding(
                    "error",
                    "not-longer",
                    part.name,
                    f"{short} of {len(lengths)} strings are no longer than the longest training "
                    f"string ({longest})",
                    short,
                )
    for before, part in pairwise(part for part in parts if part.is_bin and not part.in_length):
        if not len(before.strings) or not len(part.strings):
            continue
        reach = int(before.strings.lengths.max())
        again = int((part.strings.lengths <= reach).sum())
        if again:
            same = before.claimed is not None and before.claimed == part.claimed
            yield Finding(
                "error",
                "repeated-bin" if same else "shared-lengths",
                part.name,
                f"{again} of {len(part.strings)} strings have lengths of {before.name}"
                + (", whose window it repeats" if same else f", which reaches {reach}"),
                again,
            )


def check_interleaving(language: Language, part: Part) -> Iterator[Finding]:
    """Shuffles without a crossing pair: the strings are those of a stack language."""
    if not isinstance(language, Shuffle) or language.pairs < 2:
        return
    crossing = sum(_crosses(row.tolist()) for row in part.strings)
    if not crossing and len(part.strings):
        example = f"{PAIRS[0][0]}{PAIRS[1][0]}{PAIRS[0][1]}{PAIRS[1][1]}"
        yield Finding(
            "error",
            "never-interleaved",
            part.name,
            f"no two pairs cross, as in {example}, in any of {len(part.strings)} strings: all are "
            "well-nested, nothing is shuffled",
            len(part.strings),
        )


def _crosses(tokens: list[int]) -> bool:
    """Whether some bracket is closed while a later one of another pair is open."""
    stack: list[int] = []
    for token in tokens:
        if token % 2 == 0:
            stack.append(token)
        elif not stack or stack.pop() != token - 1:
            return True
    return False


def check_coverage(language: Language, kind: LabelKind, parts: Sequence[Part]) -> Iterator[Finding]:
    """Transitions that training hardly shows, and test strings that use them."""
    if kind == "membership":
        return
    used = {
        part.name: transition_counts(
            language, part.strings.select(language.accepts_batch(part.strings))
        )
        for part in parts
    }
    seen = used["train"]
    rare = [name for name, count in seen.items() if count < IDENTIFIABLE]
    if rare:
        yield Finding(
            "limit",
            "rare-transitions",
            "train",
            f"{len(rare)} of {len(seen)} transitions occur fewer than {IDENTIFIABLE} times: "
            f"{_list(rare)}",
            len(rare),
        )
    for part in parts:
        cells = [
            name
            for name, count in used[part.name].items()
            if count and seen.get(name, 0) < IDENTIFIABLE
        ]
        if part.is_bin and cells:
            yield Finding(
                "limit",
                "not-identifiable",
                part.name,
                f"uses {len(cells)} transitions that training shows fewer than {IDENTIFIABLE} "
                f"times: {_list(cells)}",
                len(cells),
            )


def check_classes(parts: Sequence[Part]) -> Iterator[Finding]:
    """Labels that do not vary, or that training lacks."""
    classes = {part.name: part.table.classes for part in parts}
    known = set(classes["train"])
    if len(set().union(*classes.values())) == 1:
        yield Finding(
            "limit",
            "one-class",
            None,
            f"every label is {next(iter(known))}: a constant answer is right everywhere",
        )
    for part in parts:
        found = classes[part.name]
        unseen = sorted(set(found) - known)
        if unseen:
            yield Finding(
                "error",
                "unseen-labels",
                part.name,
                f"{len(unseen)} label classes do not occur in training: {_list(unseen)}",
                len(unseen),
            )
        if found and part.name == "train":
            most = max(found, key=lambda name: found[name])
            share = found[most] / sum(found.values())
            yield Finding(
                "info",
                "classes",
                "train",
                f"{len(found)} label classes; {share:.1%} of the labels are {most}",
                len(found),
            )


def check_state(language: Language, scores: Mapping[str, Sequence[Baseline]]) -> Iterator[Finding]:
    """Whether a stateless predictor does as well as the language's own machine."""
    definite = language.definiteness()
    if definite is not None:
        yield Finding(
            "limit",
            "definite",
            None,
            f"the last {definite} symbols decide every legal set: no data of this language tests "
            "state in task predict",
            definite,
        )
    for name, found in scores.items():
        for baseline in found:
            if baseline.accuracy >= SOLVED:
                yield Finding(
                    "limit",
                    "baseline-solves",
                    name,
                    f"{baseline.accuracy:.1%} of the strings are solved by a table fitted on "
                    f"training: {baseline.kind}",
                )
                break


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
