"""Measured gates, against what a nudge of the state does to the next state."""

import pytest
import torch
from torch import nn

from starfree.models.attention import Transformer, TransformerOptions
from starfree.models.gate_range import LENGTH, STRINGS
from starfree.models.gates import measure
from starfree.models.mamba import LayerState
from starfree.models.model import build
from starfree.models.recurrent import LstmState

LETTERS = 2


def random_strings():
    """As `measure` says that it draws them."""
    tokens = torch.randint(LETTERS, (STRINGS, LENGTH), generator=torch.Generator().manual_seed(0))
    tokens[:, 0] = LETTERS + 1
    return tokens


@torch.no_grad()
def nudged(model, nudge, read):
    """All gates: how much of a 1 that is added to the state is there one symbol later."""
    state, seen = model.initial_state(STRINGS), []
    for column in random_strings().unbind(1):
        _, after = model.step(column, state)
        _, other = model.step(column, nudge(state))
        seen.append(read(other) - read(after))
        state = after
    gates = torch.stack(seen)
    return gates.min().item(), gates.max().item(), bool((gates.std(0) > 1e-6).any())


def wild(model):
    """Weights large enough for gates of many sizes."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.7)
    return model.double()


@pytest.mark.parametrize("kind", ["positive", "signed"])
def test_mamba_s_gates(kind):
    torch.manual_seed(0)
    model = wild(build("mamba", 4, 3, layers=1, d_model=6, d_state=3, gates=kind))
    found = measure(model, LETTERS)
    low, high, moves = nudged(
        model,
        lambda state: (LayerState(state[0].window, state[0].hidden + 1),),
        lambda state: state[0].hidden,
    )
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))
    assert found.input_dependent is moves is True
    assert (found.low < 0) == (kind == "signed")
    assert (found.recurrence, found.layers, found.window) == ("diagonal", 1, 4)


def test_gates_of_a_time_invariant_model_do_not_move():
    torch.manual_seed(0)
    model = wild(build("mamba", 4, 3, layers=2, d_model=6))
    for layer in model.layers:
        nn.init.zeros_(layer.mixer.dt_proj.weight)
    found = measure(model, LETTERS)
    assert found.input_dependent is False
    assert found.window == 7
    bare = measure(build("mamba", 4, 3, recurrence=False, layers=2, d_model=6), LETTERS)
    assert (bare.recurrence, bare.low, bare.window) == ("none", None, 7)


def test_channels_that_nobody_reads_do_not_count():
    torch.manual_seed(0)
    model = wild(build("mamba", 4, 3, layers=1, d_model=6, d_state=1))
    mixer = model.layers[0].mixer
    with torch.no_grad():
        mixer.dt_proj.bias[0] = 900.0  # its gate is 0
        assert measure(model, LETTERS).low == 0.0
        mixer.out_proj.weight[:, 0] = 0.0
        assert measure(model, LETTERS).low > 0.0


def test_an_lstm_s_forget_gates():
    torch.manual_seed(0)
    model = wild(build("lstm", 4, 3, layers=1, d_model=5))
    found = measure(model, LETTERS)
    low, high, _ = nudged(
        model,
        lambda state: LstmState(state.hidden, state.cell + 1),
        lambda state: state.cell,
    )
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))
    assert found.recurrence == "lstm"
    assert measure(build("lstm", 4, 3, layers=3, d_model=5), LETTERS).layers == 3


@pytest.mark.parametrize(
    ("name", "options", "part"),
    [
        ("diagonal", {"gates": "positive"}, 1),
        ("diagonal", {"gates": "signed"}, 1),
        ("mamba2", {"gates": "positive"}, 1),
        ("mamba2", {"gates": "signed"}, 1),
        ("gla", {"mlp": False}, None),
    ],
)
def test_the_gates_of_layered_models(name, options, part):
    torch.manual_seed(0)
    model = wild(build(name, 4, 3, layers=1, d_model=8, **options))

    def hidden(state):
        return state[0] if part is None else state[0][part]

    def nudge(state):
        moved = hidden(state) + 1
        layer = moved if part is None else type(state[0])(*state[0][:part], moved)
        return (layer,)

    found = measure(model, LETTERS)
    low, high, moves = nudged(model, nudge, hidden)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))
    assert found.input_dependent is moves is True
    assert found.window == (1 if name == "gla" else 4)


def test_attention_has_no_gates_and_a_user_s_module_is_unknown():
    found = measure(Transformer(4, 3, TransformerOptions(position="rotary")), LETTERS)
    assert (found.recurrence, found.low, found.position) == ("attention", None, "rotary")
    found = measure(nn.Sequential(nn.Embedding(4, 3)))
    assert (found.recurrence, found.layers, found.input_dependent) == ("unknown", None, None)
