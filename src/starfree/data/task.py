"""Tasks: what a model reads, what it should answer, and which answers count. Numpy only.

A task is data. It turns strings into inputs, targets and weights and names the objective; training
and evaluation have one loop for all of them.

    predict     the legal set after every prefix, the empty one and the end of string included
    recognise   member or not, asked once, after the last symbol
    state       the automaton's state (or group element) after every prefix
    published   the authors' own task (`published_task.py`)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import BoolArray, Strings

TaskKind = Literal["predict", "recognise", "state", "published"]
Objective = Literal["bits", "classes", "class-mse", "class-ce"]


@dataclass(frozen=True, eq=False)
class Examples:
    """A batch as a model sees it.

    Attributes:
        inputs: int64 ``[B, T]``, padded on the right with 0.
        targets: bool ``[B, T, outputs]`` for objective `bits`, else int64 ``[B, T]`` class ids.
        weights: float32 ``[B, T]``: 1 where the answer counts, else 0.
        lengths: int32 ``[B]``: inputs of each row that are not padding.
        slices: answers of a kind to be counted on their own, bool ``[B, T]`` by name.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.bool_] | NDArray[np.int64]
    weights: NDArray[np.float32]
    lengths: NDArray[np.int32]
    slices: Mapping[str, BoolArray] = field(default_factory=dict)


class Task(ABC):
    """What is asked of a model about a language.

    Attributes:
        name: the kind of task.
        vocabulary: input tokens are 0 .. vocabulary-1.
        outputs: numbers that a model gives at each position.
        objective: `bits` (one logit a legal bit, threshold 0), `classes` (cross-entropy over the
            positions of weight 1), or the published `class-mse` and `class-ce`.
    """

    name: TaskKind
    vocabulary: int
    outputs: int
    objective: Objective

    @abstractmethod
    def encode(self, strings: Strings, labels: BoolArray | None = None) -> Examples:
        """Inputs, targets and weights of a batch.

        Args:
            strings: any strings over the alphabet.
            labels: task `recognise` only: membership, bool ``[B]``, when it is known already.
        """


class _LanguageTask(Task):
    """Reads `^ x1 .. xL`: symbol i is token i, `$` is n, `^` is n + 1."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.vocabulary = len(language.alphabet) + 2

    def _read(self, strings: Strings) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        batch, width = strings.tokens.shape
        inputs = np.zeros((batch, width + 1), dtype=np.int64)
        inputs[:, 0] = self.language.begin
        np.copyto(inputs[:, 1:], strings.tokens, where=strings.real())
        return inputs, strings.lengths + np.int32(1)


class PredictTask(_LanguageTask):
    """The legal set after every prefix: n + 1 bits at each of the L + 1 positions."""

    name: TaskKind = "predict"
    objective: Objective = "bits"

    def __init__(self, language: Language, end: bool = True) -> None:
        """Without `end` the last bit, whether the string may end, is not asked."""
        super().__init__(language)
        self.outputs = len(language.alphabet) + end

    def encode(self, strings: Strings, labels: BoolArray | None = None) -> Examples:
        """Targets are the rows of `Language.legal_batch`."""
        inputs, lengths = self._read(strings)
        legal = self.language.legal_batch(strings)[:, :, : self.outputs]
        return Examples(inputs, legal, _real(inputs, lengths), lengths)


class RecogniseTask(_LanguageTask):
    """Member or not: one bit, asked after the last symbol."""

    name: TaskKind = "recognise"
    objective: Objective = "bits"
    outputs = 1

    def encode(self, strings: Strings, labels: BoolArray | None = None) -> Examples:
        """Targets and weights are set at the last position of each string only."""
        inputs, lengths = self._read(strings)
        member = self.language.accepts_batch(strings) if labels is None else labels
        rows = np.arange(len(strings))
        targets = np.zeros((*inputs.shape, 1), dtype=np.bool_)
        targets[rows, lengths - 1, 0] = member
        weights = np.zeros(inputs.shape, dtype=np.float32)
        weights[rows, lengths - 1] = 1
        return Examples(inputs, targets, weights, lengths)


class StateTask(_LanguageTask):
    """The state of the minimal automaton after every prefix, as a class."""

    name: TaskKind = "state"
    objective: Objective = "classes"

    def __init__(self, language: Language) -> None:
        super().__init__(language)
        if language.automaton is None:
            raise InputError(
                f"{language.name}: no finite automaton; task `state` needs a regular language "
                "(`starfree languages` lists them)"
            )
        self.outputs = len(language.automaton.accepting)

    def encode(self, strings: Strings, labels: BoolArray | None = None) -> Examples:
        """Positions after an illegal symbol have no state and weight 0."""
        inputs, lengths = self._read(strings)
        states = self.language.state_batch(strings).astype(np.int64)
        weights = _real(inputs, lengths) * (states >= 0)
        return Examples(inputs, np.maximum(states, 0), weights.astype(np.float32), lengths)


def _real(inputs: NDArray[np.int64], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
    """1 on real positions, 0 on padding."""
    return (np.arange(inputs.shape[1]) < lengths[:, None]).astype(np.float32)
