"""What decays, and the course of the learning rate."""

import math

import pytest
import torch
from torch import nn

from starfree.models.model import build
from starfree.training.optimiser import learning_rate, make_optimiser
from starfree.training.settings import TrainSettings


def decay_by_name(model, **settings):
    optimiser = make_optimiser(model, TrainSettings(weight_decay=0.3, **settings))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: group["weight_decay"]
        for group in optimiser.param_groups
        for parameter in group["params"]
    }


def test_mamba_decays_projections_and_convolution_only():
    decay = decay_by_name(build("mamba", 4, 3, norm="layer", head_bias=True))
    mixer = "layers.0.mixer."
    decayed = {name for name, value in decay.items() if value == 0.3}
    assert decayed == {
        f"{mixer}in_proj.weight",
        f"{mixer}conv1d.weight",
        f"{mixer}x_proj.weight",
        f"{mixer}dt_proj.weight",
        f"{mixer}out_proj.weight",
        "head.weight",
    }
    assert {value for name, value in decay.items() if name not in decayed} == {0.0}


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_the_others_decay_matrices_but_no_embedding(name):
    options = {"position": "learned"} if name == "transformer" else {}
    model = build(name, 4, 3, **options)
    for parameter_name, value in decay_by_name(model).items():
        embedded = parameter_name in ("embedding.weight", "positions.weight")
        matrix = model.get_parameter(parameter_name).ndim > 1 and not embedded
        assert value == (0.3 if matrix else 0.0), parameter_name


def test_the_published_protocol_decays_all():
    model = build("mamba", 4, 3, norm="layer")
    decay = decay_by_name(model, decay_all=True)
    assert decay == {name: 0.3 for name, _ in model.named_parameters()}


def test_a_frozen_parameter_is_left_out():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    assert decay_by_name(model) == {"1.weight": 0.3, "1.bias": 0.0}


def test_the_step_is_adamws_own():
    """Against the published update (Loshchilov and Hutter 2019), written out."""
    model = nn.Linear(2, 1, bias=False).double()
    weight = model.weight.detach().clone()
    optimiser = make_optimiser(model, TrainSettings(learning_rate=0.1, weight_decay=0.3))
    first, second = torch.zeros(1, 2), torch.zeros(1, 2)
    for t, gradient in enumerate((torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 3.0]])), 1):
        model.weight.grad = gradient.double()
        optimiser.step()
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        change = (first / (1 - 0.9**t)) / ((second / (1 - 0.999**t)).sqrt() + 1e-8)
        weight = weight - 0.1 * 0.3 * weight - 0.1 * change
    torch.testing.assert_close(model.weight.detach(), weight.double(), rtol=1e-6, atol=1e-7)


def rates(**settings):
    chosen = TrainSettings(learning_rate=0.5, **settings)
    return {progress: learning_rate(chosen, progress / 100) for progress in range(101)}


def test_warm_up_rises_to_the_peak():
    rate = rates(warmup=0.1, decay="none")
    assert rate[1] == pytest.approx(0.05)
    assert rate[5] == pytest.approx(0.25)
    assert all(rate[progress] == 0.5 for progress in range(10, 101))


def test_linear_and_cosine_fall_to_zero():
    linear, cosine = rates(warmup=0.2, decay="linear"), rates(warmup=0.2, decay="cosine")
    for course in (linear, cosine):
        assert course[20] == 0.5
        assert course[60] == pytest.approx(0.25)
        assert course[100] == pytest.approx(0.0)
        assert all(course[p] > course[p + 1] for p in range(20, 100))
    assert linear[40] == pytest.approx(0.375)
    assert cosine[40] == pytest.approx(0.25 * (1 + math.sqrt(0.5)))


@pytest.mark.parametrize("decay", ["none", "linear", "cosine"])
@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_the_extremes_of_warm_up_work(decay, warmup):
    rate = rates(warmup=warmup, decay=decay)
    assert rate[0] == (0.0 if warmup else 0.5)
    assert rate[100] == (0.5 if warmup or decay == "none" else pytest.approx(0.0))
