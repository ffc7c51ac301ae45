"""The model of `models.mamba` through the fused operation: the same logits, gradients, steps."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from starfree.algebra.circuits import circuit
from starfree.compiler.to_mamba import Precision, to_mamba
from starfree.data.sampling import sample
from starfree.data.tasks import make_task
from starfree.languages.catalog import language
from starfree.models.model import build
from starfree.models.scan import library
from starfree.models.scan.backbone import backbone
from starfree.models.scan.fused import fused
from starfree.models.scan.step import AdamW, TrainStep

pytestmark = pytest.mark.kernel
needs_kernels = pytest.mark.skipif(library.library() is None, reason="no compiled kernels here")


def model(norm: str, head_bias: bool, gates: str = "positive") -> nn.Module:
    torch.manual_seed(4)
    options = {"layers": 2, "d_model": 24, "norm": norm, "head_bias": head_bias, "gates": gates}
    return build("mamba", 5, 3, **options).double()


@needs_kernels
@pytest.mark.parametrize(
    ("norm", "head_bias", "gates"),
    [("rms", False, "positive"), ("layer", True, "positive"), ("rms", False, "signed")],
)
def test_same_logits_and_gradients(
    norm: str, head_bias: bool, gates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mamba = model(norm, head_bias, gates)
    tokens = torch.randint(5, (3, 40))
    compiled = fused(mamba)
    assert compiled is not None
    cotangent = torch.randn(3, 40, 3, dtype=torch.float64)
    gradients, answers = [], []
    for switch in ("on", "off"):
        monkeypatch.setenv(library.SWITCH, switch)
        logits = mamba(tokens)
        answers.append(logits)
        mamba.zero_grad()
        (logits * cotangent).sum().backward()
        gradients.append([p.grad.clone() for p in mamba.parameters() if p.grad is not None])
    monkeypatch.delenv(library.SWITCH)
    torch.testing.assert_close(*answers)
    assert torch.equal(answers[0], backbone(tokens, None, *compiled))
    assert len(gradients[0]) == len(list(mamba.parameters()))
    torch.testing.assert_close(*gradients)


@needs_kernels
@pytest.mark.parametrize("gates", ["positive", "signed"])
def test_a_step_trains_the_module_itself(gates: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, truth = model("rms", False, gates), model("rms", False, gates)
    compiled = fused(ours)
    assert compiled is not None
    step = TrainStep(*compiled, "bits", 0.1)
    optimiser = torch.optim.AdamW(truth.parameters(), lr=1e-3, weight_decay=0.1)
    tokens, legal = torch.randint(5, (4, 9)), torch.rand(4, 9, 3) < 0.5
    for _ in range(3):
        monkeypatch.delenv(library.SWITCH, raising=False)
        step(tokens, legal, torch.ones(4, 9).double(), torch.full((4,), 9), AdamW(1e-3))
        monkeypatch.setenv(library.SWITCH, "off")
        optimiser.zero_grad()
        F.binary_cross_entropy_with_logits(truth(tokens), legal.double()).backward()
        optimiser.step()
    # the first steps of Adam divide tiny gradients by themselves
    torch.testing.assert_close(
        list(ours.parameters()), list(truth.parameters()), rtol=1e-6, atol=1e-8
    )


@needs_kernels
@pytest.mark.parametrize("gradients", [True, False])
def test_a_hook_on_a_part_is_called(gradients: bool) -> None:
    mamba, seen = model("rms", False), []
    tokens = torch.randint(5, (3, 40))
    whole = mamba(tokens)
    handle = mamba.layers[1].mixer.out_proj.register_forward_hook(lambda *given: seen.append(given))
    with torch.set_grad_enabled(gradients):
        torch.testing.assert_close(mamba(tokens), whole)
        mamba.step(tokens[:, 0], mamba.initial_state(3))
    assert len(seen) == 2
    handle.remove()
    mamba(tokens)
    assert len(seen) == 2


@needs_kernels
@pytest.mark.parametrize("precision", ["exact", "robust"])
@pytest.mark.parametrize("reference", ["d-12", "flipflop", "ab-d-bc"])
def test_compiled_weights_have_the_same_logits_to_the_bit(
    reference: str, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken = language(reference)
    exact = to_mamba(circuit(spoken), precision).model
    strings = sample(spoken, 1, 300, 20, seed=0)
    inputs = make_task(spoken, "predict").encode(strings).inputs
    logits = []
    for switch in ("on", "off"):
        monkeypatch.setenv(library.SWITCH, switch)
        with torch.no_grad():
            logits.append(exact(torch.from_numpy(inputs)))
    assert torch.equal(*logits)


def test_nothing_to_fuse_without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fused(model("rms", False).bfloat16()) is None
    monkeypatch.setenv(library.SWITCH, "off")
    assert fused(model("rms", False)) is None
