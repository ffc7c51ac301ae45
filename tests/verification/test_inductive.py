"""Inductive proofs against brute force: over all states where these are finite, over all counts."""

import copy
import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

from starfree.algebra.bounds import MANTISSAS, exact_length
from starfree.compiler.compile import compile
from starfree.languages.catalog import language
from starfree.models.mamba import LayerState
from starfree.models.textbook import CountLimit, TextbookState
from starfree.verification import stacks
from starfree.verification.certificate import Certificate, certify
from starfree.verification.induction import Broken
from starfree.verification.inductive import prove
from starfree.verification.product import search

COUNTERS = (
    *("dyck-1", "shuffle-2", "shuffle-4", "shuffle-6", "boolean-3", "boolean-5"),
    *("anbn", "anbncn", "anbncndn"),
)


def mutants(model, seed, count):
    """Copies of a model with one weight changed, zeros included."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        mutant = copy.deepcopy(model)
        parameters = [p for p in mutant.parameters() if p.numel()]
        chosen = parameters[generator.integers(len(parameters))]
        with torch.no_grad():
            flat = chosen.view(-1)
            set_ = flat.nonzero()[:, 0].tolist()
            anywhere = generator.random() < 0.2 or not set_
            place = int(generator.integers(len(flat))) if anywhere else generator.choice(set_)
            if flat[place]:
                flat[place] *= float(generator.choice([0.0, -1.0, 0.5]))
            else:
                flat[place] = float(generator.choice([1.0, -1.0]))
        yield mutant


def inductive(model, spoken, domain="prefixes"):
    """Whether an inductive proof goes through; it must be one that fits."""
    try:
        return prove(model, spoken, domain, 0.0) is not None
    except (Broken, CountLimit):
        return False


@pytest.mark.parametrize("name", ["dyck-2-2", "dyck-3-2", "dyck-2-3", "dyck-4-2"])
def test_bounded_stacks_agree_with_the_product_search(name):
    spoken = language(name)
    model = compile(spoken, "paper").model
    found = certify(model, spoken)
    assert (found.status, found.method, found.margin) == ("PROVEN_ALL_LENGTHS", "inductive", 8.0)
    assert "register j holds" in found.invariant
    whole = search(model, spoken, "prefixes", 0.0, 100_000)
    assert whole.complete
    assert whole.fault is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["dyck-8-10", "dyck-5-7", "dyck-2-100"])
def test_stacks_too_large_for_any_search_are_proven(name, dtype):
    spoken = language(name)
    found = certify(compile(spoken, "paper").model.to(dtype), spoken, margin=8.0)
    assert (found.status, found.method) == ("PROVEN_ALL_LENGTHS", "inductive")
    assert "31 numbers hold 33.46 bits, 30.19 are needed" in found.invariant or name != "dyck-8-10"


def test_cases_are_the_same_in_small_batches(monkeypatch):
    spoken = language("dyck-3-4")
    model = compile(spoken, "paper").model
    whole = certify(model, spoken)
    monkeypatch.setattr(stacks, "ROWS", 5)
    parts = certify(model, spoken)
    assert (parts.status, parts.states) == ("PROVEN_ALL_LENGTHS", whole.states)


@pytest.mark.full
def test_64_types_of_depth_50_are_proven():
    spoken = language("dyck-64-50")
    assert certify(compile(spoken, "paper").model, spoken).status == "PROVEN_ALL_LENGTHS"


@pytest.mark.parametrize("name", ["dyck-2-3", pytest.param("dyck-3-2", marks=pytest.mark.full)])
def test_no_wrong_stack_is_proven_and_all_are_caught(name):
    """The product search is complete here, so it knows which mutants are wrong."""
    spoken = language(name)
    wrong = proven = 0
    for mutant in mutants(compile(spoken, "paper").model, seed=1, count=30):
        with torch.inference_mode():
            truth = search(mutant, spoken, "prefixes", 0.0, 1_000)
        found = certify(mutant, spoken)
        proven += found.method == "inductive"
        if truth.fault:
            wrong += 1
            assert found.status == "COUNTEREXAMPLE"
            assert found.counterexample.position == len(truth.fault.letters)
        elif truth.complete:
            assert found.status == "PROVEN_ALL_LENGTHS"
    assert wrong >= 10
    assert proven >= 1  # a change that does not matter


def test_a_fault_deep_in_a_large_stack_is_caught():
    """The register of depth 7 forgets: no search by length gets there."""
    spoken = language("dyck-8-10")
    model = compile(spoken, "paper").model
    with torch.no_grad():
        model.layers[1].gate.weight[3 * 6] = 0.0
    found = certify(model, spoken)
    assert found.status == "COUNTEREXAMPLE"
    assert not found.counterexample.shortest
    assert "a wrong register" in found.covers
    word = spoken.encode(found.counterexample.string)
    legal = spoken.legal(word)[-1]
    symbols = (*spoken.alphabet, "$")
    assert found.counterexample.expected == [s for s, b in zip(symbols, legal, strict=True) if b]
    with torch.inference_mode():
        logits = model(torch.tensor([[17, *word.tolist()]]))[0, -1, :17]
    assert ((logits > 0).numpy() != legal).any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", COUNTERS)
def test_counters_are_proven_up_to_the_last_exact_integer(name, dtype):
    spoken = language(name)
    found = certify(compile(spoken, "paper").model.to(dtype), spoken)
    limit = 2 ** MANTISSAS[str(dtype).removeprefix("torch.")]
    assert (found.status, found.method, found.margin) == ("PROVEN_UP_TO", "inductive", 8.0)
    assert found.length == exact_length(spoken, limit)
    assert f"within 0..{limit:,}" in found.covers
    again = Certificate.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found


def configurations(name, largest):
    """All configurations whose count is at most the largest, and the counts before each letter."""
    if name == "anbn":
        made = [(0, n, n) for n in range(largest + 1)]
        made += [(1, r, n) for n in (1, 2, 7, largest) for r in range(1, n + 1)]
        return made, [[n if block == 0 else n - r] for block, r, n in made]
    if name == "dyck-1":
        return [(n,) for n in range(largest + 1)], [[n] for n in range(largest + 1)]
    return list(range(largest + 1)), [[n] for n in range(largest + 1)]


def right_everywhere(model, name, largest, state_of, counts_of):
    """Brute force over every count: each legal letter's new count and legal set."""
    spoken = language(name)
    before, counts = configurations(name, largest)
    number = dict(zip(before, counts, strict=True))
    with torch.inference_mode():
        logits, first = model.step(torch.tensor([spoken.begin]), model.initial_state(1))
        legal = spoken.legal([])[0]
        if not np.array_equal((logits[0, : spoken.end + 1] > 0).numpy(), legal):
            return False
        if counts_of(first).tolist() != [number[spoken.initial()]]:
            return False
        for letter in range(spoken.end):
            pairs = [(c, spoken.successor(c, letter)) for c in before]
            pairs = [(c, after) for c, after in pairs if after in number]
            if not pairs:
                continue
            held = state_of([number[c] for c, _ in pairs])
            logits, state = model.step(torch.full((len(pairs),), letter), held)
            expected = [
                [
                    *(spoken.successor(after, a) is not None for a in range(spoken.end)),
                    spoken.is_final(after),
                ]
                for _, after in pairs
            ]
            if counts_of(state).tolist() != [number[after] for _, after in pairs]:
                return False
            if not np.array_equal((logits[:, : spoken.end + 1] > 0).numpy(), np.array(expected)):
                return False
    return True


