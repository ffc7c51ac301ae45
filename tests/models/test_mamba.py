"""Mamba and its two relatives: names, initialisation, logits of other implementations."""

import math

import pytest
import torch

from starfree.errors import InputError
from starfree.models.exchange import to_mixer_model, write_transformers
from starfree.models.model import build


def test_the_parameters_are_those_of_state_spaces_mamba():
    model = build("mamba", 7, 5, layers=1, d_model=40, norm="layer", head_bias=True)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    assert shapes == {
        "embedding.weight": (7, 40),
        "layers.0.norm.weight": (40,),
        "layers.0.norm.bias": (40,),
        "layers.0.mixer.A_log": (80, 16),
        "layers.0.mixer.D": (80,),
        "layers.0.mixer.in_proj.weight": (160, 40),
        "layers.0.mixer.conv1d.weight": (80, 1, 4),
        "layers.0.mixer.conv1d.bias": (80,),
        "layers.0.mixer.x_proj.weight": (3 + 32, 80),
        "layers.0.mixer.dt_proj.weight": (80, 3),
        "layers.0.mixer.dt_proj.bias": (80,),
        "layers.0.mixer.out_proj.weight": (40, 80),
        "norm_f.weight": (40,),
        "norm_f.bias": (40,),
        "head.weight": (5, 40),
        "head.bias": (5,),
    }


def test_the_initialisation_is_the_reference_one():
    torch.manual_seed(0)
    model = build("mamba", 400, 5, layers=4, d_model=64)
    assert model.embedding.weight.std().item() == pytest.approx(0.02, rel=0.02)
    for layer in model.layers:
        mixer = layer.mixer
        rates = torch.arange(1.0, 17.0)
        torch.testing.assert_close(mixer.A_log.exp(), rates.expand(128, 16))
        assert torch.equal(mixer.D, torch.ones(128))
        step_size = torch.nn.functional.softplus(mixer.dt_proj.bias)
        assert step_size.min() >= 1e-3 * 0.999
        assert step_size.max() <= 0.1 * 1.001
        middle = math.log(1e-3 * 0.1) / 2
        assert step_size.log().mean().item() == pytest.approx(middle, abs=0.4)
        bound = 4**-0.5
        assert 0.95 * bound < mixer.dt_proj.weight.abs().max() <= bound
        # kaiming_uniform(a = sqrt 5) is uniform within 1 / sqrt(fan in); 4 layers halve it.
        bound = 128**-0.5 / math.sqrt(4)
        assert 0.99 * bound < mixer.out_proj.weight.abs().max() <= bound


def test_decay_rates_and_skip_are_marked_as_not_to_be_decayed():
    mixer = build("mamba", 4, 3).layers[0].mixer
    assert mixer.A_log._no_weight_decay
    assert mixer.D._no_weight_decay


def test_logits_are_those_of_transformers():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    ours = build("mamba", 6, 6, layers=2, d_model=24, d_state=5)
    config = transformers.MambaConfig(
        vocab_size=6,
        hidden_size=24,
        num_hidden_layers=2,
        state_size=5,
        time_step_rank=2,
        tie_word_embeddings=False,
        residual_in_fp32=False,
    )
    theirs = transformers.MambaForCausalLM(config).eval()
    renamed = {
        "lm_head.weight" if name == "head.weight" else f"backbone.{name}": tensor
        for name, tensor in ours.state_dict().items()
    }
    renamed["backbone.embeddings.weight"] = renamed.pop("backbone.embedding.weight")
    theirs.load_state_dict(renamed)
    tokens = torch.randint(0, 6, (3, 37))
    with torch.no_grad():
        logits = theirs(tokens, use_cache=False).logits
        torch.testing.assert_close(ours(tokens), logits, rtol=1e-5, atol=1e-5)


