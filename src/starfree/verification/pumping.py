"""Reading u w^n v for growing n: where does a model go wrong, and how did its margin get there?

The state is carried from one n to the next, never recomputed. All positions of u w^n are compared;
at the n of a logarithmic grid the suffixes are read too, from copies of the state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import _pytree as pytree

from starfree.verification.budget import Budget
from starfree.verification.families import Family, Word
from starfree.verification.machine import DEAD, Machine
from starfree.verification.product import Fault
from starfree.verification.reading import Reader, select

SCAN = 64  # values of n that are tried at once when a fault is narrowed down
MEASURED = 8  # the n from which a collapse is predicted


class Pump:
    """One family, read as far as it is asked, and farther when it is asked again.

    Attributes:
        reached: the largest n that was read.
        curve: ``(n, smallest signed margin of the suffixes after u w^n)``; a margin is the logit
            of a legal bit, or minus that of another, so that below 0 the model is wrong.
        fault: the first that was found.
        collapse: the n of a fault in a suffix; None without one, or where it is inside u w^n.
    """

    @torch.inference_mode()
    def __init__(
        self,
        reader: Reader,
        machine: Machine,
        family: Family,
        longest: int,
        diagonal: bool = False,
        asked: Sequence[int] | None = None,
    ) -> None:
        """Read `^ u`.

        Args:
            reader: of the model.
            machine: of the language, what is right.
            family: u, w and the suffixes.
            longest: symbols of the longest string that may be asked for.
            diagonal: every number of the state has a gate of its own, so that a collapse can be
                predicted.
            asked: the n after which suffixes are read; by default `grid`.
        """
        self.family = family
        self._diagonal = diagonal
        self._reader, self._machine = reader, machine
        most = self._rounds_within(min(longest, reader.limit or longest))
        self._asked = grid(most) if asked is None else [n for n in asked if n <= most]
        self._rounds = _Rounds(machine, family)
        self._suffixes = _Suffixes(reader, machine, family.suffixes)
        self._measured: list[Any] = []
        self.reached = 0
        self.curve: list[tuple[int, float]] = []
        self.collapse: int | None = None
        self.fault, self._state = self._start()

    @property
    def length(self) -> int:
        """Symbols of the longest u w^n that was read."""
        return len(self.family.u) + len(self.family.w) * self.reached

    @property
    def lowest(self) -> float:
        """The smallest margin of the curve; infinite where there are no suffixes."""
        return min((m for _, m in self.curve if not math.isnan(m)), default=math.inf)

    @torch.inference_mode()
    def read_to(self, longest: int, budget: Budget, until: float = math.inf) -> None:
        """Go on until a fault, the length, or the end of the budget; the state is carried.

        Args:
            longest: symbols of the longest string.
            budget: what is spent.
            until: what it shows when no further n of the grid is begun.
        """
        limit = self._rounds_within(longest)
        for n in self._asked:
            if self.fault or n > limit or budget.now() > until:
                break
            if n > self.reached:
                self._go_to(n)

    @torch.inference_mode()
    def predict(self) -> int | None:
        """The n of the grid at which a suffix should go wrong by the measured gates.

        A diagonal model that reads w again and again multiplies each number of its first layer by
        one gate a round and adds one input: h(n) = h' + g^n (h(0) - h'). The gate g is measured
        from three rounds; for deeper layers this is an approximation.

        Returns:
            None where the gates say so of no n that was asked, or were not measured.
        """
        if not self._diagonal or len(self._measured) < 3:
            return None
        for n in self._asked:
            if n > MEASURED:
                ahead = _extrapolated(self._measured, n - MEASURED)
                if self._suffixes.ask(ahead, self._rounds.place(n))[1] is not None:
                    return n
        return None

    def _rounds_within(self, longest: int) -> int:
        room = longest - len(self.family.u) - max(map(len, self.family.suffixes), default=0)
        return room // len(self.family.w)

    def _go_to(self, n: int) -> None:
        before = (self.reached, self._state)
        fault, state = self._read(self._state, self.reached, n)
        if fault:
            self.fault = fault
            return
        self.reached, self._state = n, state
        margin, wrong = self._suffixes.ask(state, self._rounds.place(n))
        self.curve.append((n, margin))
        if wrong is not None:
            self.collapse, self.fault = self._narrow(*before, n, state, wrong)
        if n in (MEASURED, MEASURED + 1, MEASURED + 2):
            self._measured.append(state)

    def _start(self) -> tuple[Fault | None, Any]:
        """Read `^ u`, compared at every position."""
        logits, state = self._reader.start(1)
        places = [self._machine.start]
        rows = [logits[:, None]]
        for letter in self.family.u:
            places.append(self._machine.successor(places[-1], letter))
        if self.family.u:
            answers, state = self._reader.read(torch.tensor([self.family.u]), state)
            rows.append(answers)
        bits = torch.cat(rows, dim=1)[0].float().numpy()
        right = self._machine.legal(np.array(places))
        asked = 0 if self._machine.asks_empty else 1
        wrong = first_wrong(bits[asked:], right[asked:])
        if wrong is None:
            return None, state
        wrong += asked
        return fault_at(bits, self._machine, places, wrong, self.family.u[:wrong]), state

    def _read(self, state: Any, done: int, n: int) -> tuple[Fault | None, Any]:
        """Go on from u w^done to u w^n."""
        w = self.family.w
        piece = max(1, 4096 // len(w))
        for low in range(done, n, piece):
            high = min(n, low + piece)
            tokens = torch.tensor(w).repeat(high - low)[None]
            logits, state = self._reader.read(tokens, state)
            bits = logits[0].float().numpy()
            places = self._rounds.places(low, high)
            numbers, rows = np.unique(places, return_inverse=True)
            legal = self._machine.legal(numbers)[rows]
            wrong = first_wrong(bits, legal)
            if wrong is not None:
                string = (*self.family.u, *(w * low), *(w * (high - low))[: wrong + 1])
                return fault_at(bits, self._machine, places, wrong, string), state
        return None, state

    def _narrow(
        self, done: int, state: Any, n: int, end: Any, wrong: tuple[Word, int]
    ) -> tuple[int, Fault]:
        """The first n after `done` with a wrong suffix, as far as a scan in steps finds it.

        Args:
            done: an n without one.
            state: after `done`.
            n: with a wrong suffix; it stands where the scan, summing in other pieces, finds none.
            end: the state after n.
            wrong: the suffix, and after which of its letters.
        """
        while n - done > 1:
            step = max(1, (n - done) // SCAN)
            while done + step < n:
                _, ahead = self._read(state, done, done + step)
                found = self._suffixes.ask(ahead, self._rounds.place(done + step))[1]
                if found is not None:
                    n, end, wrong = done + step, ahead, found
                    break
                done, state = done + step, ahead
        suffix, column = wrong
        string = (*self.family.u, *(self.family.w * n), *suffix[: column + 1])
        return n, self._suffixes.fault(end, self._rounds.place(n), suffix, column, string)


class _Rounds:
    """The configurations along u w w w ..; periodic once one comes back."""

    def __init__(self, machine: Machine, family: Family) -> None:
        self._machine, self._w = machine, family.w
        place = machine.start
        for letter in family.u:
            place = machine.successor(place, letter)
        self._starts = [place]
        self._rows: list[list[int]] = []
        self._known = {place: 0}
        self._period: tuple[int, int] | None = None  # where it begins, how long it is

    def place(self, n: int) -> int:
        """The configuration after u w^n."""
        self._extend(n + 1)
        return self._starts[self._index(n)]

    def places(self, low: int, high: int) -> NDArray[np.int64]:
        """The configurations after each letter of the rounds low .. high-1."""
        self._extend(high)
        index = [self._index(n) for n in range(low, high)]
        return np.array([self._rows[n] for n in index], dtype=np.int64).reshape(-1)

    def _index(self, n: int) -> int:
        if self._period is None or n < sum(self._period):
            return n
        begin, length = self._period
        return begin + (n - begin) % length

    def _extend(self, rounds: int) -> None:
        while self._period is None and len(self._rows) < rounds:
            place, row = self._starts[-1], []
            for letter in self._w:
                place = self._machine.successor(place, letter)
                row.append(place)
            self._rows.append(row)
            if place in self._known:
                begin = self._known[place]
                self._period = (begin, len(self._rows) - begin)
            else:
                self._known[place] = len(self._rows)
                self._starts.append(place)


class _Suffixes:
    """Words that are read after u w^n, all in one batch."""

    def __init__(self, reader: Reader, machine: Machine, words: Sequence[Word]) -> None:
        self.reader, self.machine, self.words = reader, machine, words
        self.width = max(map(len, words), default=0)
        padded = [word + (0,) * (self.width - len(word)) for word in words]
        self.tokens = torch.tensor(padded).reshape(len(words), self.width)

    def ask(self, state: Any, place: int) -> tuple[float, tuple[Word, int] | None]:
        """The smallest signed margin; the shortest suffix with a fault, and after which letter."""
        if not self.width:
            return float("nan"), None
        bits, places = self._read(state, place)
        asked = places != DEAD
        legal = self.machine.legal(places.reshape(-1)).reshape(bits.shape)
        lowest = float(np.where(legal, bits, -bits).min(axis=-1)[asked].min())
        wrong = is_wrong(bits, legal) & asked
        if not wrong.any():
            return lowest, None
        column = int(np.flatnonzero(wrong.any(axis=0))[0])
        row = int(np.flatnonzero(wrong[:, column])[0])
        return lowest, (self.words[row], column)

    def fault(self, state: Any, place: int, suffix: Word, column: int, string: Word) -> Fault:
        """The fault that `ask` found, spelled out."""
        bits, places = self._read(state, place)
        row = self.words.index(suffix)
        return fault_at(bits[row], self.machine, places[row].tolist(), column, string)

    def _read(self, state: Any, place: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        copies = select(state, torch.zeros(len(self.words), dtype=torch.int64))
        logits, _ = self.reader.read(self.tokens, copies)
        places = np.zeros((len(self.words), self.width), dtype=np.int64)
        for row, word in enumerate(self.words):
            here = place
            for column, letter in enumerate(word):
                here = self.machine.successor(here, letter)
                places[row, column] = here
        return logits.float().numpy(), places


def grid(most: int) -> list[int]:
    """1, 2, 3, 4, then steps of a quarter; the prediction's rounds; the last one is `most`."""
    values = {*range(1, MEASURED + 3), most}
    value = float(MEASURED)
    while value < most:
        values.add(round(value))
        value *= 1.25
    return sorted(n for n in values if 1 <= n <= most)


