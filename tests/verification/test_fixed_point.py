"""Fixed point against fractions, floats against a second implementation, the numbers of a unit."""

from __future__ import annotations

import struct
from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from starfree.errors import StarfreeError
from starfree.verification.fixed_point import multiply_add
from starfree.verification.number_formats import FLUSHED, FixedFormat
from starfree.verification.one_unit import exact_margin, fixed_trace, float_trace, last_count

GATES = st.floats(-1, 1, width=32)
INCREMENTS = st.floats(-64, 64, width=32)
STATES = st.integers(-(2**20), 2**20)


def reference(value: Fraction, bits: int, truncate: bool) -> Fraction:
    scaled = value * 2**bits
    whole = int(scaled) if truncate else floor(scaled + Fraction(1, 2))
    return Fraction(whole, 2**bits)


@given(GATES, STATES, INCREMENTS, st.sampled_from([1, 4, 8, 16]), st.booleans())
@example(0.5, 1, 0.0, 4, False)  # ties
@example(0.5, -1, 0.0, 4, False)
@example(0.5, -3, 0.0, 4, False)
@example(1.0, -256, 2.0**-60, 8, True)  # what the sum loses decides
@example(1.0, 256, -(2.0**-60), 8, True)
@example(1.0, 0, 2.0**-9 - 2.0**-33, 8, False)
@example(1.0, 256, 2.0**-9 + 2.0**-33, 8, False)
@example(1.0, 2**20, 2.0**-9, 8, False)
def test_one_update_is_rounded_once(
    gate: float, units: int, increment: float, bits: int, truncate: bool
) -> None:
    state = units / 2**bits
    given_ = [torch.tensor([value], dtype=torch.float64) for value in (state, increment)]
    scale = torch.tensor([2.0**bits], dtype=torch.float64)
    found = multiply_add(
        torch.tensor([gate], dtype=torch.float32), *given_, scale, torch.tensor([truncate])
    )
    exact = Fraction(gate) * Fraction(units, 2**bits) + Fraction(increment)
    assert Fraction(float(found)) == reference(exact, bits, truncate)


def test_formats_side_by_side() -> None:
    """Rows of one batch have formats of their own."""
    gate, zero = torch.full((4,), 0.75), torch.zeros(4, dtype=torch.float64)
    state = torch.tensor([1 / 4, -1 / 4, 1 / 4, -1 / 4], dtype=torch.float64)
    scale = torch.tensor([4.0, 4.0, 16.0, 16.0], dtype=torch.float64)
    truncate = torch.tensor([False, True, False, True])
    found = multiply_add(gate, state, zero, scale, truncate)
    assert found.tolist() == [0.25, 0.0, 0.1875, -0.1875]


def test_states_beyond_exactness_are_refused() -> None:
    scale, truncate = torch.tensor([2.0**16]), torch.tensor([False])
    large, zero = (torch.tensor([value], dtype=torch.float64) for value in (2.0**14, 0.0))
    with pytest.raises(StarfreeError, match="29 bits"):
        multiply_add(torch.tensor([0.5]), large, zero, scale, truncate)
    counted = multiply_add(torch.tensor([1.0]), large, zero + 1, scale, truncate)
    assert counted.item() == 2.0**14 + 1


def test_the_numbers_of_the_paper_page() -> None:
    """A stored 1 under a gate of 0.99 at 8 bits, and of 0.999 at 12 bits."""
    first = fixed_trace(Fraction("0.99"), Fraction(1), FixedFormat(8), 10_000)
    assert round(first.at(10_000), 3) == 0.195
    second = fixed_trace(Fraction("0.999"), Fraction(1), FixedFormat(12), 10_000)
    assert round(second.at(10_000), 3) == 0.122
    # The 1,983rd update is the first that changes nothing.
    assert second.settled == 1_982
    assert second.at(1_982) == second.at(1_983) < second.at(1_981)


@pytest.mark.parametrize("bits", [4, 6, 8, 12])
def test_rounding_keeps_what_truncation_loses(bits: int) -> None:
    """1.0 stays for ever iff 1 - a <= 2^-(p+1); truncated it is lost under any gate below 1."""
    bound = Fraction(1, 2 ** (bits + 1))
    for gate in (1 - bound, 1 - bound / 2, 1 - bound - Fraction(1, 2**40), 1 - 2 * bound):
        kept = fixed_trace(gate, Fraction(1), FixedFormat(bits), 100_000)
        assert (kept.settled == 0) == (1 - gate <= bound)
        assert kept.at(100_000) > 0
        lost = fixed_trace(gate, Fraction(1), FixedFormat(bits, truncate=True), 100_000)
        assert lost.at(100_000) == 0


def test_open_gates_keep_the_sign_and_lose_the_margin() -> None:
    """Gates 3/4 of Dankowiakowski and Ronca 2025, Theorem 8."""
    assert exact_margin(Fraction(3, 4), Fraction(1, 2), Fraction(1, 8), 100) == 5
    assert Fraction(3, 4) ** 5 / 2 < Fraction(1, 8) <= Fraction(3, 4) ** 4 / 2
    assert exact_margin(Fraction(3, 4), Fraction(1, 2), Fraction(0), 1_000) is None
    for sign in (1, -1):
        for bits in (4, 8, 12):
            start = Fraction(sign, 2)
            near = fixed_trace(Fraction(3, 4), start, FixedFormat(bits), 10**6)
            assert near.at(10**6) * sign > 0
            assert fixed_trace(Fraction(3, 4), start, FixedFormat(bits, True), 99).at(99) == 0
    # Subnormal numbers keep the sign in IEEE floats; without them it is lost.
    for name in ("float32", "bfloat16", "float16"):
        assert float_trace(0.75, 0.5, name, 10**6).at(10**6) > 0
    assert float_trace(0.75, 0.5, FLUSHED, 10**6).at(10**6) == 0


def to_bfloat16(value: float) -> float:
    """Round half to even by the bits of a float32."""
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    bits = bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000
    return float(struct.unpack("<f", struct.pack("<I", bits))[0])


@given(st.floats(0.5, 1, width=32), st.floats(-4, 4, width=32))
def test_floats_like_a_second_implementation(gate: float, start: float) -> None:
    """Products of two bfloat16 or float16 numbers are exact in float64, so they round once."""
    half, single, brain = np.float16(start), np.float32(start), to_bfloat16(start)
    others = {
        "float16": (half, lambda h: np.float16(np.float64(np.float16(gate)) * np.float64(h))),
        "float32": (single, lambda h: np.float32(np.float64(np.float32(gate)) * np.float64(h))),
        "bfloat16": (brain, lambda h: to_bfloat16(np.float32(to_bfloat16(gate) * h))),
    }
    for name, (state, update) in others.items():
        trace = float_trace(gate, start, name, 20)
        for updates in range(21):
            assert trace.at(updates) == float(state), (name, updates)
            state = update(state)


def test_exact_counts_of_floats() -> None:
    assert [last_count(name) for name in ("bfloat16", "float16", "float32")] == [
        2**8,
        2**11,
        2**24,
    ]
    with pytest.raises(ValueError, match="53"):
        last_count("float64")
