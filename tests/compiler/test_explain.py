"""Explanations are checked against the weights and against the model as it runs."""

import numpy as np
import pytest
import torch

from starfree.compiler.compile import compile
from starfree.compiler.explain import explain
from starfree.data.sampling import sample
from starfree.languages.catalog import language


@pytest.mark.parametrize("name", ["d-2", "flipflop", "dyck-2-2"])
def test_names_tell_what_the_residual_stream_holds(name):
    """After the last layer exactly the named values, and the named answers, are one."""
    spoken = language(name)
    made = compile(spoken, precision="exact")
    stream = explain(made, spoken).data["stream"]
    streams = []
    made.model.norm_f.register_forward_pre_hook(lambda _, inputs: streams.append(inputs[0][0]))
    strings = sample(spoken, 12, 16, 3, seed=0)
    for row, length in zip(strings.tokens, strings.lengths, strict=True):
        tokens = row[:length].tolist()
        with torch.inference_mode():
            made.model(torch.tensor([[len(spoken.alphabet) + 1, *tokens]]))
        legal = spoken.legal(tokens)
        before = made.circuit.initial
        for place, (state, _) in enumerate(made.circuit.run(tokens)):
            on = {stream[i] for i in streams[-1][place].nonzero()[:, 0].tolist()} - {"constant"}
            letter = "^" if place == 0 else spoken.alphabet[tokens[place - 1]]
            right = {f"letter={letter}"}
            right |= {
                f"{unit.name}.{when}={unit.labels[value]}"
                for when, values in (("after", state), ("before", before))
                for unit, value in zip(made.circuit.units, values, strict=True)
                if any(direction.startswith(f"{unit.name}.{when}=") for direction in stream)
            }
            right |= {
                f"answer {symbol}={'yes' if bit else 'no'}"
                for symbol, bit in zip([*spoken.alphabet, "$"], legal[place], strict=True)
            }
            assert on == right
            before = state


def test_channels_are_the_weights():
    spoken = language("flipflop")
    made = compile(spoken)
    for block, layer in zip(made.model.layers, explain(made, spoken).data["layers"], strict=True):
        mixer = block.mixer
        written = np.flatnonzero(mixer.out_proj.weight.detach().ne(0).any(0))
        assert len(layer) > max(written)
        for place, channel in enumerate(layer[1:], start=1):
            weights = mixer.out_proj.weight[:, place]
            assert (weights[channel["raises"]] > 0).all()
            assert (weights[channel["lowers"]] < 0).all()
            assert weights.ne(0).sum() == len(channel["raises"]) + len(channel["lowers"])
            assert mixer.in_proj.weight[place, channel["reads"]].ne(0).all()
            assert channel["name"].startswith("delayed ") == (channel["symbols_ago"] == 1)


@pytest.mark.parametrize(
    ("name", "target"), [("d-3", "mamba"), ("tomita-5", "signed"), ("s3", "rotation")]
)
def test_values_tell_the_states(name, target):
    """The states that a value leaves possible, against strings that are run."""
    spoken = language(name)
    made = compile(spoken, target)
    data = explain(made, spoken).data
    seen = {}
    strings = sample(spoken, 30, 60, 20, seed=0)
    for row, length in zip(strings.tokens, strings.lengths, strict=True):
        tokens = row[:length].tolist()
        state = spoken.automaton.start
        for place, (values, _) in enumerate(made.circuit.run(tokens)):
            state = int(spoken.automaton.transitions[state, tokens[place - 1]]) if place else state
            for unit, value in zip(data["units"], values, strict=True):
                seen.setdefault((unit["name"], value), set()).add(state)
    for unit in data["units"]:
        for number, value in enumerate(unit["values"]):
            assert set(value["states"]) == seen[unit["name"], number]
    for state in data["states"]:
        reached = spoken.encode(state["reached_by"])
        legal = spoken.legal(reached)[-1]
        symbols = [*spoken.alphabet, "$"]
        assert state["legal"] == [s for s, bit in zip(symbols, legal, strict=True) if bit]


def test_small_languages_are_explained():
    for name in ("regex:~(.*)@a", "regex:()@a", "regex:a*"):
        spoken = language(name)
        for target in ("mamba", "paper"):
            assert "letter=a" in explain(compile(spoken, target), spoken).text()


def test_a_language_without_an_automaton_is_explained():
    spoken = language("dyck-1")
    assert "depth1, a counter in layer 1" in explain(compile(spoken, "paper"), spoken).text()


def test_units_of_a_formula_are_its_operators():
    spoken = language("pltl:Y (!a S b) @a,b")
    told = explain(compile(spoken, route="formula"), spoken).text()
    assert "since1, a reset in layer 1: (!a S b)" in told
    assert "read before a letter: Y (!a S b)" in told
    assert "(!a S b)" not in explain(compile(spoken), spoken).text()
