"""The compiled step does what PyTorch's does: losses, weights, moments, checkpoints."""

import copy

import pytest
import torch
from torch import nn

from starfree.models.model import build
from starfree.models.scan import library
from starfree.training.checkpoint import gather_tensors, restore_tensors
from starfree.training.objectives import Batch
from starfree.training.optimiser import make_optimiser
from starfree.training.settings import TrainSettings
from starfree.training.steps import CompiledStep, TorchStep, make_step

pytestmark = pytest.mark.kernel
needs_kernels = pytest.mark.skipif(library.library() is None, reason="no compiled kernels here")

OBJECTIVES = ("bits", "classes", "class-mse", "class-ce")


def model(dtype=torch.float64, **options):
    torch.manual_seed(2)
    return build("mamba", 5, 3, **{"layers": 2, "d_model": 12, "d_state": 5} | options).to(dtype)


def batch(objective, seed):
    """Six strings of 1 to 17 symbols, padded with 0 as a task does."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([17, 1, 9, 12, 2, 16])
    real = torch.arange(17) < lengths[:, None]
    inputs = torch.randint(5, (6, 17), generator=generator) * real
    targets = torch.randint(3, (6, 17), generator=generator) * real
    if objective == "bits":
        targets = (torch.rand(6, 17, 3, generator=generator) < 0.5) & real[..., None]
    return Batch(inputs, targets, real.float()), lengths


@needs_kernels
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    "settings", [{}, {"decay_all": True, "clip": 0.0}, {"weight_decay": 0.5, "clip": 0.01}]
)
def test_compiled_steps_are_pytorchs(objective, settings):
    settings = TrainSettings(learning_rate=1e-2, **settings)
    ours, truth = model(), model()
    optimisers = make_optimiser(ours, settings), make_optimiser(truth, settings)
    compiled = make_step(ours, objective, optimisers[0], settings.clip)
    assert isinstance(compiled, CompiledStep)
    plain = TorchStep(truth, objective, optimisers[1], settings.clip)
    for seed in range(4):
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = 1e-2 / (1 + seed)
        given = batch(objective, seed)
        assert compiled(*given) == pytest.approx(plain(*given), rel=1e-9)
    kept, wanted = gather_tensors(ours, optimisers[0]), gather_tensors(truth, optimisers[1])
    assert kept.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(kept[name], tensor, rtol=1e-6, atol=1e-9, msg=name)


@needs_kernels
@pytest.mark.parametrize("restored", ["compiled", "torch"])
def test_a_checkpoint_goes_on_with_or_without_kernels(restored, monkeypatch):
    settings = TrainSettings()
    first = model()
    optimiser = make_optimiser(first, settings)
    step = make_step(first, "bits", optimiser, settings.clip)
    for seed in range(3):
        step(*batch("bits", seed))
    kept = {name: tensor.clone() for name, tensor in gather_tensors(first, optimiser).items()}
    second = model()
    other = make_optimiser(second, settings)
    if restored == "torch":
        monkeypatch.setenv(library.SWITCH, "off")
    again = make_step(second, "bits", other, settings.clip)
    monkeypatch.delenv(library.SWITCH, raising=False)
    assert isinstance(again, CompiledStep if restored == "compiled" else TorchStep)
    restore_tensors(kept, second, other)
    again.restored()
    for seed in range(3, 6):
        losses = step(*batch("bits", seed)), again(*batch("bits", seed))
        assert losses[0] == pytest.approx(losses[1], rel=1e-9)
        if restored == "compiled":
            assert losses[0] == losses[1]
    for mine, theirs in zip(first.parameters(), second.parameters(), strict=True):
        if restored == "compiled":
            assert torch.equal(mine, theirs)
        torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-9)


@needs_kernels
def test_a_loss_that_is_no_number_changes_nothing():
    broken = model(torch.float32)
    with torch.no_grad():
        broken.head.weight[0, 0] = float("inf")
    before = copy.deepcopy(broken.state_dict())
    optimiser = make_optimiser(broken, TrainSettings())
    step = make_step(broken, "bits", optimiser, 1.0)
    assert isinstance(step, CompiledStep)
    assert not torch.tensor(step(*batch("bits", 0))).isfinite()
    assert all(torch.equal(t, before[n]) for n, t in broken.state_dict().items())
    assert all(not state["exp_avg"].any() for state in optimiser.state.values())


class Subclass(type(model())):
    """What it computes is its own affair."""


def tied():
    found = build("mamba", 5, 5, d_model=12)
    found.head.weight = found.embedding.weight
    return found


def frozen():
    found = model()
    found.embedding.weight.requires_grad_(False)
    return found


def headless():
    torch.manual_seed(0)
    found = build("mamba", 5, 3, d_model=12, norm="layer", head="none")
    return found.double()


@needs_kernels
@pytest.mark.parametrize("make", [frozen, headless], ids=["frozen", "headless"])
def test_frozen_weights_stay_and_the_rest_moves_as_in_pytorch(make, monkeypatch):
    """With a clip that bites: what is frozen has no part in the norm."""
    settings = TrainSettings(learning_rate=1e-2, clip=0.01)
    models = []
    for switch in ("on", "off"):
        if switch == "off":
            monkeypatch.setenv(library.SWITCH, "off")
        found = make()
        fixed = {n: p.clone() for n, p in found.named_parameters() if not p.requires_grad}
        step = make_step(found, "classes", make_optimiser(found, settings), settings.clip)
        assert isinstance(step, CompiledStep if switch == "on" else TorchStep)
        for seed in range(4):
            step(*batch("classes", seed))
        assert fixed
        assert all(torch.equal(found.get_parameter(n), p) for n, p in fixed.items())
        models.append(found)
    for mine, theirs in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-9)


def scattered():
    found = model()
    weight = found.head.weight
    found.head.weight = nn.Parameter(weight.detach().t().contiguous().t())
    return found


@pytest.mark.parametrize(
    "make",
    [
        tied,
        scattered,
        lambda: model(torch.bfloat16),
        lambda: Subclass(5, 3, Subclass.Options()),
        lambda: build("lstm", 5, 3),
    ],
    ids=["tied", "scattered", "bfloat16", "subclass", "lstm"],
)
def test_what_the_kernels_do_not_train_goes_through_pytorch(make):
    found = make()
    optimiser = make_optimiser(found, TrainSettings(learning_rate=1e-2))
    step = make_step(found, "bits", optimiser, 1.0)
    assert isinstance(step, TorchStep)
    given, lengths = batch("bits", 0)
    if found.head.out_features == 5:
        given = Batch(given.inputs, given.targets[..., [0, 1, 2, 0, 1]], given.weights)
    losses = [step(given, lengths) for _ in range(20)]
    assert losses[-1] < losses[0]
