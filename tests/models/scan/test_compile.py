"""`torch.compile` and `torch.export` take models and operations whole, without a graph break."""

import io
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from starfree.models.model import build
from starfree.models.scan import library, operations

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(library.library() is None, reason="no compiled kernels here"),
    pytest.mark.filterwarnings("ignore"),  # of torch's own tracers
]


@pytest.fixture(autouse=True)
def fresh_compiler() -> None:
    torch.compiler.reset()


def model() -> nn.Module:
    torch.manual_seed(0)
    return build("mamba", 5, 3, layers=2, d_model=24)


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.full)])
def test_a_model_and_its_gradients(backend: str) -> None:
    mamba, tokens = model(), torch.randint(5, (3, 40))
    whole = torch.compile(mamba, backend=backend, fullgraph=True)
    outcomes = []
    for run in (whole, mamba):
        mamba.zero_grad()
        logits = run(tokens)
        logits.square().sum().backward()
        outcomes.append([logits.detach(), *(p.grad.clone() for p in mamba.parameters())])
    torch.testing.assert_close(*outcomes)
    with torch.no_grad():
        torch.testing.assert_close(whole(tokens), mamba(tokens))


def test_an_exported_model_takes_any_batch_and_length() -> None:
    mamba = model()
    any_size = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    exported = torch.export.export(mamba, (torch.randint(5, (3, 40)),), dynamic_shapes=(any_size,))
    assert [n.target for n in exported.graph.nodes if "starfree" in str(n.target)] == [
        torch.ops.starfree.backbone.default
    ]
    file = io.BytesIO()
    torch.export.save(exported, file)
    file.seek(0)
    again, tokens = torch.export.load(file).module(), torch.randint(5, (2, 17))
    torch.testing.assert_close(again(tokens), mamba(tokens))


def scan(u: Tensor, B: Tensor) -> Tensor:
    return operations.selective_scan(u, u, -torch.ones(4, 3), B, B)[0]


def conv(u: Tensor, B: Tensor) -> Tensor:
    return operations.causal_conv(u, torch.ones(4, 3))[0]


def diagonal(u: Tensor, B: Tensor) -> Tensor:
    return operations.diagonal_scan(u, u)


@pytest.mark.parametrize("operation", [scan, conv, diagonal])
def test_operations(operation: Callable[[Tensor, Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    outcomes = []
    u, B = torch.rand(2, 9, 4), torch.randn(2, 9, 3)
    for run in (torch.compile(operation, backend="aot_eager", fullgraph=True), operation):
        leaf = u.clone().requires_grad_()
        y = run(leaf, B)
        y.square().sum().backward()
        outcomes.append([y.detach(), leaf.grad])
    torch.testing.assert_close(*outcomes)