def in_paper_form(model):
    dtype, none = model.head.weight.dtype, model.previous

    def state_of(counts):
        return TextbookState((torch.tensor(counts).to(dtype),), none.expand(len(counts), -1))

    return state_of, lambda state: state.hidden[0]


def in_mamba(model, name):
    """One counter, in the last channel that is named; it starts at 0 and the count at `initial`."""
    dtype = model.head.weight.dtype
    channels = model.layers[0].mixer.A_log.shape[0]
    spoken = language(name)
    channel, start = 1 + spoken.end, int(name.startswith("boolean"))
    window = model.initial_state(1)[0].window

    def state_of(counts):
        hidden = torch.zeros(len(counts), channels, 1, dtype=dtype)
        hidden[:, channel, 0] = torch.tensor(counts)[:, 0] - start
        return (LayerState(window.expand(len(counts), -1, -1), hidden),)

    return state_of, lambda state: state[0].hidden[:, channel] + start


@pytest.mark.parametrize("name", ["dyck-1", "boolean-3", "anbn"])
@pytest.mark.parametrize("target", ["paper", "mamba"])
def test_no_wrong_counter_is_proven(name, target):
    """In bfloat16 all 257 counts can be tried, so brute force knows which mutants are wrong."""
    spoken = language(name)
    model = compile(spoken, target).model.bfloat16()
    wrong = caught = 0
    for mutant in itertools.chain([model], mutants(model, seed=2, count=30)):
        arguments = in_paper_form(mutant) if target == "paper" else in_mamba(mutant, name)
        try:
            right = right_everywhere(mutant, name, 256, *arguments)
        except CountLimit:
            right = False
        if right:
            continue
        wrong += 1
        assert not inductive(mutant, spoken)
        caught += certify(mutant, spoken, max_states=300).status == "COUNTEREXAMPLE"
    assert inductive(model, spoken)
    assert wrong >= 10
    assert caught >= 8  # others count by halves, which no answer shows at the lengths searched


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_strict_models_agree_with_the_product_search(dtype):
    spoken = language("d-2")
    model = compile(spoken, "paper", strict=True).model.to(dtype)
    found = certify(model, spoken)
    assert (found.status, found.method) == ("PROVEN_ALL_LENGTHS", "inductive")
    with torch.inference_mode():
        whole = search(model, spoken, "prefixes", 0.0, 20_000)
    assert whole.complete
    assert whole.fault is None


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *(("tomita-4", torch.float16), ("d-4", torch.bfloat16), ("flipflop", torch.bfloat16)),
        *(("flipflop", torch.float32), ("d-4", torch.float16)),
        pytest.param("tomita-4", torch.float32, marks=pytest.mark.full),
        pytest.param("d-4", torch.float32, marks=pytest.mark.full),
    ],
)
def test_strict_models_are_proven(name, dtype):
    spoken = language(name)
    found = certify(compile(spoken, "paper", strict=True).model.to(dtype), spoken)
    assert (found.status, found.method, found.margin) == ("PROVEN_ALL_LENGTHS", "inductive", 8.0)
    assert "[v, v + 1/2]" in found.invariant


def test_strict_recognisers_are_proven_on_all_strings():
    spoken = language("tomita-4")
    model = compile(spoken, "paper", task="recognise", strict=True).model.bfloat16()
    found = certify(model, spoken, domain="all")
    assert (found.status, found.domain) == ("PROVEN_ALL_LENGTHS", "all")


def test_no_wrong_strict_model_is_proven():
    spoken = language("d-2")
    model = compile(spoken, "paper", strict=True).model.bfloat16()
    wrong = 0
    for mutant in mutants(model, seed=3, count=30):
        with torch.inference_mode():
            truth = search(mutant, spoken, "prefixes", 0.0, 2_000)
        if truth.fault:
            wrong += 1
            assert not inductive(mutant, spoken)
            found = certify(mutant, spoken)
            assert found.status == "COUNTEREXAMPLE"
            assert found.counterexample.position == len(truth.fault.letters)
    assert wrong >= 10


def test_a_written_proof_has_its_fields():
    spoken = language("dyck-2-2")
    found = certify(compile(spoken, "paper").model, spoken)
    fields = {field.name for field in dataclasses.fields(Certificate)}
    assert fields == set(found.to_json())
    assert found.to_json()["covers"].startswith("all prefixes of members, of every length")
