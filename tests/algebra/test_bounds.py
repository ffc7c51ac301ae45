"""State bits and counting ranges, against enumeration."""

import numpy as np
import pytest

from starfree.algebra.bounds import MANTISSAS, exact_length, remarks, stack_bits
from starfree.algebra.circuit import verify
from starfree.algebra.templates import template
from starfree.errors import InputError
from starfree.languages.catalog import language


@pytest.mark.parametrize(
    ("name", "units", "held", "needed"),
    [("dyck-8-10", 31, 33.46, 30.19), ("dyck-64-50", 301, 305.67, 300.02), ("dyck-1-3", 1, 2, 2)],
)
def test_state_bits_beside_the_information_bound(name, units, held, needed):
    bits = stack_bits(language(name))
    assert (bits.units, round(bits.held, 2), round(bits.needed, 2)) == (units, held, needed)


@pytest.mark.parametrize("name", ["dyck-2-2", "dyck-2-3", "dyck-4-2"])
def test_the_template_reaches_all_states_that_it_holds(name):
    """With a power of two types every content of the registers is reached at every depth."""
    spoken = language(name)
    bits = stack_bits(spoken)
    assert np.log2(verify(template(spoken), spoken.automaton)) == pytest.approx(bits.held)
    assert np.log2(spoken.automaton.states) == pytest.approx(bits.needed)


def largest_counts(name, longest):
    """The largest count of the template after any prefix of each length, by running them all."""
    spoken = language(name)
    circuit = template(spoken)
    reached = {(spoken.initial(), circuit.initial)}
    counts = [max(circuit.initial)]
    for _ in range(longest):
        reached = {
            (after, circuit.step(state, letter))
            for configuration, state in reached
            for letter in range(spoken.end)
            if (after := spoken.successor(configuration, letter)) is not None
        }
        counts.append(max(max(state) for _, state in reached))
    return counts


@pytest.mark.parametrize("name", ["dyck-1", "shuffle-2", "boolean-3", "boolean-5", "anbncn"])
def test_prefixes_count_exactly_up_to_the_length_and_no_further(name):
    counts = largest_counts(name, 9)
    for largest in range(2, 9):
        length = exact_length(language(name), largest)
        assert counts[length] <= largest < counts[length + 1]


def test_only_counters_have_a_range():
    with pytest.raises(InputError, match="d-2: not a counter language"):
        exact_length(language("d-2"), 8)


def test_mantissas():
    formats = {"float64": np.float64, "float32": np.float32, "float16": np.float16}
    for name, kind in formats.items():
        limit = kind(2) ** kind(MANTISSAS[name])
        assert limit + kind(1) == limit
        assert limit - kind(1) != limit


def test_remarks_name_every_format():
    spoken = language("boolean-5")
    (line,) = remarks(template(spoken), spoken)
    for text in ("1 counter", "4,194,303 in float32", "511 in float16", "63 in bfloat16"):
        assert text in line
    spoken = language("dyck-8-10")
    (line,) = remarks(template(spoken), spoken)
    assert line.startswith("2 layers, 31 state units, which hold 33.46 bits")
