"""From a model to an automaton: Angluin's L* with batched questions (Angluin 1987).

The model is asked for its legal sets, so what is learned is a Moore machine over the prefixes of
members. Counterexamples are split by Rivest and Schapire's binary search (1993). Whether the
machine is the model's is tested on strings, never proven: a report, not a certificate.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton
from starfree.languages.language import Language
from starfree.models.reproducible import threads
from starfree.verification.machine import DEAD, Machine
from starfree.verification.product import Fault
from starfree.verification.random_strings import walk
from starfree.verification.reading import Reader, reader_of

Word = tuple[int, ...]
Output = tuple[bool, ...]

BATCH = 512
EXHAUSTIVE = 2_000  # short strings that test a hypothesis
WALKS = 200  # random ones
WALK_LENGTH = 60


@dataclass(frozen=True, eq=False)
class Extracted:
    """What a model seems to compute.

    Attributes:
        transitions: int ``[states, n]``, -1 where no member can follow.
        outputs: bool ``[states, n+1]``, the model's legal set in each state.
        difference: the shortest string after which the automaton and the language differ, or None.
        questions: strings that the model was asked for.
        tested: strings on which the last hypothesis agreed with the model.
        complete: no string told the hypothesis from the model; False: a limit came first.
        seconds: how long it took.
    """

    language: str
    alphabet: tuple[str, ...]
    transitions: NDArray[np.int32]
    outputs: NDArray[np.bool_]
    difference: Fault | None
    questions: int
    tested: int
    complete: bool
    seconds: float
    format: int = field(default=1)

    @property
    def states(self) -> int:
        """How many the automaton has."""
        return len(self.transitions)

    def automaton(self) -> Automaton:
        """It accepts where the model says that the string may end."""
        return Automaton(self.alphabet, self.transitions, 0, self.outputs[:, -1])


def extract(
    model: nn.Module, language: Language, max_states: int = 200, seed: int = 0
) -> Extracted:
    """Learn an automaton from a model of task `predict`.

    Args:
        model: with `forward`; `step` is faster.
        language: over whose prefixes it is asked, and to which the automaton is compared.
        max_states: learning stops at so many.
        seed: of the random strings that test a hypothesis.

    Raises:
        ComplexityLimit: the language has no member.
        InputError: the model has too few outputs.
    """
    with torch.inference_mode(), threads(1):
        return _Learner(model, language, max_states, seed).run()


class _Learner:
    def __init__(self, model: nn.Module, language: Language, max_states: int, seed: int) -> None:
        self.started = time.perf_counter()
        self.language, self.max_states = language, max_states
        self.letters = range(len(language.alphabet))
        self.machine = Machine(language)
        if self.machine.start == DEAD:
            raise ComplexityLimit(f"{language.name}: no string is a member, so nothing is asked")
        self.teacher = _Teacher(reader_of(model, len(language.alphabet)))
        self.generator = np.random.default_rng(seed)
        self.access: list[Word] = [()]
        self.suffixes: list[Word] = [()]

    def run(self) -> Extracted:
        complete, tested = False, 0
        while True:
            closed = self._close()
            table = self._hypothesis()
            if not closed:
                break
            wrong, tested = self._test(*table)
            if wrong is None:
                complete = True
                break
            self.suffixes.append(self._split(wrong, table[0]))
        transitions, outputs = table
        return Extracted(
            self.language.name,
            self.language.alphabet,
            transitions,
            outputs,
            self._difference(transitions, outputs),
            len(self.teacher.known),
            tested,
            complete,
            round(time.perf_counter() - self.started, 3),
        )

    def _place(self, word: Iterable[int]) -> int:
        place = self.machine.start
        for letter in word:
            place = self.machine.successor(place, letter)
        return place

    def _rows(self, words: Sequence[Word]) -> list[tuple[Output | None, ...]]:
        """What the model says after each word and each suffix; None outside the domain."""
        asked = [(*word, *suffix) for word in words for suffix in self.suffixes]
        live = [string if self._place(string) != DEAD else None for string in asked]
        answers = iter(self.teacher.ask(live))
        return [tuple(next(answers) for _ in self.suffixes) for _ in words]

    def _close(self) -> bool:
        """Until each successor of a state is a state. False: there would be too many."""
        while True:
            rows = set(self._rows(self.access))
            fresh: dict[tuple[Output | None, ...], Word] = {}
            longer = [word for word, _, _ in self._successors()]
            for word, row in zip(longer, self._rows(longer), strict=True):
                if row not in rows:
                    fresh.setdefault(row, word)
            if not fresh:
                return True
            if len(self.access) + len(fresh) > self.max_states:
                return False
            self.access += fresh.values()

    def _successors(self) -> list[tuple[Word, int, int]]:
        """Words one letter longer than a state's, with state and letter."""
        return [
            ((*word, letter), state, letter)
            for state, word in enumerate(self.access)
            for letter in self.letters
            if self._place((*word, letter)) != DEAD
        ]

    def _hypothesis(self) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        number = {row: state for state, row in enumerate(self._rows(self.access))}
        transitions = np.full((len(self.access), len(self.letters)), -1, dtype=np.int32)
        after = self._successors()
        for (_, state, letter), row in zip(
            after, self._rows([word for word, _, _ in after]), strict=True
        ):
            transitions[state, letter] = number.get(row, 0)
        outputs = np.array(self.teacher.ask(self.access), dtype=np.bool_)
        return transitions, outputs

    def _test(
        self, transitions: NDArray[np.int32], outputs: NDArray[np.bool_]
    ) -> tuple[Word | None, int]:
        """A shortest string among short and random ones on which hypothesis and model differ."""
        strings = list(dict.fromkeys([*self._short(), *self._random()]))
        answers = self.teacher.ask(strings)
        for string, answer in zip(strings, answers, strict=True):
            state = 0
            for letter in string:
                state = int(transitions[state, letter]) if state >= 0 else state
            if state < 0 or tuple(outputs[state].tolist()) != answer:
                return string, 0
        return None, len(strings)

    def _short(self) -> list[Word]:
        found: list[Word] = [()]
        for word in found:
            if len(found) >= EXHAUSTIVE or len(word) == WALK_LENGTH:
                break
            found += [
                (*word, letter) for letter in self.letters if self._place((*word, letter)) != DEAD
            ]
        return found

    def _random(self) -> list[Word]:
        walks = [walk(self.machine, (), self.generator, WALK_LENGTH) for _ in range(WALKS)]
        self.teacher.read(walks)
        prefixes = {string[:cut] for string in walks for cut in range(len(string) + 1)}
        return sorted(prefixes, key=lambda word: (len(word), word))

    def _split(self, wrong: Word, transitions: NDArray[np.int32]) -> Word:
        """The suffix that tells two words of one state apart (Rivest and Schapire)."""

        def answer(cut: int) -> Output | None:
            state = 0
            for letter in wrong[:cut]:
                state = int(transitions[state, letter])
                if state < 0:
                    return None
            string = (*self.access[state], *wrong[cut:])
            return self.teacher.ask([string if self._place(string) != DEAD else None])[0]

        low, high, first = 0, len(wrong), answer(0)
        while high - low > 1:
            middle = (low + high) // 2
            if answer(middle) == first:
                low = middle
            else:
                high = middle
        return wrong[high:]

    def _difference(
        self, transitions: NDArray[np.int32], outputs: NDArray[np.bool_]
    ) -> Fault | None:
        """By a breadth-first search over both."""
        start = (0, self.machine.start)
        words: dict[tuple[int, int], Word] = {start: ()}
        queue = [start]
        for state, place in queue:
            expected = self.machine.legal(np.array([place]))[0]
            word = words[state, place]
            if (expected != outputs[state]).any():
                return Fault(word, tuple(expected.tolist()), tuple(outputs[state].tolist()))
            if len(queue) > 100 * self.max_states:
                return None
            for letter in self.letters:
                target = self.machine.successor(place, letter)
                pair = (int(transitions[state, letter]), target)
                if target != DEAD and pair[0] >= 0 and pair not in words:
                    words[pair] = (*word, letter)
                    queue.append(pair)
        return None


class _Teacher:
    """The model, asked in batches; the answers after all prefixes are kept."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.known: dict[Word, Output] = {}

    def ask(self, strings: Sequence[Word | None]) -> list[Output | None]:
        """The legal set that the model gives after each string; None for None."""
        self.read([string for string in strings if string is not None])
        return [None if string is None else self.known[string] for string in strings]

    def read(self, strings: Sequence[Word]) -> None:
        """Ask for all prefixes of strings that are not known."""
        unknown = sorted({string for string in strings if string not in self.known}, key=len)
        for low in range(0, len(unknown), BATCH):
            part = unknown[low : low + BATCH]
            first, state = self._reader.start(len(part))
            answers = [first[:, None]]
            if part[-1]:
                padded = [word + (0,) * (len(part[-1]) - len(word)) for word in part]
                answers.append(self._reader.read(torch.tensor(padded), state)[0])
            bits = (torch.cat(answers, dim=1) > 0).tolist()
            for word, rows in zip(part, bits, strict=True):
                for length in range(len(word) + 1):
                    self.known.setdefault(word[:length], tuple(rows[length]))
