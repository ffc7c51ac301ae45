"""Single operations against their references, forward and gradient, compiled and without."""

import random

import pytest
import torch
from scan_oracles import relative
from torch import Tensor

from starfree.models.scan import library, operations, reference

TOLERANCE = {torch.float64: 2e-13, torch.float32: 1e-5}
pytestmark = pytest.mark.kernel


@pytest.fixture(params=["compiled", "plain"], autouse=True)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test of this file runs through the kernels and again without them."""
    if request.param == "plain":
        monkeypatch.setenv(library.SWITCH, "off")
    elif library.library() is None:
        pytest.skip(library.status().summary)
    return request.param


def scan_inputs(
    batch: int, length: int, channels: int, states: int, optional: str = "DzbI"
) -> list[Tensor | None]:
    def draw(*size: int) -> Tensor:
        return torch.randn(*size, dtype=torch.float64)

    rows = (batch, length)
    return [
        draw(*rows, channels),
        draw(*rows, channels),
        -4 * torch.rand(channels, states, dtype=torch.float64),
        draw(*rows, states),
        draw(*rows, states),
        draw(channels) if "D" in optional else None,
        draw(*rows, channels) if "z" in optional else None,
        draw(channels) if "b" in optional else None,
        draw(batch, channels, states) if "I" in optional else None,
    ]


def check_scan(inputs: list[Tensor | None], dtype: torch.dtype, signed: bool = False) -> None:
    def leaves(dtype: torch.dtype) -> list[Tensor | None]:
        return [None if t is None else t.to(dtype).clone().requires_grad_() for t in inputs]

    ours, truth = leaves(dtype), leaves(torch.float64)
    y, last = operations.selective_scan(*ours, signed)
    y_true, last_true = reference.naive_selective_scan(*truth, signed)
    weights = torch.randn_like(y_true), torch.randn_like(last_true)
    ((y * weights[0].to(dtype)).sum() + (last * weights[1].to(dtype)).sum()).backward()
    ((y_true * weights[0]).sum() + (last_true * weights[1]).sum()).backward()
    assert relative(y, y_true) < TOLERANCE[dtype]
    assert relative(last, last_true) < TOLERANCE[dtype]
    for mine, right in zip(ours, truth, strict=True):
        if mine is not None:
            assert mine.grad is not None
            assert relative(mine.grad, right.grad) < 3 * TOLERANCE[dtype]


@pytest.mark.parametrize("length", [1, 2, 3, 17, 63, 100, 1000])
@pytest.mark.parametrize("batch", [1, 5])
def test_scan_and_its_gradient(length: int, batch: int) -> None:
    torch.manual_seed(length)
    # Autograd through the naive loop is quadratic in the length.
    sizes = (batch if length < 1000 else 1, length, 5, 3)
    for signed in (False, True):
        check_scan(scan_inputs(*sizes), torch.float64, signed)
        check_scan(scan_inputs(*sizes), torch.float32, signed)


@pytest.mark.parametrize("optional", ["", "D", "z", "b", "I", "Dz", "zI"])
def test_scan_with_absent_arguments(optional: str) -> None:
    torch.manual_seed(3)
    check_scan(scan_inputs(2, 21, 17, 16, optional), torch.float64)


@pytest.mark.parametrize(
    "count", [30, pytest.param(200, marks=pytest.mark.full)], ids=["30", "200"]
)
def test_scan_of_random_shapes(count: int) -> None:
    draw = random.Random(11)
    torch.manual_seed(11)
    for _ in range(count):
        sizes = [draw.randint(1, 4), draw.randint(1, 40), draw.randint(1, 40), draw.randint(1, 20)]
        optional = "".join(letter for letter in "DzbI" if draw.random() < 0.5)
        dtype = draw.choice([torch.float32, torch.float64])
        check_scan(scan_inputs(*sizes, optional), dtype, draw.random() < 0.5)


def test_scan_gradcheck() -> None:
    torch.manual_seed(0)
    inputs = [t.requires_grad_() for t in scan_inputs(2, 10, 3, 2) if t is not None]
    assert torch.autograd.gradcheck(operations.selective_scan, (*inputs, False))
    assert torch.autograd.gradcheck(operations.selective_scan, (*inputs, True))


def test_scan_continues_where_it_stopped() -> None:
    torch.manual_seed(1)
    u, delta, A, B, C, D, z, bias, state = scan_inputs(2, 50, 7, 5)
    whole, last = operations.selective_scan(u, delta, A, B, C, D, z, bias, state)
    parts = []
    for low, high in ((0, 1), (1, 9), (9, 30), (30, 50)):
        rows = [t[:, low:high] for t in (u, delta, B, C, z)]
        y, state = operations.selective_scan(*rows[:2], A, *rows[2:4], D, rows[4], bias, state)
        parts.append(y)
    assert relative(torch.cat(parts, dim=1), whole) < 1e-13
    assert relative(state, last) < 1e-13


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gates_are_exact_in_the_limits(dtype: torch.dtype) -> None:
    """Delta 0 keeps the state to the bit; a large delta wipes it; silu and softplus are exact."""
    channels = 3
    A = -torch.ones(channels, 1, dtype=dtype)
    one = torch.ones(1, 3, 1, dtype=dtype)
    u = torch.tensor([7.0, 5.0, 3.0], dtype=dtype).view(1, 3, 1).expand(1, 3, channels)
    state = torch.tensor([0.1, -3.0, 1e20], dtype=dtype).view(1, channels, 1)
    delta = torch.full_like(u, -128 if dtype == torch.float32 else -1000)
    y, last = operations.selective_scan(u, delta, A, one, one, initial_state=state)
    assert torch.equal(last, state)
    assert torch.equal(y, state[:, None, :, 0].expand_as(y))
    large = torch.full_like(u, 128 if dtype == torch.float32 else 1500)
    z = torch.full_like(u, 128 if dtype == torch.float32 else 1500)
    z[:, 1] *= -1
    y, last = operations.selective_scan(u, large, A, one, one, z=z, initial_state=state)
    assert torch.equal(last, large[:, 2, :, None] * u[:, 2, :, None])
    expected = large * u * torch.where(z > 0, z, 0)
    assert torch.equal(y, expected)


def test_no_nan_at_infinite_gates() -> None:
    u, one = torch.zeros(1, 2, 1), torch.ones(1, 2, 1)
    delta = torch.tensor([1e30, 3e38]).view(1, 2, 1)
    state = torch.full((1, 1, 1), 5.0)
    y, last = operations.selective_scan(u, delta, torch.full((1, 1), -1e30), one, one, None, None,
                                        None, state)  # fmt: skip
    assert torch.equal(y, torch.zeros(1, 2, 1))
    assert torch.equal(last, torch.zeros(1, 1, 1))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_dtypes_go_through_the_reference(dtype: torch.dtype) -> None:
    torch.manual_seed(2)
    inputs = [None if t is None else t.to(dtype) for t in scan_inputs(2, 9, 4, 3)]
    y, _ = operations.selective_scan(*inputs)
    assert y.dtype == dtype
    assert torch.equal(y, reference.selective_scan(*inputs)[0])


@pytest.mark.parametrize("length", [1, 2, 3, 17, 130, 300])
@pytest.mark.parametrize(("channels", "taps"), [(1, 1), (17, 4), (16, 2), (3, 7)])
def test_convolution_and_its_gradient(length: int, channels: int, taps: int) -> None:
    torch.manual_seed(length)
    sizes = ((2, length, channels), (channels, taps), (channels,), (2, taps - 1, channels))
    x, weight, bias, window = (
        torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in sizes
    )
    y, after = operations.causal_conv(x, weight, bias, window)
    seen = torch.cat([window, x], dim=1)
    truth = operations.naive_causal_conv(seen, weight, bias)
    assert relative(y, truth) < 1e-13
    assert torch.equal(after, seen[:, length:])
    leaves = (x, weight, bias) if taps == 1 else (x, weight, bias, window)
    cotangent = torch.randn_like(y)
    ours = torch.autograd.grad((y * cotangent).sum(), leaves)
    right = torch.autograd.grad((truth * cotangent).sum(), leaves)
    for mine, theirs in zip(ours, right, strict=True):
        assert relative(mine, theirs) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128, torch.float32, torch.complex64])
@pytest.mark.parametrize("length", [1, 2, 63, 500])
def test_diagonal_scan_and_its_gradient(dtype: torch.dtype, length: int) -> None:
    torch.manual_seed(length)
    a, b = (torch.randn(3, length, 2, 5, dtype=dtype) * 0.6 for _ in "ab")
    leaves = [t.requires_grad_() for t in (a, b, torch.randn(3, 2, 5, dtype=dtype))]
    ours = operations.diagonal_scan(*leaves)
    truth = operations.naive_diagonal_scan(*leaves)
    tolerance = 1e-12 if dtype.to_real() == torch.float64 else 1e-5
    cotangent = torch.randn_like(truth)
    mine = torch.autograd.grad(ours, leaves, cotangent)
    right = torch.autograd.grad(truth, leaves, cotangent)
    for one, other in zip((ours, *mine), (truth, *right), strict=True):
        difference = (one - other).detach().abs().max() / other.detach().abs().max()
        assert float(difference) < tolerance


def test_shapes_are_known_without_data() -> None:
    """`torch.compile` and `torch.export` ask the fake kernels, which must agree with the real."""
    if library.library() is None:
        pytest.skip("only the compiled operations are custom ones")
    torch.manual_seed(0)
    inputs = [t.requires_grad_() for t in scan_inputs(2, 9, 3, 4) if t is not None]
    torch.library.opcheck(torch.ops.starfree.selective_scan.default, (*inputs, True))
    seen = torch.randn(2, 9, 3, requires_grad=True)
    conv = torch.ops.starfree.causal_conv.default
    torch.library.opcheck(conv, (seen, torch.randn(3, 4), torch.randn(3)))
    a, b, start = torch.randn(2, 5, 3), torch.randn(2, 5, 3), torch.randn(2, 3)
    torch.library.opcheck(torch.ops.starfree.diagonal_scan.default, (a, b, start))