def signed_mixer_by_hand(mixer, x):
    """One string ``[L, d_model]`` through a mixer, by scalar loops over the formulas."""
    u, z = (x @ mixer.in_proj.weight.T).chunk(2, dim=1)
    inner, _, taps = mixer.conv1d.weight.shape
    states = mixer.A_log.shape[1]
    hidden = [[0.0] * states for _ in range(inner)]
    rows = []
    for t in range(len(x)):
        seen = mixer.conv1d.bias.clone()
        for k in range(taps):
            if t - k >= 0:
                seen = seen + u[t - k] * mixer.conv1d.weight[:, 0, taps - 1 - k]
        seen = seen / (1 + torch.exp(-seen))
        parts = mixer.x_proj.weight @ seen
        step, B, C = parts.split([len(parts) - 2 * states, states, states])
        step = torch.log1p(torch.exp(mixer.dt_proj.weight @ step + mixer.dt_proj.bias))
        y = mixer.D * seen
        for e in range(inner):
            for n in range(states):
                rate = math.exp(mixer.A_log[e, n].item())
                gate = 2 * math.exp(-step[e].item() * rate) - 1
                hidden[e][n] = gate * hidden[e][n] + (step[e] * seen[e] * B[n]).item()
                y[e] += C[n] * hidden[e][n]
        rows.append(mixer.out_proj.weight @ (y * z[t] / (1 + torch.exp(-z[t]))))
    return torch.stack(rows)


@torch.no_grad()
def test_signed_gates_are_2_exp_minus_1():
    torch.manual_seed(5)
    model = build("mamba", 4, 3, d_model=6, d_state=3, gates="signed").double()
    mixer = model.layers[0].mixer
    mixer.dt_proj.bias += 2  # gates of both signs
    x = torch.randn(2, 17, 6, dtype=torch.float64)
    by_hand = torch.stack([signed_mixer_by_hand(mixer, row) for row in x])
    torch.testing.assert_close(mixer(x, None)[0], by_hand)


@pytest.mark.parametrize("layers", [1, 2])
def test_without_recurrence_exactly_the_window_is_seen(layers):
    torch.manual_seed(6)
    model = build("mamba", 4, 3, layers=layers, d_model=8, recurrence=False).double()
    assert not any(name.endswith(("A_log", "x_proj.weight")) for name in model.state_dict())
    window = 3 * layers + 1
    tokens = torch.zeros(1, 20, dtype=torch.int64)
    changed = tokens.clone()
    changed[0, 5] = 1
    differs = (model(tokens) != model(changed)).any(-1)[0]
    assert differs.nonzero()[:, 0].tolist() == list(range(5, 5 + window))


@pytest.mark.parametrize("options", [{"gates": "signed"}, {"recurrence": False}])
def test_relatives_are_not_exported_as_mamba(options, tmp_path):
    model = build("mamba", 4, 4, d_model=8, **options)
    with pytest.raises(InputError, match="train with"):
        write_transformers(model, tmp_path)
    with pytest.raises(InputError, match="train with"):
        to_mixer_model(model)


def test_signed_gates_need_a_recurrence():
    with pytest.raises(InputError, match="gates signed has no effect"):
        build("mamba", 4, 4, gates="signed", recurrence=False)


def test_without_a_head_the_last_norm_is_the_answer():
    torch.manual_seed(0)
    model = build("mamba", 7, 5, layers=2, d_model=12, norm="layer", head="none")
    found = []
    model.norm_f.register_forward_hook(lambda *given: found.append(given[2]))
    tokens = torch.randint(7, (2, 9))
    by_layer = model(tokens)
    assert by_layer.shape == (2, 9, 12)
    assert torch.equal(by_layer, found[0])
    assert not model.head.weight.requires_grad


@pytest.mark.parametrize("options", [{"d_model": 4}, {"d_model": 12, "head_bias": True}])
def test_without_a_head_the_outputs_must_fit(options):
    with pytest.raises(InputError, match="head none takes d_model for logits"):
        build("mamba", 7, 5, head="none", **options)


def test_norms_of_their_own_epsilons_are_computed():
    """The kernels know one epsilon: then PyTorch computes."""
    torch.manual_seed(0)
    model = build("mamba", 4, 3, d_model=8, layers=2).eval()
    model.layers[1].norm.eps = 10.0
    tokens = torch.tensor([[3, 0, 1, 1]])
    state = model.initial_state(1)
    with torch.inference_mode():
        together, _ = model._layer_by_layer(tokens, state)
        assert torch.allclose(model(tokens), together)
        model.layers[1].norm.eps = model.norm_f.eps
        assert not torch.allclose(model(tokens), together, atol=1e-4)
