"""Breadth-first search over (model state, language configuration): all reachable pairs, or a fault.

Strings are visited by length, so the first fault is on a shortest string.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils import _pytree as pytree

from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.verification.budget import Budget, Seconds
from starfree.verification.canonical import key_function
from starfree.verification.machine import DEAD, Machine

Domain = Literal["prefixes", "all"]
BATCH = 1024  # states in one step of the model
KEYED = 10  # symbols that it takes as long to read as to look up a state, measured


@dataclass(frozen=True)
class Fault:
    """A string after which the model is wrong; expected and given are bits, `$` last."""

    letters: tuple[int, ...]
    expected: tuple[bool, ...]
    given: tuple[bool, ...]


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        states: pairs visited.
        complete: all reachable pairs were visited and compared.
        length: all strings up to this length were compared.
        margin: the smallest absolute logit that was seen.
        fault: on a shortest string, or None.
    """

    states: int
    complete: bool
    length: int
    margin: float
    fault: Fault | None


@torch.inference_mode()
def search(
    model: nn.Module,
    language: Language,
    domain: Domain,
    margin: float,
    max_states: int,
    until: float = math.inf,
    budget: Budget | None = None,
    machine: Machine | None = None,
) -> Found:
    """Compare the model with the language on every string of the domain.

    Args:
        language: the other factor of the product.
        domain: ``prefixes`` of members, or ``all`` strings.
        model: has `initial_state` and `step`; reads `^` first.
        margin: a bit counts as given only where absolute logit is at least this.
        max_states: stop after this many pairs.
        until: stop when the budget shows this.
        budget: what is spent; by default time.
        machine: what is asked of each string; by default the legal set.
    """
    return _Search(
        model, machine or Machine(language), domain, margin, max_states, until, budget or Seconds()
    ).run()


@torch.inference_mode()
def search_faults(
    model: nn.Module, language: Language, domain: Domain, max_states: int, wanted: int
) -> tuple[Found, list[Fault]]:
    """As `search` under the sign reading, but it goes on until it has so many faults.

    Returns:
        what was found, and up to `wanted` faults: the first is on a shortest string, each other on
        a shortest string to its pair, in the order of their lengths.
    """
    run = _Search(model, Machine(language), domain, 0.0, max_states, math.inf, Seconds(), wanted)
    return run.run(), run.faults


@dataclass
class _Layer:
    """All new pairs of one length, and from which pair of the layer before by which letter."""

    state: Any
    configurations: NDArray[np.int64]
    parents: NDArray[np.int64]
    letters: NDArray[np.int64]


class _Search:
    def __init__(
        self,
        model: nn.Module,
        machine: Machine,
        domain: Domain,
        margin: float,
        max_states: int,
        until: float,
        budget: Budget,
        wanted: int = 1,
    ) -> None:
        self.wanted = wanted
        self.faults: list[Fault] = []
        self.until, self.budget = until, budget
        self.model: Any = model
        self.machine = machine
        self.letters = len(machine.language.alphabet)
        self.everything = domain == "all"
        self.wanted_margin = margin
        self.max_states = max_states
        self.keys = key_function(model)
        self.seen: set[bytes] = set()
        self.margin = float("inf")
        self.layers: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def run(self) -> Found:
        nowhere = np.zeros(1, dtype=np.int64)
        layer = _Layer(
            self.model.initial_state(1), np.array([self.machine.start]), nowhere, nowhere
        )
        if self.machine.start == DEAD and not self.everything:
            return Found(0, True, 0, self.margin, None)  # no member has any prefix
        layer = self._read(layer, nowhere, self.letters + 1, layer.configurations)
        if not self.machine.asks_empty:
            self.faults.clear()
        while len(self.faults) < self.wanted and len(layer.parents):
            self.layers.append((layer.parents, layer.letters))
            length = len(self.layers) - 1
            parts = []
            for letter in range(self.letters):
                after = self.machine.successors(layer.configurations, letter)
                rows = np.arange(len(after)) if self.everything else np.flatnonzero(after != DEAD)
                for chunk in np.array_split(rows, max(1, -(-len(rows) // BATCH))):
                    if len(chunk) == 0:
                        continue
                    parts.append(self._read(layer, chunk, letter, after[chunk]))
                    if len(self.seen) > self.max_states or self.budget.now() > self.until:
                        return self._found(False, length)
            if len(self.faults) < self.wanted:
                layer = _joined(parts) if parts else _empty(layer)
        return self._found(not self.faults, len(self.layers) - 1)

    def _found(self, complete: bool, length: int) -> Found:
        # Of two shortest strings either will do.
        fault = self.faults[0] if self.faults else None
        return Found(len(self.seen), complete, length, self.margin, fault)

    def _read(
        self, layer: _Layer, rows: NDArray[np.int64], token: int, after: NDArray[np.int64]
    ) -> _Layer:
        """Read one token in some states: the pairs that are new; faults are kept."""
        picked = torch.from_numpy(rows)
        state = pytree.tree_map(lambda leaf: leaf[picked], layer.state)
        logits, state = self.model.step(torch.full((len(rows),), token), state)
        self.budget.charge(KEYED * len(rows))
        if logits.shape[1] < self.machine.bits:
            raise InputError(
                f"the model has {logits.shape[1]} outputs; {self.machine.bits} are needed, one for "
                "each symbol and `$`"
            )
        bits = logits[:, : self.machine.bits].float().numpy()
        given, expected = bits > 0, self.machine.legal(after)
        sizes = np.abs(bits)
        right = (given == expected) & (sizes >= self.wanted_margin)  # NaN is never right
        wrong = np.flatnonzero(~right.all(axis=1))
        self.margin = min(self.margin, float(sizes.min()))
        new = self._new(state, after)
        # The first fault counts wherever it is, a further one only if its pair is new.
        fresh = np.intersect1d(wrong, new)
        for place in fresh if self.faults or len(fresh) else wrong[:1]:
            if len(self.faults) < self.wanted:
                string = self._string(int(rows[place])) + ((token,) if token < self.letters else ())
                bits = tuple(expected[place].tolist()), tuple(given[place].tolist())
                self.faults.append(Fault(string, *bits))
        chosen = torch.from_numpy(new)
        return _Layer(
            pytree.tree_map(lambda leaf: leaf[chosen], state),
            after[new],
            rows[new],
            np.full(len(new), token),
        )

    def _new(self, state: Any, configurations: NDArray[np.int64]) -> NDArray[np.int64]:
        own = configurations[:, None].view(np.uint8)
        keys = np.ascontiguousarray(np.concatenate([own, self.keys(state)], axis=1))
        new = []
        for place, key in enumerate(keys):
            text = key.tobytes()
            if text not in self.seen:
                self.seen.add(text)
                new.append(place)
        return np.array(new, dtype=np.int64)

    def _string(self, place: int) -> tuple[int, ...]:
        """The letters that led to a pair of the newest layer."""
        letters = []
        for parents, own in reversed(self.layers[1:]):
            letters.append(int(own[place]))
            place = int(parents[place])
        return tuple(reversed(letters))


def _joined(parts: list[_Layer]) -> _Layer:
    state = pytree.tree_map(lambda *leaves: torch.cat(leaves), *(part.state for part in parts))
    columns = [(part.configurations, part.parents, part.letters) for part in parts]
    return _Layer(state, *(np.concatenate(column) for column in zip(*columns, strict=True)))


def _empty(layer: _Layer) -> _Layer:
    none = np.zeros(0, dtype=np.int64)
    return _Layer(layer.state, none, none, none)
