"""One suite that every registered model passes: what the house asks of a sequence model."""

import copy

import pytest
import torch
from safetensors.torch import load, save
from torch.nn import functional as F

from starfree.models.model import MODELS, RecurrentModel, StreamingModel, build

VOCABULARY, OUTPUTS = 5, 3

VARIANTS = [
    ("mamba", {"layers": 2, "d_model": 16}),
    ("mamba", {"layers": 1, "d_model": 8, "d_state": 3, "d_conv": 1, "expand": 1}),
    ("mamba", {"layers": 1, "d_model": 20, "norm": "layer", "head_bias": True, "dt_rank": 5}),
    ("mamba", {"layers": 2, "d_model": 16, "gates": "signed"}),
    ("mamba", {"layers": 2, "d_model": 16, "recurrence": False}),
    ("transformer", {"layers": 2, "d_model": 16, "position": "none"}),
    ("transformer", {"layers": 1, "d_model": 16, "position": "sinusoidal"}),
    ("transformer", {"layers": 1, "d_model": 16, "position": "learned"}),
    ("transformer", {"layers": 1, "d_model": 16, "heads": 2, "position": "rotary"}),
    ("lstm", {"layers": 2, "d_model": 16}),
    ("gru", {"layers": 2, "d_model": 16}),
    ("rnn", {"layers": 2, "d_model": 16}),
    ("diagonal", {"layers": 2, "d_model": 8, "gates": "positive"}),
    ("diagonal", {"layers": 1, "d_model": 8, "gates": "signed", "d_conv": 1}),
    ("diagonal", {"layers": 2, "d_model": 8, "gates": "disc", "mlp": True}),
    ("diagonal", {"layers": 1, "d_model": 8, "gates": "circle", "start": "flip"}),
    ("diagonal", {"layers": 1, "d_model": 8, "gates": "positive", "input_dependent": False}),
    ("diagonal", {"layers": 1, "d_model": 8, "gates": "disc", "input_dependent": False}),
    ("s4d", {"layers": 2, "d_model": 8, "d_state": 4}),
    ("mamba2", {"layers": 2, "d_model": 8, "d_state": 3}),
    ("mamba2", {"layers": 1, "d_model": 8, "gates": "signed"}),
    ("gla", {"layers": 2, "d_model": 16}),
    ("delta", {"layers": 2, "d_model": 16}),
    ("delta", {"layers": 1, "d_model": 8, "heads": 2, "eigenvalues": "signed", "reflections": 3}),
    ("delta", {"layers": 1, "d_model": 8, "heads": 1, "d_conv": 1, "mlp": False}),
    ("mlstm", {"layers": 2, "d_model": 8}),
    ("slstm", {"layers": 2, "d_model": 8}),
    ("hard_gated", {"layers": 3, "units": 4}),
    ("hybrid", {"blocks": "mamba attention(position=rotary) mlp mamba(gates=signed)"}),
    ("hybrid", {"blocks": "attention(heads=2) delta s4d", "d_model": 16}),
]
STATELESS = [options for _, options in VARIANTS if options.get("recurrence") is False]
IDS = ["-".join(map(str, [name, *options.values()])) for name, options in VARIANTS]
every_model = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)


def make(name, options):
    torch.manual_seed(0)
    return build(name, VOCABULARY, OUTPUTS, **options)


def draw(batch, length, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, VOCABULARY, (batch, length), generator=generator)


def agree(one, other, tolerance=1e-5):
    torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def test_every_registered_model_is_held_to_this_suite():
    assert {name for name, _ in VARIANTS} == set(MODELS)


@every_model
def test_gives_a_row_of_logits_for_each_token(name, options):
    logits = make(name, options)(draw(4, 9))
    assert logits.shape == (4, 9, OUTPUTS)
    assert logits.dtype == torch.float32


@every_model
def test_gives_no_row_for_no_token(name, options):
    model = make(name, options)
    assert model(draw(4, 0)).shape == (4, 0, OUTPUTS)
    if isinstance(model, StreamingModel):
        state = model.initial_state(4)
        logits, after = model.advance(draw(4, 0), state)
        assert logits.shape == (4, 0, OUTPUTS)
        agree(model.advance(draw(4, 5), after)[0], model.advance(draw(4, 5), state)[0])


@every_model
def test_is_causal(name, options):
    model, tokens = make(name, options), draw(3, 12)
    logits = model(tokens)
    for position in range(tokens.shape[1]):
        changed = tokens.clone()
        changed[:, position:] = (changed[:, position:] + 1) % VOCABULARY
        other = model(changed)
        agree(other[:, :position], logits[:, :position])
        assert not torch.allclose(other[:, position], logits[:, position])


@every_model
def test_padding_on_the_right_changes_nothing(name, options):
    model, tokens = make(name, options), draw(3, 11)
    agree(model(F.pad(tokens, (0, 30)))[:, :11], model(tokens))


@every_model
def test_a_string_does_not_see_its_batch(name, options):
    model, tokens = make(name, options), draw(7, 13)
    agree(torch.cat([model(row[None]) for row in tokens]), model(tokens))


@every_model
def test_remembers_what_no_convolution_sees_any_more(name, options):
    first, second = torch.tensor([[0] + [2] * 20]), torch.tensor([[1] + [2] * 20])
    model = make(name, options).double()
    same = torch.equal(model(first)[:, -1], model(second)[:, -1])
    assert same == (options in STATELESS)


