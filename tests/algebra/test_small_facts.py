"""Small facts of theory, each computed here and held against what `classify` says of it."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from starfree.algebra.cascade import cascade
from starfree.algebra.claims import Verdict
from starfree.algebra.classify import classify
from starfree.algebra.verdict import (
    FEW_BITS,
    FIXED,
    FLOATS,
    HOUSEHOLDER,
    NONNEGATIVE,
    REALS,
    SIGNED,
    SOFTMAX,
    TIME_INVARIANT,
    WRAPPED,
)
from starfree.languages.catalog import language


def verdict(
    name: str,
    architecture: str,
    arithmetic: str = FIXED,
    reading: str = "sign",
    task: str = "predict",
) -> Verdict:
    (found,) = [
        v
        for v in classify(language(name)).verdicts
        if (v.architecture, v.arithmetic, v.reading, v.task)
        == (architecture, arithmetic, reading, task)
    ]
    return found


def legal_after_each_letter(name: str, word: list[int]) -> list[list[bool]]:
    return [row.tolist() for row in language(name).legal(word)]


@pytest.mark.parametrize(("name", "gate"), [("aa-star", -1), ("aaaa-star", 1j)])
def test_counting_one_letter_by_one_fixed_gate(name: str, gate: complex) -> None:
    h: complex = 1
    for legal in legal_after_each_letter(name, [0] * 40):
        assert legal == [True, h == 1]
        h *= gate  # a product of units is exact
    found = verdict(name, TIME_INVARIANT)
    assert (found.answer, found.layers_lower, found.layers_upper) == ("can", 1, 1)
    assert {-1: "A = -1", 1j: "A = i"}[gate] in found.conditions
    assert found.status == "derived"


def test_four_letters_by_two_signed_layers() -> None:
    low, high = 1, 1  # the second flips when the first does so from -1
    for legal in legal_after_each_letter("aaaa-star", [0] * 40):
        assert legal == [True, low == high == 1]
        low, high = -low, high * low
    found = verdict("aaaa-star", SIGNED)
    assert (found.layers_lower, found.layers_upper, found.units) == (2, 2, {"cyclic": 2})
    # One layer of signs has no element of order 4: its square is always 1.
    assert all(math.prod(signs * 2) == 1 for signs in itertools.product((1, -1), repeat=3))


def test_abab_by_one_sign_that_b_flips() -> None:
    h = 1
    for place, legal in enumerate(legal_after_each_letter("abab-star", [0, 1] * 20)):
        after_a = place % 2 == 1  # what the last letter tells
        assert legal == [not after_a, after_a, not after_a and h == 1]
        h *= -1 if after_a else 1  # the next letter is then a b
    found = verdict("abab-star", SIGNED)
    assert (found.layers_lower, found.layers_upper, found.units) == (1, 1, {"cyclic": 1})
    assert "gates -1, 1" in found.conditions


def test_tomita_3_needs_three_gates() -> None:
    tomita = language("tomita-3")
    assert tomita.automaton is not None
    columns = tomita.automaton.transitions.T.tolist()
    maps = {tuple(range(4))}
    queue = list(maps)
    for m in queue:
        for column in columns:
            longer = tuple(column[q] if q >= 0 else -1 for q in m)
            if longer not in maps:
                maps.add(longer)
                queue.append(longer)
    # Some word exchanges two states: a gate of -1. Some word merges two live ones: a gate of 0.
    assert any(m[i] == j and m[j] == i for m in maps for i in range(4) for j in range(i))
    assert any(m[i] == m[j] >= 0 for m in maps for i in range(4) for j in range(i))
    verbs = {
        rule.action.verb
        for unit in cascade(tomita.automaton, gates="signed").units
        for rule in unit.rules
    }
    assert verbs == {"set", "add"}
    assert "gates -1, 0, 1" in verdict("tomita-3", SIGNED).conditions


def test_real_layers_with_gate_minus_one_resonate() -> None:
    # Fed with what a first such layer gives, a second one grows instead of counting modulo 4.
    first, second, sizes = 1, 0, []
    for _ in range(200):
        second = -second + first
        first = -first
        sizes.append(abs(second))
    assert sizes == list(range(1, 201))
    turned = list(itertools.accumulate(range(200), lambda h, _: h * 1j, initial=1))
    assert {abs(h) for h in turned} == {1.0}
    assert len(set(turned)) == 4


def test_two_floats_hold_a_stack_when_gates_exceed_one() -> None:
    dyck = language("dyck-8-10")
    rng = np.random.default_rng(1)
    stack, depth = 0.0, 0.0  # float64: sixteenths, the last opened bracket first
    word: list[int] = []
    given = []
    for _ in range(2000):
        top = int(stack * 16) - 1
        opens, closes = depth < 10, depth > 0
        kind = int(rng.integers(8))
        if opens and (not closes or rng.random() < 0.55):
            stack, depth = stack * (1 / 16) + (kind + 1) / 16, depth + 1  # the gate is 1/16
            word.append(kind)
        else:
            stack, depth = stack * 16 - (top + 1), depth - 1  # the gate is 16
            word.append(8 + top)
        top = int(stack * 16) - 1
        assert (stack == 0) == (depth == 0)
        given.append([depth < 10] * 8 + [k == top for k in range(8)] + [depth == 0])
    assert given == dyck.legal(word)[1:].tolist()
    # So units bound nothing; bits do.
    found = verdict("dyck-8-10", NONNEGATIVE)
    needed = math.log2(sum(8**depth for depth in range(11)))
    held = math.log2(11 * 2**30)
    assert f"31 numbers that hold {held:.2f} bits" in found.conditions
    assert f"than {needed:.2f}" in found.conditions
    assert (round(needed, 2), round(held, 2)) == (30.19, 33.46)


def test_tent_maps_read_parity_off_a_count() -> None:
    count = np.arange(131_073, dtype=np.float32)  # one non-negative counter, A = 1
    x = count * np.float32(2**-17)
    for _ in range(17):
        x = np.minimum(2 * x, 2 - 2 * x)
    assert x.dtype == np.float32
    assert (x == np.arange(131_073) % 2).all()
    beyond = np.float32(131_073 * 2**-17)
    for _ in range(17):
        beyond = np.minimum(2 * beyond, 2 - 2 * beyond)
    assert beyond != 1  # the range of the maps ends: no answer for all lengths
    assert verdict("parity", NONNEGATIVE, FLOATS).answer == "cannot"


def test_unsigned_integers_do_parity() -> None:
    h = 0
    rng = np.random.default_rng(2)
    word = rng.integers(0, 2, 500).tolist()
    for place, legal in enumerate(legal_after_each_letter("parity", word)):
        assert legal[-1] == (h == 0)
        if place < len(word):
            h = (1 * h + 8 * word[place]) % 16  # 4 bits, gate 1
    assert verdict("parity", NONNEGATIVE, WRAPPED).answer == "can"
    assert verdict("aaaa-star", NONNEGATIVE, WRAPPED).answer == "can"
    assert verdict("tomita-6", NONNEGATIVE, WRAPPED).answer == "cannot"


def test_sign_and_margin_differ_with_gates_inside_the_unit_interval() -> None:
    written = Fraction(1, 2)  # w 1: gate 1/4, input 1/2
    h = written
    for _ in range(2000):
        h *= Fraction(3, 4)  # ignored letters: gate 3/4, input 0
    assert 0 < h < Fraction(1, 10**100)  # the sign is right for ever, no margin is
    float32 = np.float32(0.5)
    for _ in range(2000):
        float32 *= np.float32(0.75)
    assert float32 < np.finfo(np.float32).smallest_normal
    kept = np.float32(0.5)
    for _ in range(2000):
        kept *= np.exp(np.float32(-2e-9))  # a gate that float32 rounds to 1
    assert kept == 0.5
    assert verdict("flipflop", NONNEGATIVE, REALS, "sign").answer == "can"
    assert verdict("flipflop", NONNEGATIVE, REALS, "margin g").answer == "cannot"
    assert verdict("flipflop", NONNEGATIVE, FLOATS).answer == "can"


def test_s5_by_four_reflections() -> None:
    s5 = language("s5")
    assert s5.automaton is not None
    generators = [(1, 0, 2, 3, 4), (1, 2, 3, 4, 0)]
    needed = []
    for generator in generators:  # n - rank(P - 1) is the number of cycles
        matrix = np.eye(5)[list(generator)]
        needed.append(int(np.linalg.matrix_rank(matrix - np.eye(5))))
    found = verdict("s5", HOUSEHOLDER)
    assert max(needed) == 4
    assert "at most 4 reflections a letter" in found.conditions
    assert (found.layers_upper, found.units) == (1, {"permutation": 4})
    unit = np.array([1.0, -1, 0, 0, 0])
    assert (np.eye(5) - np.outer(unit, unit) == np.eye(5)[list(generators[0])]).all()


def test_the_star_free_theorem_names_its_status() -> None:
    assert "not fully formal" in verdict("d-2", NONNEGATIVE).status
    assert verdict("d-2", NONNEGATIVE, FLOATS).status == "derived"


def test_prediction_and_recognition_differ_for_attention() -> None:
    assert verdict("tomita-2", SOFTMAX, FEW_BITS).answer == "can"
    assert verdict("tomita-2", SOFTMAX, FEW_BITS, task="recognise").answer == "cannot"


def test_generalisation_is_another_question() -> None:
    flipflop = verdict("flipflop", SOFTMAX, FEW_BITS)
    assert flipflop.predicted_to_generalise is False
    assert verdict("dyck-1", SOFTMAX, FEW_BITS).answer == "cannot"
    assert verdict("dyck-1", SOFTMAX, FEW_BITS).predicted_to_generalise is True
    assert verdict("parity", SOFTMAX, FEW_BITS).predicted_to_generalise is None
    assert verdict("flipflop", NONNEGATIVE).predicted_to_generalise is None
