"""The precision experiment: what it expands to, and what its measurements say of known models."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from starfree.compiler.compile import compile
from starfree.errors import InputError
from starfree.experiments.builtin import load
from starfree.experiments.precision import PrecisionExperiment
from starfree.experiments.precision_measurement import BITS, FILLINGS, counts, ignored_pairs
from starfree.experiments.spec import parse_experiment
from starfree.languages.catalog import language
from starfree.models.model import build
from starfree.verification.number_formats import FixedFormat
from starfree.verification.one_unit import fixed_trace
from starfree.verification.rounded import RoundedModel, Rounding

SMALL = """
kind: precision
name: small
languages: [flipflop, anbn]
trained: [flipflop]
targets: [paper]
models: [{name: mamba, layers: 1, d_model: 8}]
seeds: [3, 4]
arithmetic: {bits: [4], counts: [1, 4]}
"""


def test_trials() -> None:
    """What is not trained runs once, first; seeds are of what is trained."""
    experiment = parse_experiment(SMALL, "small")
    trials = [trial for _, trial in experiment.trials(experiment.seeds)]
    told = [(t.made, t.language, t.model, t.seed) for t in trials]  # type: ignore[attr-defined]
    assert told == [
        ("units", "flipflop", "units", 3),
        ("compiled", "flipflop", "compiled", 3),
        ("compiled", "anbn", "compiled", 3),
        ("trained", "flipflop", "mamba", 3),
        ("trained", "flipflop", "mamba", 4),
    ]
    assert len({trial.hash for trial in trials}) == 5
    assert set(experiment.shown_models) == {
        *("one unit", "compiled, paper's form", "mamba, 1 layer"),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("languages: [flipflop, anbn]|languages: [flipflop, d-2]", "precision knows"),
        ("trained: [flipflop]|trained: [dyck-1]", "none of the languages"),
        ("seeds: [3, 4]|learning_rates: [0.1, 0.2]", "one learning rate"),
        ("bits: [4]|bits: [25]", "arithmetic.bits"),
    ],
)
def test_refused(change: str, message: str) -> None:
    old, _, new = change.partition("|")
    with pytest.raises(InputError, match=message):
        parse_experiment(SMALL.replace(old, new), "small")


def test_the_built_in_spec() -> None:
    experiment, _ = load("precision")
    assert isinstance(experiment, PrecisionExperiment)
    assert experiment.refutation.symbols == 0
    smoke, _ = load("precision", "smoke")
    assert smoke.seeds == (0,)


@torch.no_grad()
def asked_one_by_one(model: Any, form: FixedFormat, most: int) -> list[int]:
    """Answers right after 1, 2, .. ignored pairs, every string read anew from its start."""
    spoken = language("flipflop")
    encode = {symbol: token for token, symbol in enumerate(spoken.alphabet)}
    found = []
    for n in range(1, most + 1):
        right = 0
        for bit in BITS:
            for filling in FILLINGS:
                text = f"w{bit}" + "".join(f"i{filling[k % 2]}" for k in range(n)) + "r"
                tokens = [spoken.begin, *(encode[symbol] for symbol in text)]
                single = Rounding(
                    torch.tensor([form.bits]),
                    torch.tensor([form.truncate]),
                    torch.tensor([form.outputs]),
                )
                reader = RoundedModel(model, single)
                state = reader.initial_state(1)
                for token in tokens:
                    logits, state = reader.step(torch.tensor([token]), state)
                legal = torch.from_numpy(spoken.legal(tokens[1:])[-1])
                right += bool(((logits[0, : spoken.end + 1] > 0) == legal).all())
        found.append(right)
    return found


@pytest.mark.parametrize("truncate", [False, True])
def test_ignored_pairs_like_strings_read_anew(truncate: bool) -> None:
    """Also where a state came back and the answers from there on were not asked any more."""
    spoken = language("flipflop")
    model = compile(spoken, "paper").model
    with torch.no_grad():  # a leaky memory, so that formats differ
        for parameter in model.parameters():
            parameter.mul_(0.97)
    form = FixedFormat(3, truncate)
    found = ignored_pairs(model, spoken, [], [FixedFormat(9), form], 8)[form.name]
    assert found["rows"] == len(BITS) * len(FILLINGS)
    everything = asked_one_by_one(model, form, 8)
    assert found["right"] == [everything[n - 1] for n in found["n"]]


def test_a_random_model_forgets_in_every_float() -> None:
    torch.manual_seed(0)
    spoken = language("flipflop")
    model = build("mamba", spoken.end + 2, spoken.end + 1, layers=1, d_model=8)
    found = ignored_pairs(model, spoken, ["float32", "bfloat16"], [], 40)
    assert all(max(one["right"]) < one["rows"] for one in found.values())


def test_a_compiled_flipflop_is_right_for_ever() -> None:
    spoken = language("flipflop")
    forms = [FixedFormat(4, True, True), FixedFormat(4)]
    found = ignored_pairs(compile(spoken, "paper").model, spoken, ["bfloat16"], forms, 100_000)
    for one in found.values():
        assert one["settled"] == 2 or one["settled"] == 1
        assert one["n"][-1] == 100_000
        assert set(one["right"]) == {one["rows"]}


def test_counts_end_where_the_integers_of_a_format_end() -> None:
    spoken, points = language("anbn"), [256, 257]
    paper = counts(compile(spoken, "paper").model, spoken, ["bfloat16"], [], points)
    assert paper["bfloat16"]["right"] == [1, 0]
    assert paper["bfloat16"]["refused"] == 257
    mamba = counts(compile(spoken, "mamba").model, spoken, ["bfloat16"], [], points)
    assert mamba["bfloat16"]["right"] == [1, 0]
    assert mamba["bfloat16"]["refused"] is None


def test_one_unit_is_a_model_of_one_unit() -> None:
    """The trace by integers and the batched update of models, on the same gate."""
    trace = fixed_trace(Fraction(3, 4), Fraction(-1, 2), FixedFormat(6), 50)
    form = Rounding(torch.tensor([6]), torch.tensor([False]), torch.tensor([False]))
    state = torch.tensor([[-0.5]], dtype=torch.float64)
    for updates in range(1, 51):
        state = form.update(torch.tensor([[0.75]]), state, torch.zeros_like(state))
        assert state.item() == trace.at(updates)