@every_model
def test_bfloat16_is_near(name, options):
    model, tokens = make(name, options), draw(2, 40)
    rounded = copy.deepcopy(model).bfloat16()
    with torch.no_grad():
        logits = rounded(tokens)
        assert logits.dtype == torch.bfloat16
        agree(logits.float(), model(tokens), tolerance=0.1)


@every_model
def test_float64_works_and_agrees(name, options):
    model, tokens = make(name, options), draw(2, 40)
    exact = copy.deepcopy(model).double()(tokens)
    assert exact.dtype == torch.float64
    agree(model(tokens).double(), exact, tolerance=1e-5)


@every_model
def test_gradient_reaches_every_parameter(name, options):
    model = make(name, options).double()
    model(torch.arange(VOCABULARY).repeat(2, 3)).square().sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@every_model
def test_gradient_is_the_derivative_of_forward(name, options):
    model, tokens = make(name, options).double(), draw(2, 10)
    names, parameters = zip(*model.named_parameters(), strict=True)
    direction = [torch.randn_like(parameter) for parameter in parameters]
    if name == "hard_gated":  # straight-through gradients are, by design, of another function
        direction = [
            0 * d if parameter_name.startswith("layers.") else d
            for parameter_name, d in zip(names, direction, strict=True)
        ]

    def loss(amount):
        moved = [p + amount * d for p, d in zip(parameters, direction, strict=True)]
        logits = torch.func.functional_call(model, dict(zip(names, moved, strict=True)), (tokens,))
        return logits.square().mean()

    gradients = torch.autograd.grad(loss(0.0), parameters)
    slope = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True))
    with torch.no_grad():
        measured = (loss(1e-7) - loss(-1e-7)) / 2e-7
    torch.testing.assert_close(slope, measured, rtol=1e-5, atol=1e-9)


@every_model
def test_survives_saving_and_loading(name, options):
    model, tokens = make(name, options), draw(2, 8)
    torch.manual_seed(99)
    other = build(name, VOCABULARY, OUTPUTS, **options)
    assert not torch.equal(other(tokens), model(tokens))
    other.load_state_dict(load(save(model.state_dict())))
    assert torch.equal(other(tokens), model(tokens))


@every_model
def test_the_seed_decides_the_weights(name, options):
    one, other = make(name, options).state_dict(), make(name, options).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


recurrent = [v for v in VARIANTS if v[0] != "transformer"]
every_recurrent_model = pytest.mark.parametrize(
    ("name", "options"),
    recurrent,
    ids=[i for v, i in zip(VARIANTS, IDS, strict=True) if v in recurrent],
)


def test_all_but_the_transformer_are_recurrent():
    found = {name for name, options in VARIANTS if isinstance(make(name, options), RecurrentModel)}
    assert found == set(MODELS) - {"transformer"}


@every_recurrent_model
@pytest.mark.parametrize("length", [1, 2, 63, 100, pytest.param(1000, marks=pytest.mark.full)])
def test_step_equals_forward(name, options, length):
    model, tokens = make(name, options), draw(2, length)
    state = model.initial_state(2)
    rows = []
    with torch.no_grad():
        for t in range(length):
            logits, state = model.step(tokens[:, t], state)
            rows.append(logits)
    agree(torch.stack(rows, dim=1), model(tokens), tolerance=1e-5)


@every_recurrent_model
def test_streaming_in_chunks_equals_forward(name, options):
    model, tokens = make(name, options), draw(3, 110)
    assert isinstance(model, StreamingModel)
    logits = model(tokens)
    agree(in_chunks(model, tokens, [1, 5, 2, 70, 32]), logits, tolerance=1e-5)
    with torch.no_grad():
        agree(in_chunks(model, tokens, [64, 46]), logits, tolerance=1e-5)
        agree(model(tokens), logits, tolerance=1e-5)


@every_recurrent_model
def test_without_strings_or_symbols(name, options):
    model = make(name, options)
    assert model(draw(0, 4)).shape == (0, 4, OUTPUTS)
    if name in ("lstm", "gru", "rnn"):
        return  # torch's own refuse empty strings
    _, state = model.advance(draw(3, 4), model.initial_state(3))
    logits, same = model.advance(draw(3, 0), state)
    assert logits.shape == (3, 0, OUTPUTS)
    torch.testing.assert_close(same, state, rtol=0, atol=0)


def in_chunks(model, tokens, sizes):
    state = model.initial_state(len(tokens))
    parts = []
    for chunk in tokens.split(sizes, dim=1):
        logits, state = model.advance(chunk, state)
        parts.append(logits)
    return torch.cat(parts, dim=1)


@every_recurrent_model
def test_the_gradient_passes_through_a_state(name, options):
    model, tokens = make(name, options).double(), draw(2, 70)
    weights = torch.randn(2, 70, OUTPUTS, dtype=torch.float64)
    gradients = []
    for logits in (model(tokens), in_chunks(model, tokens, [3, 67])):
        model.zero_grad()
        (logits * weights).sum().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        agree(one, other, tolerance=1e-8)


@every_recurrent_model
def test_the_batch_is_the_first_dimension_of_every_state(name, options):
    model, tokens = make(name, options), draw(4, 6)
    _, state = model.advance(tokens, model.initial_state(4))
    rows = torch.tensor([2, 0])
    chosen = torch.utils._pytree.tree_map(lambda leaf: leaf[rows], state)
    following = draw(4, 3, seed=5)
    agree(model.advance(following[rows], chosen)[0], model.advance(following, state)[0][rows])
