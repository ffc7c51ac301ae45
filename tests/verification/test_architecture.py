"""Compiled models stand in the row of the gates that they were compiled for."""

import pytest
import torch

from starfree.algebra import verdict as table
from starfree.compiler.compile import compile
from starfree.languages.catalog import language
from starfree.models.gate_range import Gates
from starfree.models.gates import measure
from starfree.models.model import build
from starfree.verification.architecture import architecture, places, verdicts_for


@pytest.mark.parametrize(
    ("name", "target", "row", "low", "high"),
    [
        ("flipflop", "mamba", table.NONNEGATIVE, 0, 1),
        ("tomita-4", "paper", table.NONNEGATIVE, 0, 1),
        ("parity", "signed", table.SIGNED, -1, 1),
        ("z-3", "rotation", table.COMPLEX, -0.5, 1),
        ("s3", "reflection", table.HOUSEHOLDER, -1, 1),
        ("dyck-1", "paper", table.TIME_INVARIANT, 1, 1),
    ],
)
def test_the_gates_of_each_target(name, target, row, low, high):
    spoken = language(name)
    found = measure(compile(spoken, target).model, len(spoken.alphabet))
    assert architecture(found) == row
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))
    assert found.complex == (target == "rotation" or name == "s3")
    answers = {v.answer for v in verdicts_for(found, spoken) if v.arithmetic == table.FIXED}
    assert answers == {"can"}


def test_the_rows_say_of_parity_what_the_table_says():
    parity = language("parity")
    said = {"mamba": "cannot", "lstm": "can", "transformer": "cannot"}
    for name, answer in said.items():
        model = build(name, 4, 3, d_model=8)
        found = [v for v in verdicts_for(measure(model, 2), parity) if v.task == "predict"]
        bounded = (table.FIXED, table.FEW_BITS)
        fixed = [v.answer for v in found if v.arithmetic in bounded and v.reading == "sign"]
        assert fixed == [answer]


def test_what_a_convolution_alone_sees():
    model = build("mamba", 4, 3, d_model=8, recurrence=False)
    gates = measure(model, 2)
    assert architecture(gates) is None
    assert [v.answer for v in verdicts_for(gates, language("tomita-4"))] == ["can"]
    assert [v.answer for v in verdicts_for(gates, language("d-2"))] == ["cannot"]


def test_unknown_gates_stand_in_no_row():
    assert places(Gates("unknown")) == ()
    assert verdicts_for(Gates("unknown"), language("d-2")) == []


def test_reals_hold_only_strictly_inside():
    def arithmetics(low, high):
        gates = Gates("diagonal", 1, low, high, input_dependent=True)
        return {place.row.arithmetic for place in places(gates)}

    assert table.REALS in arithmetics(0.1, 0.9)
    assert table.REALS not in arithmetics(0.0, 0.9)
    assert table.WRAPPED not in arithmetics(0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "options", "row"),
    [
        ("mamba", {"gates": "signed", "d_model": 8}, table.SIGNED),
        ("diagonal", {"gates": "positive"}, table.NONNEGATIVE),
        ("diagonal", {"gates": "signed"}, table.SIGNED),
        ("diagonal", {"gates": "disc"}, table.COMPLEX),
        ("diagonal", {"gates": "circle"}, table.COMPLEX),
        ("diagonal", {"gates": "disc", "input_dependent": False}, table.TIME_INVARIANT),
        ("s4d", {}, table.TIME_INVARIANT),
        ("mamba2", {}, table.NONNEGATIVE),
        ("gla", {}, table.NONNEGATIVE),
        ("delta", {}, table.DELTA_NONNEGATIVE),
        ("delta", {"eigenvalues": "signed"}, table.HOUSEHOLDER),
        ("delta", {"reflections": 2}, None),
        ("rnn", {}, table.RECURRENT),
        ("gru", {}, table.RECURRENT),
        ("lstm", {}, table.LSTM),
        ("transformer", {}, table.SOFTMAX),
        ("mlstm", {}, None),
        ("slstm", {}, None),
    ],
)
def test_every_model_of_the_registry_stands_in_its_row(name, options, row):
    torch.manual_seed(0)
    model = build(name, 4, 3, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))  # gates away from where they start
    assert architecture(measure(model, 2)) == row