def is_wrong(bits: NDArray[np.float32], legal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows of logits ``[.., n+1]`` with a bit on the wrong side of 0; NaN is wrong everywhere."""
    rows: NDArray[np.bool_] = (((bits > 0) != legal) | np.isnan(bits)).any(axis=-1)
    return rows


def first_wrong(bits: NDArray[np.float32], legal: NDArray[np.bool_]) -> int | None:
    """The first row that is wrong."""
    rows = np.flatnonzero(is_wrong(bits, legal))
    return int(rows[0]) if len(rows) else None


def fault_at(
    bits: NDArray[np.float32], machine: Machine, places: Any, row: int, string: Word
) -> Fault:
    """The fault in one row."""
    expected = machine.legal(np.array([places[row]]))[0]
    return Fault(tuple(string), tuple(expected.tolist()), tuple((bits[row] > 0).tolist()))


def _extrapolated(states: Sequence[Any], ahead: int) -> Any:
    """Every number of the state `ahead` rounds after the first of three."""

    def moved(first: Tensor, second: Tensor, third: Tensor) -> Tensor:
        if not first.is_floating_point():
            return third
        one, two = (second - first).double(), (third - second).double()
        # a number that stands still has no gate to measure
        gate = torch.where(one.abs() > 1e-12, two / one, torch.zeros_like(one)).clamp(-1, 1)
        whole = torch.where(gate == 1, torch.full_like(one, ahead), _series(gate, ahead))
        return (first.double() + one * whole).to(first.dtype)

    return pytree.tree_map(moved, *states)


def _series(gate: Tensor, terms: int) -> Tensor:
    """1 + g + g^2 + .. with so many terms, for g other than 1."""
    return (1 - gate**terms) / torch.where(gate == 1, torch.ones_like(gate), 1 - gate)
