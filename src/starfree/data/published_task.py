"""The authors' own tasks: a class a label pattern, flip-flop with masked answers, Dyck."""

from __future__ import annotations

import numpy as np

from starfree.data.published import protocol_of
from starfree.data.task import Examples, Objective, Task, TaskKind
from starfree.errors import InputError
from starfree.languages.encodings import ENCODINGS, label_chunks
from starfree.languages.language import Language
from starfree.languages.stack import BoundedDyck
from starfree.languages.strings import BoolArray, Strings

READS = "reads"  # the slice of answers that a flip-flop must remember


def make_published_task(language: Language, train: Strings | None) -> Task:
    """The task of the authors' scripts for a language that they used.

    Raises:
        InputError: they did not use it; or no training strings to take the classes from.
    """
    if language.name in ENCODINGS:
        if train is None:
            raise InputError(
                f"{language.name}: task `published` takes its classes from the training strings"
            )
        return PatternTask(language, train)
    if language.name == "flipflop" or language.name.startswith("undo-flipflop-"):
        return MaskedReadTask(language)
    if isinstance(language, BoundedDyck):
        return NextTokenTask(language)
    raise InputError(
        f"{language.name}: the authors did not train on it; choose task predict, recognise or state"
    )


class PatternTask(Task):
    """One class for each label pattern that occurs in training, after every symbol.

    Inputs are ``x1 .. xL``, symbol i as i + 1; 0 is padding. Their two losses:

    - `class-mse`: targets one-hot; squared error averaged over all ``B * T * outputs`` numbers,
      zeros at padding included; a string is right if all its real positions are.
    - `class-ce`: class 0 is padding; cross-entropy averaged over all ``B * T`` positions, padding
      included, and a string is right only if its padding is right too (so weights are 1 there).
    """

    name: TaskKind = "published"

    def __init__(self, language: Language, train: Strings) -> None:
        self.language = language
        loss = protocol_of(language.name).loss
        self.objective: Objective = "class-ce" if loss == "ce" else "class-mse"
        found, chunks = label_chunks(language, train, as_published=True)
        present = [(chunks[number], int(number)) for number in np.unique(found[found >= 0])]
        self.classes = tuple(chunk for chunk, _ in sorted(present))
        self._first = int(self.objective == "class-ce")
        self._class_of = np.full(len(chunks) + 1, -1, dtype=np.int64)
        for index, (_, number) in enumerate(sorted(present)):
            self._class_of[number] = index + self._first
        # The authors pad the smaller of the two vocabularies with symbols that never occur.
        size = max(len(language.alphabet), len(self.classes))
        self.vocabulary = size + 1
        self.outputs = size + self._first

    def encode(self, strings: Strings, labels: BoolArray | None = None) -> Examples:
        """Targets are the labels as published, mistakes included."""
        real = strings.real()
        found, _ = label_chunks(self.language, strings, as_published=True)
        targets = self._class_of[found]
        if (targets[real] < 0).any():
            row = int(np.flatnonzero(((targets < 0) & real).any(axis=1))[0])
            written = self.language.decode(list(strings)[row])
            raise InputError(
                f"{self.language.name}: string {written!r} has a label that training lacks"
            )
        weights = np.ones(real.shape) if self.objective == "class-ce" else real
        return Examples(
            np.where(real, strings.tokens + 1, 0).astype(np.int64),
            np.where(real, targets, 0),
            weights.astype(np.float32),
            strings.lengths,
        )


class MaskedReadTask(Task):
    """Flip-flop: the bit after each `r` is masked in the input, and asked for there.

    Everywhere else the answer is `-`. Tokens are the authors': 0, 1, -, r, i, w (and u), classes 0,
    1, -; mean squared error over all positions.
    """

    name: TaskKind = "published"
    objective: Objective = "class-mse"
    symbols = ("0", "1", "-", "r", "i", "w", "u")
    outputs = 3

    def __init__(self, language: Language) -> None:
        self.language = language
        self.vocabulary = len(language.alphabet) + 1
        self._token = np.array([self.symbols.index(symbol) for symbol in language.alphabet])
        self._read = language.alphabet.index("r")

    def encode(self, strings: Strings, labels: BoolArray | None = None) -> Examples:
        """Position t of the target is the bit where the symbol before it is `r`, else `-`."""
        real = strings.real()
        inputs = np.where(real, self._token[strings.tokens], 2).astype(np.int64)
        asked = np.zeros_like(real)
        asked[:, 1:] = strings.tokens[:, :-1] == self._read
        asked &= real
        return Examples(
            np.where(asked, 2, inputs),
            np.where(asked, inputs, 2),
            real.astype(np.float32),
            strings.lengths,
            {READS: asked},
        )


class CleanReadTask(Task):
    """Flip-flop, the clean mode of Liu et al. 2023: after each `r`, which bit follows?

    Inputs are the strings themselves, answers included, symbol i as i; nothing but the bits after
    `r` is asked, and the loss is their cross-entropy.
    """

    name: TaskKind = "published"
    objective: Objective = "classes"
    outputs = 2

    def __init__(self, language: Language) -> None:
        self.vocabulary = len(language.alphabet)
        self._read, self._one = (language.alphabet.index(symbol) for symbol in "r1")

    def encode(self, strings: Strings, labels: BoolArray | None = None) -> Examples:
        """Position t counts where its symbol is `r` and a bit follows; the target is that bit."""
        real = strings.real()
        inputs = np.where(real, strings.tokens, 0).astype(np.int64)
        asked = np.zeros_like(real)
        asked[:, :-1] = (inputs[:, :-1] == self._read) & real[:, 1:]
        targets = np.zeros_like(inputs)
        targets[:, :-1] = asked[:, :-1] & (inputs[:, 1:] == self._one)
        return Examples(inputs, targets, asked.astype(np.float32), strings.lengths, {READS: asked})


class NextTokenTask(Task):
    """Bounded Dyck as a language model: inputs ``START x1 .. xL``, targets ``x1 .. xL END``.

    Opens are 0 .. K-1, closes K .. 2K-1, START 2K, END 2K + 1, as the authors number them.
    """

    name: TaskKind = "published"
    objective: Objective = "classes"

    def __init__(self, language: Language) -> None:
        self.language = language
        self.vocabulary = self.outputs = len(language.alphabet) + 2

    def encode(self, strings: Strings, labels: BoolArray | None = None) -> Examples:
        """Every real position counts; padding has weight 0."""
        batch, width = strings.tokens.shape
        real = np.where(strings.real(), strings.tokens, 0)
        inputs = np.zeros((batch, width + 1), dtype=np.int64)
        targets = np.zeros((batch, width + 1), dtype=np.int64)
        inputs[:, 0] = len(self.language.alphabet)
        inputs[:, 1:] = real
        targets[:, :-1] = real
        targets[np.arange(batch), strings.lengths] = len(self.language.alphabet) + 1
        return Examples(
            inputs, targets, (~strings.beyond()).astype(np.float32), strings.lengths + 1
        )
