"""The fast selective scan against the definition written down as a loop, in float64."""

from functools import partial

import pytest
import torch

import starfree.models.scan.reference as reference
from starfree.models.scan.reference import naive_selective_scan, selective_scan

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias", "initial_state")


def arguments(batch, length, channels, states, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    values = {
        "u": draw(batch, length, channels),
        "delta": draw(batch, length, channels) - 2,
        "A": -draw(channels, states).exp(),
        "B": draw(batch, length, states),
        "C": draw(batch, length, states),
        "D": draw(channels),
        "z": draw(batch, length, channels),
        "delta_bias": draw(channels),
        "initial_state": draw(batch, channels, states),
    }
    return {name: value.to(dtype).requires_grad_() for name, value in values.items()}


def outcome(scan, given):
    """Outputs, last state, and the gradient of a generic loss in every argument."""
    y, last = scan(**given)
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    loss = (weights * y).sum() + (last * last.detach().cos()).sum()
    return y, last, torch.autograd.grad(loss, given.values())


def assert_same(given, tolerance=1e-10, signed=False):
    y, last, gradients = outcome(partial(selective_scan, signed=signed), given)
    y_true, last_true, gradients_true = outcome(partial(naive_selective_scan, signed=signed), given)
    torch.testing.assert_close(y, y_true, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(last, last_true, rtol=tolerance, atol=tolerance)
    for name, gradient, truth in zip(given, gradients, gradients_true, strict=True):
        error = (gradient - truth).norm() / truth.norm()
        assert error < tolerance, (name, float(error))


@pytest.mark.parametrize("length", [1, 2, 3, 63, 100, 1000])
def test_forward_and_gradient_at_every_length(length):
    assert_same(arguments(batch=2, length=length, channels=5, states=3))
    assert_same(arguments(batch=2, length=length, channels=5, states=3), signed=True)


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("chunk_elements", [1, 7 * 6 * 4, 400, 10**9])
def test_any_chunk_size_gives_the_same(monkeypatch, batch, chunk_elements):
    monkeypatch.setattr(reference, "CHUNK_ELEMENTS", chunk_elements)
    assert_same(arguments(batch=batch, length=29, channels=6, states=4))


@pytest.mark.parametrize("left_out", ["D", "z", "delta_bias", "initial_state"])
def test_optional_arguments_can_be_left_out(left_out):
    given = arguments(batch=2, length=9, channels=4, states=2)
    del given[left_out]
    assert_same(given)


def test_gradcheck():
    given = arguments(batch=2, length=5, channels=3, states=2)

    def scan(*values):
        return selective_scan(**dict(zip(NAMES, values, strict=True)))

    assert torch.autograd.gradcheck(scan, tuple(given.values()))


def test_without_any_step_the_state_stays():
    given = arguments(batch=2, length=0, channels=3, states=2)
    y, last = selective_scan(**given)
    assert y.shape == (2, 0, 3)
    assert torch.equal(last, given["initial_state"])


def test_float32_gradients_are_as_good_as_the_naive_ones():
    exact = outcome(naive_selective_scan, arguments(3, 60, 8, 16))[2]
    given = arguments(3, 60, 8, 16, dtype=torch.float32)
    naive, fast = (outcome(scan, given)[2] for scan in (naive_selective_scan, selective_scan))
    for truth, by_loop, by_chunk in zip(exact, naive, fast, strict=True):
        bound = 1e-6 + 2 * float((by_loop - truth).norm() / truth.norm())
        assert float((by_chunk - truth).norm() / truth.norm()) < bound


def test_a_closed_gate_forgets_exactly_and_an_open_one_keeps_exactly():
    """Compiled weights rest on this: exp(-large) is 0, exp(0) is 1, softplus(-large) is 0."""
    given = arguments(batch=1, length=2, channels=2, states=2, dtype=torch.float32)
    with torch.no_grad():
        given["delta_bias"].zero_()
        given["D"].zero_()
        given["z"].fill_(40.0)
        given["delta"].copy_(torch.tensor([[[1e4, -1e4], [-1e4, -1e4]]]))
    _, last = selective_scan(**given)
    written = 1e4 * given["u"][:, 0, 0] * given["B"][:, 0]
    assert torch.equal(last[:, 0], written)
    assert torch.equal(last[:, 1], given["initial_state"][:, 1])


def test_memory_is_one_chunk_beyond_the_inputs(monkeypatch):
    """No buffer of all states, [L, B, E, N], is ever made."""
    monkeypatch.setattr(reference, "CHUNK_ELEMENTS", 1 << 12)
    batch, length, channels, states = 4, 512, 16, 16
    given = arguments(batch, length, channels, states, dtype=torch.float32)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        outcome(selective_scan, given)
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    assert 0 < largest < batch * length * channels * states * 4 / 4
