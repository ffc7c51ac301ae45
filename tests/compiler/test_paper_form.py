"""The paper's form: bounded stacks, counters and strict models, as modules."""

import itertools

import numpy as np
import pytest
import torch

from starfree.compiler.compile import compile
from starfree.compiler.folder import open_folder, save
from starfree.data.sampling import sample
from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.verification.certificate import certify

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
COUNTERS = (
    *("dyck-1", "shuffle-2", "shuffle-4", "shuffle-6", "boolean-3", "boolean-5"),
    *("anbn", "anbncn", "anbncndn"),
)
STRICT = ("tomita-4", "d-2", "d-4", "flipflop")


def assert_predicts(model, spoken, words):
    """Legal sets and exact logits, after every prefix."""
    read = torch.tensor([[spoken.begin, *map(int, word)] for word in words])
    with torch.inference_mode():
        logits = model(read).float()
    assert set(logits.unique().tolist()) == {-8.0, 8.0}
    assert not (logits[:, :, spoken.begin] > 0).any()
    for word, row in zip(words, logits[:, :, : spoken.end + 1] > 0, strict=True):
        assert np.array_equal(row.numpy(), spoken.legal(word))


@pytest.mark.parametrize("name", ["dyck-2-2", "dyck-3-4", "dyck-5-3", "dyck-8-10", "dyck-64-50"])
def test_bounded_stacks_have_two_layers_without_convolution(name):
    spoken = language(name)
    model = compile(spoken, "paper").model
    bits = int(np.ceil(np.log2(spoken.types)))
    sizes = [len(state[0]) for state in model.initial_state(1).hidden]
    assert sizes == [1, spoken.depth * bits]
    assert not model.options.delay
    assert model.initial_state(1).previous.numel() == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "length"),
    [
        *(("dyck-8-10", 1400), ("dyck-3-5", 1400), ("dyck-1-4", 300), ("dyck-64-50", 150)),
        pytest.param("dyck-8-10", 20_000, marks=pytest.mark.full),
        pytest.param("dyck-64-50", 20_000, marks=pytest.mark.full),
    ],
)
def test_bounded_stacks_are_exact_on_random_members(name, length, dtype):
    spoken = language(name)
    model = compile(spoken, "paper").model.to(dtype)
    words = spoken.draw(length, 2, np.random.default_rng(length))
    assert_predicts(model, spoken, words)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", COUNTERS)
def test_counters_take_one_layer_with_gates_of_one(name, dtype):
    spoken = language(name)
    model = compile(spoken, "paper").model.to(dtype)
    (layer,) = model.layers
    assert not layer.gate.weight.any()
    assert (layer.gate.bias == 1).all()
    for low, high in ((1, 20), (50, 70), (110, 120)):
        strings = sample(spoken, low, high, 3, seed=1)
        for row, size in zip(strings.tokens, strings.lengths, strict=True):
            assert_predicts(model, spoken, [row[:size]])


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "length"), [("dyck-1", 1_000_000), ("anbncn", 1_000_000 // 3 * 3)]
)
def test_counters_are_right_on_a_million_symbols(name, length):
    spoken = language(name)
    words = (
        spoken.draw(length, 1, np.random.default_rng(0))
        if name == "anbncn"
        else [[0] * (length // 2) + [1] * (length // 2)]
    )
    assert_predicts(compile(spoken, "paper").model, spoken, words)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", STRICT)
def test_strict_models_have_no_convolution_and_one_number_a_level(name, dtype):
    spoken = language(name)
    made = compile(spoken, "paper", strict=True)
    model = made.model.to(dtype)
    assert not model.options.delay
    assert all(len(state[0]) == 1 for state in model.initial_state(1).hidden)
    assert len(model.layers) == len(made.circuit.levels)
    by_length = [
        [word for word in itertools.product(range(spoken.end), repeat=size) if spoken.accepts(word)]
        for size in range(1, 7 if spoken.end < 4 else 5)
    ]
    for words in filter(None, by_length):
        assert_predicts(model, spoken, words)
    strings = sample(spoken, 400, 600, 2, seed=0)
    for row, size in zip(strings.tokens, strings.lengths, strict=True):
        assert_predicts(model, spoken, [row[:size]])


def test_strict_remembers_the_value_before_through_long_ignore_runs():
    spoken = language("flipflop")
    model = compile(spoken, "paper", strict=True).model
    word = spoken.encode("w1" + "i0" * 2000 + "r1" + "w0" + "i1" * 500 + "r0")
    assert_predicts(model, spoken, [word])


def test_strict_is_of_the_paper_s_form():
    with pytest.raises(InputError, match="strict is a form of the target paper, not of mamba"):
        compile(language("d-2"), "mamba", strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "strict"),
    [("dyck-3-4", False), ("shuffle-2", False), ("tomita-4", False), ("tomita-4", True)],
)
def test_forward_is_step_bit_for_bit_and_survives_a_folder(name, strict, dtype, tmp_path):
    spoken = language(name)
    made = compile(spoken, "paper", strict=strict)
    made.model.to(dtype)
    save(made, tmp_path, certify(made.model, spoken))
    opened = open_folder(tmp_path).model
    (length,) = [size for size in range(60, 80) if spoken.count(size)][:1]
    words = spoken.draw(length, 5, np.random.default_rng(3))
    read = torch.tensor([[spoken.begin, *word] for word in words.tolist()])
    with torch.inference_mode():
        whole, again = made.model(read), opened(read)
        state, logits = made.model.initial_state(5), []
        for column in read.T:
            answer, state = made.model.step(column, state)
            logits.append(answer)
        _, last = made.model.advance(read, made.model.initial_state(5))
    assert whole.dtype == again.dtype == dtype
    assert torch.equal(torch.stack(logits, dim=1), whole)
    assert torch.equal(again, whole)
    assert all(map(torch.equal, (*last.hidden, last.previous), (*state.hidden, state.previous)))
