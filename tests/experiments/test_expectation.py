"""Theory beside results: the paper's claims, and silence where there is no theorem."""

import pytest

from starfree.experiments.expectation import OPEN, expectation
from starfree.experiments.material import language_facts
from starfree.languages.catalog import language
from starfree.models.model import MODELS, check_options


@pytest.mark.parametrize(
    ("reference", "model", "answer"),
    [
        ("d-12", "mamba", "can"),
        ("flipflop", "mamba", "can"),
        ("parity", "mamba", "cannot"),
        ("aa-star", "mamba", "cannot"),
        ("tomita-5", "mamba", "cannot"),
        ("anbn", "mamba", "can"),
        ("shuffle-2", "mamba", "can"),
        ("parity", "lstm", "can"),
        ("dyck-1", "lstm", "can"),
        ("tomita-7", "transformer", "can"),
        ("parity", "transformer", "cannot"),
        ("regex:(aaa)*", "mamba", "cannot"),
        ("regex:a*b", "mamba", "can"),
    ],
)
def test_the_papers_claims(reference, model, answer):
    found = expectation(reference, "predict", model, {"position": "none"})
    assert found.answer == answer
    assert found.source
    assert found.conditions


@pytest.mark.parametrize(
    ("reference", "options", "answer"),
    [
        ("parity", {"gates": "signed"}, "can"),
        ("tomita-5", {"gates": "signed"}, "can"),
        ("regex:(aaa)*", {"gates": "signed"}, "cannot"),
        ("d-4", {"gates": "signed"}, "can"),
        ("tomita-4", {"recurrence": False}, "can"),  # the last 2 symbols decide
        ("d-2", {"recurrence": False}, "cannot"),
        ("dyck-1", {"recurrence": False}, "cannot"),
        ("regex:(a|b)*abbbb", {"recurrence": False}, "cannot"),  # 5 symbols, one layer sees 4
        ("regex:(a|b)*abbbb", {"recurrence": False, "layers": 2}, "can"),
    ],
)
def test_the_relatives_of_mamba(reference, options, answer):
    given = {"layers": 1, "d_conv": 4, "gates": "positive", "recurrence": True} | options
    found = expectation(reference, "predict", "mamba", given)
    assert found.answer == answer
    assert found.source
    assert found.conditions


def defaults(model, **options):
    return check_options(model, options).model_dump()


@pytest.mark.parametrize("model", list(MODELS))
def test_every_model_has_an_expectation(model):
    """No model can do less than see the last letter."""
    assert expectation("tomita-2", "predict", model, defaults(model)).answer == "can"


