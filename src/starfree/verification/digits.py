"""Inductive proof of strict models: units that keep their value in digits, in [v, v + 1/2].

Such a unit's number has a tail of all its earlier values, so that a product search has too many
states. But the tail is clipped away before anybody reads it: what a unit shows depends on its
digits alone. So the invariant ties to each configuration of the language and each tuple of digits,
unit by unit, the numbers that the unit may hold there; these sets are closed under the real layers,
and on all of their members, in any combination, the layers show the same.
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from starfree.languages.language import Language
from starfree.models.textbook import Textbook, TextbookLayer
from starfree.verification.induction import Answers, Inputs, Proof, plain_layers, require
from starfree.verification.machine import DEAD, Machine
from starfree.verification.product import Domain

TAIL = 0.5
MAX_NUMBERS = 2_000_000  # in all sets together

_Node = tuple[int, tuple[int, ...]]  # configuration of the language, digits of all units


@dataclass
class _Numbers:
    """The numbers that units may hold at a node: all of them, and those not yet stepped from."""

    known: list[set[float]]
    fresh: list[set[float]]
    shown: dict[int, list[Tensor]] = field(default_factory=dict)  # by letter, layer by layer


def prove_digits(model: Textbook, language: Language, domain: Domain, margin: float) -> Proof:
    """The sets of numbers, closed, each in [v, v + 1/2] for its digit v.

    In a layer without turning gates a number's next value, and what is shown of it, depend on
    itself and on the layer's input only; that each read-out looks at one number is checked. So the
    sets are independent of each other: numbers are tried one by one and not in combinations.

    Raises:
        Broken: the model is not of that form, or the invariant does not hold.
    """
    layers = plain_layers(model)
    for layer in layers:
        _check_read_out(layer)
    return _Closure(model, layers, language, domain, margin).prove()


def _check_read_out(layer: TextbookLayer) -> None:
    """Each hat looks at one number, and each shown value at hats of one number."""
    looks = layer.hats.weight[:, : layer.options.state].ne(0)
    require(bool((looks.sum(1) <= 1).all()), "a unit looks at two numbers")
    shows = layer.mix.weight.ne(0).double() @ looks.double()
    require(bool((shows.ne(0).sum(1) <= 1).all()), "a value depends on two numbers")


class _Closure:
    def __init__(
        self,
        model: Textbook,
        layers: list[TextbookLayer],
        language: Language,
        domain: Domain,
        margin: float,
    ) -> None:
        self.model, self.layers, self.language = model, layers, language
        self.everything = domain == "all"
        self.dtype = model.head.weight.dtype
        self.machine = Machine(language)
        self.answers = Answers(language.end + 1, margin)
        self.sizes = [layer.options.state for layer in layers]
        self.nodes: dict[_Node, _Numbers] = {}
        self.queue: deque[_Node] = deque()
        self.numbers = 0

    def prove(self) -> Proof:
        hidden = [state[0].tolist() for state in self.model.initial_state(1).hidden]
        start = [[number] for layer in hidden for number in layer]
        configuration = self.machine.start
        digits, after = self._read(start, self.language.begin, configuration, None)
        self._add((configuration, digits), after)
        while self.queue:
            node = self.queue.popleft()
            numbers = self.nodes[node]
            fresh, numbers.fresh = numbers.fresh, [set() for _ in numbers.fresh]
            # Where a unit has nothing new, a number that it is known to hold stands for it.
            batch = [
                sorted(new or [min(old)]) for new, old in zip(fresh, numbers.known, strict=True)
            ]
            for letter in range(self.language.end):
                reached = int(self.machine.successors(np.array(node[:1]), letter)[0])
                if reached == DEAD and not self.everything:
                    continue
                digits, after = self._read(batch, letter, reached, numbers)
                self._add((reached, digits), after)
        return Proof(
            "every state number is in [v, v + 1/2] for the value v of its unit, whatever its tail: "
            f"{len(self.nodes):,} tuples of values and state of the language, {self.numbers:,} "
            "numbers in their sets, closed under the real layers",
            f"all {'strings' if self.everything else 'prefixes of members'}, of every length",
            self.answers.cases,
            self.answers.margin,
            None,
        )

    def _add(self, node: _Node, numbers: list[set[float]]) -> None:
        known = self.nodes.get(node)
        if known is None:
            none: list[set[float]] = [set() for _ in numbers]
            known = self.nodes[node] = _Numbers(none, [set() for _ in numbers])
        grew = False
        for all_, fresh, found in zip(known.known, known.fresh, numbers, strict=True):
            new = found - all_
            all_ |= new
            fresh |= new
            grew = grew or bool(new)
            self.numbers += len(new)
        require(self.numbers <= MAX_NUMBERS, f"more than {MAX_NUMBERS:,} numbers")
        if grew and node not in self.queue:
            self.queue.append(node)

    def _read(
        self, numbers: list[list[float]], letter: int, reached: int, node: _Numbers | None
    ) -> tuple[tuple[int, ...], list[set[float]]]:
        """Read a letter with all these numbers, one set a unit: digits and numbers after it."""
        rows = max(len(own) for own in numbers)
        columns = [(own * (rows // len(own) + 1))[:rows] for own in numbers]
        exact = torch.tensor(columns, dtype=torch.float64).T
        held = torch.split_with_sizes(exact.to(self.dtype), self.sizes, dim=1)
        state = self.model.initial_state(rows)._replace(hidden=tuple(held))
        with ExitStack() as hooks:
            shown = [hooks.enter_context(Inputs(layer.mix)) for layer in self.layers]
            logits, after = self.model.step(torch.full((rows,), letter), state)
        made = [one.made[:, 0] for one in shown]
        before = node.shown.setdefault(letter, [values[0] for values in made]) if node else None
        for place, values in enumerate(made):
            first = before[place] if before else values[0]
            require(bool((values == first).all()), "a tail shows")
        legal = torch.from_numpy(self.machine.legal(np.array([reached])))
        self.answers.check(logits, legal.expand(rows, -1), "in some case")
        found, digits = [], []
        for number in torch.cat(after.hidden, dim=1).unbind(1):
            digit = int(number.min().floor())
            inside = bool((number >= digit).all() and (number <= digit + TAIL).all())
            require(inside, "a number leaves [v, v + 1/2]")
            digits.append(digit)
            found.append(set(number.tolist()))
        return tuple(digits), found
