"""Which implementation takes which tensors; the CUDA kernel is a stand-in."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from starfree.models.scan import dispatch, operations, reference


class OnCuda(Tensor):
    """A CPU tensor that says it lies on a GPU."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda")


@pytest.fixture(autouse=True)
def fresh_look_for_the_kernel() -> None:
    dispatch.cuda_kernel.cache_clear()


@pytest.fixture
def inputs() -> list[Tensor]:
    torch.manual_seed(0)
    rows = (2, 6)
    return [
        *(torch.randn(*rows, 3), torch.randn(*rows, 3), -torch.rand(3, 4)),
        *(torch.randn(*rows, 4), torch.randn(*rows, 4), torch.randn(3)),
        *(torch.randn(*rows, 3), torch.randn(3)),
    ]


def published(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    *,
    z: Tensor,
    delta_bias: Tensor,
    delta_softplus: bool,
    return_last_state: bool,
) -> Any:
    """`mamba_ssm.selective_scan_fn`'s layout over the naive scan."""
    assert delta_softplus
    assert return_last_state
    u, delta, B, C, z = (t.transpose(1, 2) for t in (u, delta, B, C, z))
    y, last = reference.naive_selective_scan(u, delta, A, B, C, D, z, delta_bias)
    return y.transpose(1, 2), last


def pretend_installed(monkeypatch: pytest.MonkeyPatch, kernel: object) -> None:
    name = "mamba_ssm.ops.selective_scan_interface"
    for part in ("mamba_ssm", "mamba_ssm.ops"):
        monkeypatch.setitem(sys.modules, part, SimpleNamespace(__path__=[]))
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(selective_scan_fn=kernel))


def on_cuda(inputs: list[Tensor]) -> list[Tensor]:
    return [inputs[0].as_subclass(OnCuda), *inputs[1:]]


def forbidden(*_: object, **__: object) -> None:
    raise AssertionError("not this implementation")


def test_cpu_goes_to_the_kernels(monkeypatch: pytest.MonkeyPatch, inputs: list[Tensor]) -> None:
    monkeypatch.setattr(dispatch, "cuda_kernel", forbidden)
    ours, truth = dispatch.selective_scan(*inputs), operations.selective_scan(*inputs)
    assert torch.equal(ours[0], truth[0])
    assert torch.equal(ours[1], truth[1])


def test_cuda_goes_to_the_published_kernel(
    monkeypatch: pytest.MonkeyPatch, inputs: list[Tensor]
) -> None:
    pretend_installed(monkeypatch, published)
    monkeypatch.setattr(reference, "selective_scan", forbidden)
    y, last = dispatch.selective_scan(*on_cuda(inputs))
    truth = reference.naive_selective_scan(*inputs)
    torch.testing.assert_close(y.as_subclass(Tensor), truth[0])
    torch.testing.assert_close(last.as_subclass(Tensor), truth[1])


@pytest.mark.parametrize("why", ["not installed", "broken", "initial state"])
def test_cuda_without_it_goes_to_torch(
    monkeypatch: pytest.MonkeyPatch, inputs: list[Tensor], why: str
) -> None:
    state = torch.randn(2, 3, 4) if why == "initial state" else None
    if why == "initial state":
        pretend_installed(monkeypatch, forbidden)
    elif why == "broken":
        pretend_installed(monkeypatch, None)
        monkeypatch.delattr(
            sys.modules["mamba_ssm.ops.selective_scan_interface"], "selective_scan_fn"
        )
    else:
        monkeypatch.setitem(sys.modules, "mamba_ssm", None)
    monkeypatch.setattr(operations, "selective_scan", forbidden)
    y, _ = dispatch.selective_scan(*on_cuda(inputs), state)
    truth = reference.naive_selective_scan(*inputs, state)
    torch.testing.assert_close(y.as_subclass(Tensor), truth[0])
