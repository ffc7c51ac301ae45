"""Inductive proof of Dyck(K, h) for the two-layer template: depth, and a register for each depth.

The automaton has about K^h states, and the registers above the depth hold what was there before;
yet no symbol and no answer depends on more than the depth and the register at it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from starfree.algebra.bounds import stack_bits
from starfree.languages.stack import BoundedDyck
from starfree.models.textbook import Textbook, TextbookLayer, TextbookState
from starfree.verification.induction import Answers, Broken, Inputs, Proof, plain_layers, require

ROWS = 2048  # cases in one step of the model


def prove_stack(model: Textbook, language: BoundedDyck, margin: float) -> Proof:
    """The invariant, checked in every abstract case.

    A case is a depth and a legal bracket, with all register numbers -1 and again all 1: a register
    number's next value depends on its own value and on depth and bracket only (`plain_layers`), so
    these two fillings tell it for every content. For the answers the register at the depth is
    given, and each unit of the read-out that looks at another is shown to be constant whatever that
    holds.

    Raises:
        Broken: the model is not of that form, or the invariant does not hold.
    """
    return _Stack(model, language, margin).prove()


class _Stack:
    def __init__(self, model: Textbook, language: BoundedDyck, margin: float) -> None:
        self.model, self.language = model, language
        self.types, self.depth = language.types, language.depth
        self.bits = (self.types - 1).bit_length()
        self.answers = Answers(language.end + 1, margin)
        self.dtype = model.head.weight.dtype
        kinds = torch.arange(self.types)[:, None]
        self.codes = (2 * (kinds >> torch.arange(self.bits) & 1) - 1).to(self.dtype)

    def prove(self) -> Proof:
        layers = plain_layers(self.model)
        sizes = [layer.options.state for layer in layers]
        require(
            sizes == [1, self.depth * self.bits],
            f"its layers hold {sizes} numbers, the template [1, {self.depth * self.bits}]",
        )
        self._check_letters(layers)
        self._start()
        cases = [(d, kind, 1) for d in range(self.depth) for kind in range(self.types)]
        cases += [(d, kind, -1) for d in range(1, self.depth + 1) for kind in range(self.types)]
        for first in range(0, len(cases), ROWS):
            for filling in (-1.0, 1.0):
                self._step(torch.tensor(cases[first : first + ROWS]), filling, layers[1])
        bits = stack_bits(self.language)
        return Proof(
            f"number 1 is the depth d, 0..{self.depth}; for j = 1..d register j holds in "
            f"{self.bits} bits (-1, 1) the type of the j-th open bracket, and was written last "
            f"when that was opened; all other register numbers are -1 or 1. {bits.units} numbers "
            f"hold {bits.held:.2f} bits, {bits.needed:.2f} are needed",
            "all prefixes of members, of every length, whatever the registers above the depth hold",
            self.answers.cases,
            self.answers.margin,
            None,
        )

    def _check_letters(self, layers: list[TextbookLayer]) -> None:
        """The answers must follow from the state alone, so that one bracket stands for all."""
        letters = self.model.vocabulary
        require(not self.model.answers.weight[:, :letters].any(), "its answers read the letter")
        for layer in layers:
            reads = layer.rules.weight[:, :letters].ne(0).any(1)
            looks = layer.hats.weight[:, layer.options.state :][:, reads]
            require(not looks.any(), "its transform reads the letter")

    def _start(self) -> None:
        state = self.model.initial_state(1)
        require(not state.hidden[0].any(), "it does not start at depth 0")
        require(bool((state.hidden[1].abs() == 1).all()), "a register does not start as -1 or 1")
        logits, after = self.model.step(torch.tensor([self.language.begin]), state)
        same = all(map(torch.equal, after.hidden, state.hidden))
        require(same, "`^` changes its state")
        self.answers.check(logits, self._legal(torch.tensor([0]), torch.tensor([0])), "after `^`")

    def _legal(self, depths: Tensor, tops: Tensor) -> Tensor:
        """Legal sets by depth and type on top."""
        legal = torch.zeros(len(depths), self.language.end + 1, dtype=torch.bool)
        legal[:, : self.types] = (depths < self.depth)[:, None]
        legal[torch.arange(len(depths)), self.types + tops] = depths > 0
        legal[:, -1] = depths == 0
        return legal

    def _step(self, cases: Tensor, filling: float, second: TextbookLayer) -> None:
        depths, kinds, moves = cases.unbind(1)
        opens = moves > 0
        rows = torch.arange(len(cases))
        registers = torch.full((len(cases), self.depth, self.bits), filling, dtype=self.dtype)
        state = TextbookState(
            (depths[:, None].to(self.dtype), registers.flatten(1)),
            self.model.previous.expand(len(cases), -1),
        )
        tokens = torch.where(opens, kinds, self.types + kinds)
        with Inputs(second.hats) as hats:
            logits, after = self.model.step(tokens, state)
        reached = depths + moves
        expected = registers.clone()
        expected[rows[opens], reached[opens] - 1] = self.codes[kinds[opens]]
        require(
            torch.equal(after.hidden[0][:, 0], reached.to(self.dtype)), "a step of the depth fails"
        )
        wrong = (after.hidden[1] != expected.flatten(1)).any(1)
        if wrong.any():
            d, kind, move = cases[int(wrong.nonzero()[0])].tolist()
            bracket = self.language.alphabet[kind if move > 0 else self.types + kind]
            raise Broken(f"a wrong register after {bracket} at depth {d}")
        # After a closing bracket the same answers follow from the same states.
        known = opens | (reached == 0)
        tops = torch.where(opens, kinds, 0)
        self.answers.check(
            logits[known],
            self._legal(reached, tops)[known],
            f"with the registers at {filling:g}",
        )
        self._check_selection(second, hats.seen[opens, 0].double(), reached[opens])

    def _check_selection(self, second: TextbookLayer, given: Tensor, depths: Tensor) -> None:
        """Units that look at a register not at the depth are 0, or 1, whatever it holds."""
        weight, bias = second.hats.weight.double(), second.hats.bias.double()
        numbers = self.depth * self.bits
        for d in sorted(set(depths.tolist())):
            other = torch.ones(self.depth, self.bits, dtype=torch.bool)
            other[d - 1] = False
            open_ = torch.zeros(weight.shape[1], dtype=torch.bool)
            open_[:numbers] = other.flatten()
            looks = weight[:, open_].abs()
            inputs = given[depths == d]
            middle = (inputs * ~open_) @ weight.T + bias
            spread = looks.sum(1)
            fixed = (middle + spread <= 0) | (middle - spread >= 1) | (spread == 0)
            require(
                bool(fixed.all()), f"at depth {d} an answer depends on a register of another depth"
            )
