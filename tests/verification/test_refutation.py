"""Refutation: toys whose first fault is known, compiled models that have none."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from starfree.algebra.aperiodicity import decide
from starfree.compiler.compile import compile as compile_language
from starfree.languages.catalog import language
from starfree.languages.strings import Strings
from starfree.verification.budget import Seconds
from starfree.verification.exhaustive import all_strings
from starfree.verification.families import Family, families
from starfree.verification.machine import Machine
from starfree.verification.pumping import Pump, grid
from starfree.verification.reading import reader_of
from starfree.verification.refutation import refute


class Toy(nn.Module):
    """A perfect model of a language that loses its state after `patience` equal legal sets."""

    def __init__(self, spoken, patience):
        super().__init__()
        automaton = spoken.automaton
        self.letters = len(spoken.alphabet)
        self.register_buffer("table", torch.tensor(automaton.transitions).clamp(min=0).long())
        ends = torch.tensor(automaton.accepting)[:, None]
        legal = torch.cat([torch.tensor(automaton.transitions) >= 0, ends], dim=1)
        self.register_buffer("answers", torch.where(legal, 1.0, -1.0))
        self.begin, self.patience = automaton.start, patience

    def initial_state(self, batch):
        start = torch.full((batch,), self.begin)
        return start, torch.zeros(batch, dtype=torch.int64)

    def step(self, tokens, state):
        place, age = state
        read = tokens < self.letters
        after = torch.where(read, self.table[place, tokens.clamp(max=self.letters - 1)], place)
        age = age + read.long()
        after = torch.where(age >= self.patience, torch.full_like(after, self.begin), after)
        return self.answers[after], (after, age)


class Blind(nn.Module):
    """The same without `step`."""

    def __init__(self, toy):
        super().__init__()
        self.toy = toy

    def forward(self, tokens):
        state, rows = self.toy.initial_state(len(tokens)), []
        for column in tokens.T:
            logits, state = self.toy.step(column, state)
            rows.append(logits)
        return torch.stack(rows, dim=1)


def wrong_positions(spoken, model, string):
    """By forward alone: the positions of a string that a model gets wrong."""
    tokens = torch.tensor([[len(spoken.alphabet) + 1, *string]])
    bits = (Blind(model)(tokens)[0, :, : len(spoken.alphabet) + 1] > 0).numpy()
    return np.flatnonzero((bits != spoken.legal(list(string))).any(axis=1)).tolist()


def brute_force(spoken, model, longest):
    """Length of a shortest live prefix that the model gets wrong."""
    for length in range(longest + 1):
        for string in itertools.product(range(len(spoken.alphabet)), repeat=length):
            row = spoken.legal_batch(Strings.of([string]))[0][length]
            if row.any() and length in wrong_positions(spoken, model, string):
                return length
    return None


@pytest.mark.parametrize("name", ["d-2", "tomita-7", "parity", "abab-star"])
@pytest.mark.parametrize("patience", [2, 4])
@pytest.mark.parametrize("blind", [False, True])
def test_an_early_fault_is_found_on_a_shortest_string(name, patience, blind):
    spoken, toy = language(name), Toy(language(name), patience)
    expected = brute_force(spoken, toy, 6)
    assert expected is not None
    found = refute(Blind(toy) if blind else toy, spoken, seconds=20)
    assert found.status == "COUNTEREXAMPLE"
    assert found.counterexample is not None
    assert found.counterexample.shortest
    assert found.counterexample.position == expected
    string = spoken.encode(found.counterexample.string).tolist()
    assert len(string) in wrong_positions(spoken, toy, string)


@pytest.mark.parametrize("name", ["d-4", "parity"])
def test_a_late_fault_is_found_by_pumping(name, monkeypatch):
    monkeypatch.setattr("starfree.verification.refutation.STATES", 200)
    spoken, toy = language(name), Toy(language(name), 700)
    found = refute(toy, spoken, seconds=30, longest=3_000)
    assert found.status == "COUNTEREXAMPLE"
    wrong = found.counterexample
    assert wrong is not None
    assert 700 <= wrong.position <= 708
    assert not wrong.shortest
    assert found.searched.length < 100
    family = found.family
    assert family is not None
    spelled = family["u"] + family["w"] * family["n"] + family["v"]
    assert spelled == wrong.string
    string = spoken.encode(wrong.string).tolist()
    assert len(string) in wrong_positions(spoken, toy, string)


def test_the_flipflop_is_pumped_by_what_it_ignores():
    spoken = language("flipflop")
    found = families(Machine(spoken), None, 500)
    words = {(spoken.decode(family.u), spoken.decode(family.w)) for family in found}
    assert {("w1", "i0"), ("w1", "i1"), ("w0", "i0")} <= words
    ignoring = next(f for f in found if spoken.decode(f.u) == "w1" and spoken.decode(f.w) == "i0")
    assert "r" in {spoken.decode(word)[0] for word in ignoring.suffixes}
    for family in found:
        for n, suffix in itertools.product((1, 2, 9), family.suffixes):
            assert spoken.legal([*family.u, *family.w * n, *suffix])[-1].any()


def test_the_witness_goes_first():
    spoken = language("tomita-3")
    witness = decide(spoken.automaton).witness
    first = families(Machine(spoken), witness, 5)[0]
    assert (first.origin, first.u, first.w) == ("witness", witness.u, witness.w)


@pytest.mark.parametrize("name", ["flipflop", "d-3", "tomita-1", "012-02"])
def test_a_proven_model_is_not_refuted(name):
    compiled = compile_language(language(name), "mamba")
    found = refute(compiled.model, language(name), seconds=20)
    assert found.status == "PROVEN_ALL_LENGTHS"
    assert found.counterexample is None


def test_nothing_found_proves_short_strings_only():
    spoken = language("d-2")
    found = refute(Blind(Toy(spoken, 10**9)), spoken, seconds=4)
    assert found.status == "PROVEN_UP_TO"
    assert found.length == found.searched.length > 3
    assert found.searched.random_strings + found.searched.families > 0


def test_all_strings_ends_where_a_language_ends():
    spoken = language("regex:ab|abc")
    found = all_strings(
        reader_of(Blind(Toy(spoken, 10**9)), 3), Machine(spoken), until=float("inf")
    )
    assert (found.complete, found.states, found.length) == (True, 4, 3)


class Leaky(nn.Module):
    """Letters 0 and 1 write -1 and 1 into one number, i lets it decay; x may follow above 0."""

    def initial_state(self, batch):
        return torch.full((batch,), -1.0)

    def step(self, tokens, state):
        state = torch.where(tokens == 1, 1.0, torch.where(tokens == 0, -1.0, state))
        state = torch.where(tokens == 2, 0.97 * state - 0.004, state)
        always = torch.ones_like(state)
        return torch.stack([always, always, always, state, always], dim=1), state


def test_a_collapse_is_predicted_from_the_gates():
    spoken = language("regex:(0|i|1(1|i|x)*0)*(1(1|i|x)*)?@0,1,i,x")
    state, n = torch.ones(1), 0
    while float(state) > 0:
        _, state = Leaky().step(torch.tensor([2]), state)
        n += 1
    family = Family((1,), (2,), "loop", ((3,),))
    found = Pump(reader_of(Leaky(), 4), Machine(spoken), family, 10_000, diagonal=True)
    found.read_to(50, Seconds())
    assert found.fault is None
    assert 40 < found.length <= 50
    found.read_to(10_000, Seconds())
    assert found.fault is not None
    assert len(found.fault.letters) == 1 + n
    assert found.predict() == min(m for m in grid(9_998) if m >= n)


@pytest.mark.parametrize("symbols", [5_000, 100_000])
def test_work_in_symbols_is_the_same_every_time_and_is_kept_to(symbols):
    spoken, toy = language("d-4"), Toy(language("d-4"), 10**9)
    counted = Counted(toy)
    first = refute(counted, spoken, symbols=symbols)
    assert first.status == "PROVEN_UP_TO"
    assert 0 < counted.symbols < symbols + 20_000  # a round of the last search is finished
    again = refute(toy, spoken, symbols=symbols)
    assert again.searched == first.searched
    assert again.curve == first.curve


class Counted(nn.Module):
    """A model that counts what it is asked to read."""

    def __init__(self, model):
        super().__init__()
        self.model, self.symbols = model, 0

    def initial_state(self, batch):
        return self.model.initial_state(batch)

    def step(self, tokens, state):
        self.symbols += len(tokens)
        return self.model.step(tokens, state)


class Trap(nn.Module):
    """A perfect model that is wrong only where a string leaves u w w w .. after so many rounds.

    No two strings have the same state, so that the search through all of them does not get far.
    """

    def __init__(self, spoken, family, rounds):
        super().__init__()
        self.inner = Toy(spoken, 10**9)
        self.path = torch.tensor((*family.u, *(family.w * 100)))
        self.armed = len(family.u) + rounds * len(family.w)

    def initial_state(self, batch):
        nothing = torch.zeros(batch, dtype=torch.int64)
        return self.inner.initial_state(batch), nothing, nothing

    def step(self, tokens, state):
        inner, matched, string = state
        logits, inner = self.inner.step(tokens, inner)
        read = tokens < self.inner.letters
        follows = (matched >= 0) & (tokens == self.path[matched.clamp(0, len(self.path) - 1)])
        sprung = read & (matched >= self.armed) & ~follows
        after = torch.where(follows, matched + 1, torch.full_like(matched, -1))
        after = torch.where(read, after, matched)
        return torch.where(sprung[:, None], -logits, logits), (
            inner,
            after,
            31 * string + tokens + 1,
        )

    def advance(self, tokens, state):
        rows = []
        for column in tokens.T:
            logits, state = self.step(column, state)
            rows.append(logits)
        return torch.stack(rows, dim=1), state


@pytest.mark.parametrize("place", [0, 10, 20, 33])
def test_every_family_is_tried_within_the_work_of_a_run(place):
    """As a run searches; the last families of the list once were not reached."""
    spoken = language("flipflop")
    family = families(Machine(spoken), None, 64)[place]
    trap = Trap(spoken, family, rounds=9)
    found = refute(trap, spoken, symbols=600_000)
    assert found.status == "COUNTEREXAMPLE"
    assert found.searched.length < trap.armed, "by pumping, not among all strings"
    letters = spoken.encode(found.counterexample.string)
    assert tuple(letters)[: trap.armed] == tuple(trap.path[: trap.armed].tolist())
    assert len(letters) <= trap.armed + len(family.w) + 3, "the first round that is wrong"


def test_a_fault_stands_where_a_second_reading_does_not_find_it():
    """Sums in other pieces may fall on the other side of 0; the first reading counts."""
    spoken = language("regex:(0|i|1(1|i|x)*0)*(1(1|i|x)*)?@0,1,i,x")
    family = Family((1,), (2,), "loop", ((3,),))

    class Moody(Leaky):
        asked = 0

        def step(self, tokens, state):
            logits, state = super().step(tokens, state)
            if tokens[0] == 3 and len(tokens) == 1:
                self.asked += 1
                logits[:, 3] = -1.0 if self.asked == 12 else 1.0
            return logits, state

    found = Pump(reader_of(Moody(), 4), Machine(spoken), family, 10_000)
    found.read_to(60, Seconds())
    assert found.collapse == found.curve[-1][0]
    assert found.fault.letters == (1, *(2,) * found.collapse, 3)


class Judge(nn.Module):
    """A perfect recogniser that goes back to the start after `patience` letters."""

    def __init__(self, spoken, patience):
        super().__init__()
        table = torch.tensor(spoken.automaton.transitions).long()
        self.letters, nowhere = len(spoken.alphabet), len(table)
        self.table = torch.where(table >= 0, table, nowhere)
        self.table = torch.cat([self.table, torch.full((1, self.letters), nowhere)])
        self.ends = torch.tensor([*spoken.automaton.accepting.tolist(), False])
        self.begin, self.patience = spoken.automaton.start, patience

    def initial_state(self, batch):
        return torch.full((batch,), self.begin), torch.zeros(batch, dtype=torch.int64)

    def step(self, tokens, state):
        place, age = state
        read = tokens < self.letters
        after = torch.where(read, self.table[place, tokens.clamp(max=self.letters - 1)], place)
        age = age + read.long()
        after = torch.where(age == self.patience, torch.full_like(after, self.begin), after)
        return torch.where(self.ends[after], 1.0, -1.0)[:, None], (after, age)


@pytest.mark.parametrize("name", ["tomita-2", "d-2", "012-02"])
@pytest.mark.parametrize("patience", [3, 5, 90])
def test_a_recogniser_is_asked_about_all_strings(name, patience):
    spoken = language(name)
    judge = Judge(spoken, patience)
    expected = None
    if patience < 10:
        for length in range(1, 7):
            for string in itertools.product(range(len(spoken.alphabet)), repeat=length):
                state = judge.initial_state(1)
                for letter in (len(spoken.alphabet) + 1, *string):
                    logits, state = judge.step(torch.tensor([letter]), state)
                if bool(logits[0, 0] > 0) != spoken.accepts(list(string)) and expected is None:
                    expected = length
    found = refute(judge, spoken, symbols=150_000, task="recognise")
    assert found.domain == "all"
    assert found.status == "COUNTEREXAMPLE"
    wrong = found.counterexample
    assert ("$" in wrong.expected) == spoken.accepts(spoken.encode(wrong.string).tolist())
    assert wrong.given != wrong.expected
    if expected is not None:
        assert (wrong.shortest, wrong.position) == (True, expected)