@pytest.mark.parametrize(
    ("reference", "model", "options", "answer"),
    [
        ("parity", "diagonal", {}, "cannot"),
        ("parity", "diagonal", {"gates": "signed"}, "can"),
        ("z-3", "diagonal", {"gates": "signed"}, "cannot"),
        ("z-3", "diagonal", {"gates": "disc"}, "can"),
        ("s3", "diagonal", {"gates": "disc"}, "cannot"),  # derived length 2
        ("s3", "diagonal", {"gates": "disc", "layers": 2}, "can"),
        ("z-4", "diagonal", {"gates": "signed"}, "cannot"),
        ("z-4", "mamba", {"gates": "signed", "layers": 2}, "can"),
        ("s5", "diagonal", {"gates": "disc"}, "cannot"),
        ("s5", "diagonal", {"gates": "circle"}, "cannot"),
        ("flipflop", "diagonal", {"gates": "circle"}, "open"),
        ("parity", "diagonal", {"gates": "disc", "input_dependent": False}, "cannot"),
        ("aa-star", "diagonal", {"gates": "disc", "input_dependent": False}, "can"),
        ("aa-star", "diagonal", {"gates": "signed", "input_dependent": False}, "open"),
        ("aa-star", "diagonal", {"input_dependent": False}, "cannot"),
        ("flipflop", "diagonal", {"input_dependent": False}, "open"),
        ("dyck-1", "diagonal", {"input_dependent": False}, "can"),
        ("parity", "s4d", {}, "cannot"),
        ("aa-star", "s4d", {}, "can"),
        ("parity", "mamba2", {}, "cannot"),
        ("parity", "mamba2", {"gates": "signed"}, "can"),
        ("parity", "gla", {}, "cannot"),
        ("d-4", "gla", {}, "can"),
        ("parity", "delta", {}, "cannot"),
        ("aa-star", "delta", {}, "cannot"),
        ("aa-star", "delta", {"reflections": 2}, "open"),
        ("flipflop", "delta", {}, "can"),
        ("s5", "delta", {}, "open"),
        ("s5", "delta", {"eigenvalues": "signed"}, "can"),
        ("dyck-1", "delta", {"eigenvalues": "signed"}, "open"),
        ("parity", "mlstm", {}, "cannot"),
        ("dyck-1", "mlstm", {}, "open"),
        ("flipflop", "slstm", {}, "can"),
        ("parity", "slstm", {}, "open"),
        ("s5", "gru", {}, "can"),
        ("dyck-1", "rnn", {}, "cannot"),
        ("flipflop", "hybrid", {"blocks": "attention mlp mamba"}, "can"),
        ("parity", "hybrid", {"blocks": "attention mamba"}, "open"),
        ("parity", "hybrid", {"blocks": "attention mlp attention"}, "cannot"),
        ("parity", "hybrid", {"blocks": "attention mamba(recurrence=false)"}, "open"),
        ("tomita-4", "hybrid", {"blocks": "attention mamba(recurrence=false)"}, "can"),
        ("parity", "hybrid", {"blocks": "mamba mlp mamba(recurrence=false)"}, "cannot"),
        ("parity", "hybrid", {"blocks": "mamba mlp diagonal(gates=signed)"}, "can"),
        (
            "regex:(a|b)*abbbb",
            "hybrid",
            {"blocks": "mamba(recurrence=false, d_conv=3) mamba(recurrence=false, d_conv=3)"},
            "can",
        ),
        ("regex:(a|b)*abbbb", "hybrid", {"blocks": "mamba(recurrence=false)"}, "cannot"),
    ],
)
def test_the_other_models(reference, model, options, answer):
    found = expectation(reference, "predict", model, defaults(model, **options))
    assert found.answer == answer
    assert bool(found.source) == (answer != "open")


@pytest.mark.parametrize(
    ("reference", "model", "options", "answer"),
    [
        ("d-4", "mamba", {}, "can"),
        ("parity", "mamba", {}, "cannot"),
        ("s5", "delta", {"eigenvalues": "signed"}, "can"),
        ("s3", "diagonal", {"gates": "disc"}, "cannot"),
        ("tomita-7", "transformer", {}, "open"),  # prediction alone was shown
        ("parity", "transformer", {}, "cannot"),
        ("tomita-4", "mamba", {"recurrence": False}, "open"),
        ("d-2", "mamba", {"recurrence": False}, "cannot"),
    ],
)
def test_the_state_itself(reference, model, options, answer):
    assert expectation(reference, "state", model, defaults(model, **options)).answer == answer


def test_what_no_theorem_covers_is_open():
    assert expectation("d-2", "predict", "own:build", {}) == OPEN
    assert expectation("d-2", "recognise", "mamba", {}) == OPEN
    assert expectation("dfa:gone.json", "predict", "mamba", {}) == OPEN
    assert expectation("parity", "predict", "transformer", {"position": "rotary"}).answer == "open"


@pytest.mark.parametrize(
    ("reference", "language_class", "definiteness", "nested"),
    [
        ("regex:(ab)*", "star-free", 1, True),
        ("regex:(aa)*", "not star-free", None, True),
        ("pltl:P a @a,b", "star-free", None, False),
        ("dyck-1", "counter", None, False),
        ("d-7", "star-free", None, False),
    ],
)
def test_facts_of_languages_inside_and_outside_the_catalog(
    reference, language_class, definiteness, nested
):
    facts = language_facts(language(reference))
    assert facts["language_class"] == language_class
    assert facts["definiteness"] == definiteness
    assert facts["nested"] is nested
