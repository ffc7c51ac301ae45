"""Automata from models: toys, trained-like faults, and AALpy's L* as a second implementation."""

import numpy as np
import pytest
import torch
from aalpy.base import SUL
from aalpy.learning_algs import run_Lstar
from aalpy.oracles import RandomWMethodEqOracle
from test_refutation import Blind, Leaky, Toy

from starfree.languages.catalog import language
from starfree.verification.extraction import extract


@pytest.mark.parametrize("name", ["flipflop", "d-4", "tomita-3", "parity", "abab-star", "012-02"])
@pytest.mark.parametrize("blind", [False, True])
def test_a_perfect_model_gives_the_minimal_automaton(name, blind):
    spoken, toy = language(name), Toy(language(name), 10**9)
    found = extract(Blind(toy) if blind else toy, spoken)
    assert found.complete
    assert found.difference is None
    assert found.automaton().minimise().distinguish(spoken.automaton) is None
    assert found.states <= spoken.automaton.minimise().states


def test_a_fault_shows_as_a_shortest_difference():
    spoken = language("d-3")
    found = extract(Toy(spoken, 5), spoken)
    assert found.difference is not None
    string = list(found.difference.letters)
    state = 0
    for letter in string:
        state = found.transitions[state, letter]
    assert tuple(found.outputs[state]) == found.difference.given
    assert (spoken.legal(string)[-1] == found.difference.expected).all()


def test_states_are_limited():
    found = extract(Toy(language("d-12"), 10**9), language("d-12"), max_states=5)
    assert not found.complete
    assert found.states <= 5


class Asked(SUL):
    """A model, asked letter by letter for its legal set."""

    def __init__(self, model, letters):
        super().__init__()
        self.model, self.letters = model, letters

    def pre(self):
        self.state = self.model.initial_state(1)
        self.last = self._read(self.letters + 1)

    def post(self):
        pass

    def step(self, letter):
        return self.last if letter is None else self._read(letter)

    def _read(self, token):
        logits, self.state = self.model.step(torch.tensor([token]), self.state)
        return tuple((logits[0, : self.letters + 1] > 0).tolist())


def test_it_learns_what_aalpy_learns():
    spoken = language("regex:(0|i|1(1|i|x)*0)*(1(1|i|x)*)?@0,1,i,x")

    class Total(Leaky):  # outside the domain too, where AALpy asks
        pass

    found = extract(Total(), spoken, seed=3)
    asked = Asked(Total(), 4)
    oracle = RandomWMethodEqOracle([0, 1, 2, 3], asked, walks_per_state=20, walk_len=8)
    learned = run_Lstar([0, 1, 2, 3], asked, oracle, automaton_type="moore", print_level=0)
    generator = np.random.default_rng(0)
    compared = 0
    for _ in range(300):
        learned.reset_to_initial()
        state, answer = 0, tuple(found.outputs[0].tolist())
        for letter in generator.integers(0, 4, size=12):
            state = found.transitions[state, letter] if state >= 0 else state
            answer = learned.step(int(letter))
            if state < 0:
                break
            assert tuple(found.outputs[state].tolist()) == answer
            compared += 1
    assert compared > 500
