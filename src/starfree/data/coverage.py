"""Which transitions and label classes a set of strings shows.

A transition is a live state and a letter. Counter and stack machines have no end of states; there
the letter's own count (of its bracket pair, of operands owed, within its block or half; a stack's
depth; keys seen) stands for the state, in buckets 0, 1, 2, 3-4, 5-8, 9-16 and so on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starfree.data.lines import batches
from starfree.languages.copying import Copy
from starfree.languages.counters import BooleanExpressions, EqualBlocks, Shuffle
from starfree.languages.language import Language
from starfree.languages.recall import AssociativeRecall
from starfree.languages.stack import BoundedDyck
from starfree.languages.strings import Strings

IDENTIFIABLE = 20
"""A transition seen fewer times in training is not identifiable from it."""


@dataclass(frozen=True, eq=False)
class Transitions:
    """The transitions that a batch of members uses.

    Attributes:
        cells: int32 ``[B, L]``: the cell of each symbol, ``state * n + letter``; -1 on padding.
        states: names of the states (`q3`) or buckets (`5-8`).
        letters: the alphabet.
    """

    cells: NDArray[np.int32]
    states: tuple[str, ...]
    letters: tuple[str, ...]

    def counts(self) -> NDArray[np.int64]:
        """How often each cell is used, ``[states * letters]``."""
        size = len(self.states) * len(self.letters)
        return np.bincount(self.cells[self.cells >= 0], minlength=size)

    def name(self, cell: int) -> str:
        """``STATE LETTER``, the letter as it is written."""
        state, letter = divmod(cell, len(self.letters))
        return f"{self.states[state]} {self.letters[letter]}"


def transitions(language: Language, strings: Strings) -> Transitions:
    """The transitions that these members use, symbol by symbol."""
    if language.automaton is not None:
        before = language.state_batch(strings)[:, :-1]
        names = tuple(f"q{state}" for state in range(language.automaton.states))
    else:
        counts = _counts_before(language, strings)
        # 0, 1, 2, 3-4, 5-8, .. are buckets 0, 1, 2, 3, 4, ..
        before = np.ceil(np.log2(np.maximum(counts, 0.5))).astype(np.int32) + 1
        names = _bucket_names(int(before.max(initial=0)) + 1)
    cells = before * len(language.alphabet) + strings.tokens
    cells = np.where(strings.real() & (before >= 0), cells, -1).astype(np.int32)
    return Transitions(cells, names, language.alphabet)


def transition_counts(language: Language, strings: Strings) -> dict[str, int]:
    """How often each transition is used; those of a finite automaton are listed even if never."""
    total: Counter[str] = Counter()
    if language.automaton is not None:
        none = transitions(language, Strings.of([]))
        live = np.flatnonzero(language.automaton.transitions.ravel() >= 0)
        total = Counter({none.name(cell): 0 for cell in live.tolist()})
    for _, batch in batches(strings):
        used = transitions(language, batch)
        counts = used.counts()
        for cell in np.flatnonzero(counts).tolist():
            total[used.name(cell)] += int(counts[cell])
    return dict(total)


def label_classes(language: Language, strings: Strings) -> dict[str, int]:
    """How often each legal set is the answer, as bits in the alphabet's order, `$` last."""
    total: Counter[str] = Counter()
    for _, batch in batches(strings):
        rows = language.legal_batch(batch)[~batch.beyond()]
        packed = np.packbits(rows, axis=1)
        _, first, counts = np.unique(packed, axis=0, return_index=True, return_counts=True)
        for index, count in zip(first, counts, strict=True):
            total["".join("01"[bit] for bit in rows[index].astype(int))] += int(count)
    return dict(sorted(total.items()))


def coverage(language: Language, train: Strings, bins: Mapping[str, Strings]) -> dict[str, Any]:
    """The coverage table of a manifest.

    `not_identifiable` names, for each bin, the transitions that its strings use and that training
    showed fewer than `IDENTIFIABLE` times.
    """
    seen = transition_counts(language, train)
    unseen = {
        name: [
            cell
            for cell, count in transition_counts(language, strings).items()
            if count and seen.get(cell, 0) < IDENTIFIABLE
        ]
        for name, strings in bins.items()
    }
    return {
        "threshold": IDENTIFIABLE,
        "transitions": seen,
        "label_classes": label_classes(language, train),
        "not_identifiable": unseen,
    }


def _counts_before(language: Language, strings: Strings) -> NDArray[np.int64]:
    """The count that each symbol acts on, before it does, int64 ``[B, L]``, for members."""
    tokens = strings.tokens.astype(np.int64)
    if isinstance(language, Shuffle):
        counts = np.zeros_like(tokens)
        for pair in range(language.pairs):
            steps = (tokens == 2 * pair).astype(np.int64) - (tokens == 2 * pair + 1)
            own = tokens // 2 == pair
            counts[own] = (np.cumsum(steps, axis=1) - steps)[own]
        return counts
    if isinstance(language, BooleanExpressions):
        steps = np.array([-1, -1, *range(language.arity)], dtype=np.int64)[tokens]
        return 1 + np.cumsum(steps, axis=1) - steps
    if isinstance(language, EqualBlocks):
        return np.arange(tokens.shape[1]) % np.maximum(strings.lengths // language.end, 1)[:, None]
    if isinstance(language, BoundedDyck):
        steps = np.where(tokens < language.types, 1, -1)
        return np.cumsum(steps, axis=1) - steps
    if isinstance(language, Copy):
        t = np.arange(tokens.shape[1])[None]
        half = (strings.lengths // 2)[:, None]
        return np.where(t > half, t - half - 1, t)
    if isinstance(language, AssociativeRecall):
        return language.keys_seen(strings)[:, :-1]
    raise TypeError(f"{language.name}: {type(language).__name__} has neither states nor counts")


def _bucket_names(count: int) -> tuple[str, ...]:
    """0, 1, 2, 3-4, 5-8, .."""
    names = ["0", "1", "2"]
    names += [f"{2 ** (k - 2) + 1}-{2 ** (k - 1)}" for k in range(3, count)]
    return tuple(names[:count])
