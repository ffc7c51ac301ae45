import numpy as np
import pytest
from algebra_oracles import (
    STAR_FREE,
    SUITE,
    Map,
    random_permutation_automaton,
    word_problem,
)

from starfree.algebra.aperiodicity import check_witness
from starfree.algebra.cascade import Gates, cascade
from starfree.algebra.circuit import Circuit
from starfree.algebra.groups import groups
from starfree.algebra.refusals import NotStarFree
from starfree.errors import InputError


def shape(circuit: Circuit) -> list[list[tuple[str, int]]]:
    return [[(unit.kind, unit.size) for unit in level] for level in circuit.levels]


C = "cyclic"
P = "permutation"


@pytest.mark.parametrize(
    ("name", "gates", "levels"),
    [
        ("parity", "signed", [[(C, 2)]]),
        ("aa-star", "signed", [[(C, 2)]]),
        ("aaaa-star", "signed", [[(C, 2)], [(C, 2)]]),
        ("aaaa-star", "rotation", [[(C, 4)]]),
        ("abab-star", "signed", [[(C, 2)]]),
        ("tomita-3", "signed", [[("reset", 2)], [(C, 2)], [("reset", 2)]]),
        ("tomita-5", "signed", [[(C, 2), (C, 2)]]),
        ("tomita-6", "rotation", [[(C, 3)]]),
        ("s3", "rotation", [[(C, 2)], [(C, 3)]]),
        ("s3", "reflection", [[(P, 3)] * 2]),
        ("a5", "reflection", [[(P, 5)] * 3]),
        ("s5", "reflection", [[(P, 5)] * 4]),
    ],
)
def test_suite(name: str, gates: Gates, levels: list[list[tuple[str, int]]]) -> None:
    assert shape(cascade(SUITE[name], "predictive", gates)) == levels


def test_recognisers_add_resets_only() -> None:
    abab = shape(cascade(SUITE["abab-star"], "recogniser", "signed"))
    assert abab == [[("reset", 2)], [(C, 2)], [("reset", 2)]]  # the last one is the error latch
    aaaa = shape(cascade(SUITE["aaaa-star"], "recogniser", "signed"))
    assert aaaa == [[(C, 2)], [(C, 2)]]


@pytest.mark.parametrize(
    ("generators", "gates", "sizes"),
    [
        (((1, 2, 0, 3), (1, 0, 3, 2)), "rotation", [[3], [2, 2]]),  # A4
        (((1, 0, 2, 3), (1, 2, 3, 0)), "rotation", [[2], [3], [2, 2]]),  # S4
        (((1, 2, 3, 0), (0, 3, 2, 1)), "signed", [[2, 2], [2]]),  # symmetries of the square
        (((1, 2, 3, 4, 5, 6, 7, 0),), "signed", [[2], [2], [2]]),  # Z8
        (((1, 2, 3, 0, 5, 4),), "rotation", [[4]]),
        (((1, 2, 3, 0, 4, 5), (0, 1, 2, 3, 5, 4)), "rotation", [[4, 2]]),
    ],
)
def test_series(generators: tuple[Map, ...], gates: Gates, sizes: list[list[int]]) -> None:
    circuit = cascade(word_problem(*generators), gates=gates)
    assert [[unit.size for unit in level] for level in circuit.levels] == sizes
    assert {unit.kind for unit in circuit.units} == {"cyclic"}


def test_refusals() -> None:
    with pytest.raises(InputError, match="one of order 3; choose the target rotation"):
        cascade(SUITE["tomita-6"], gates="signed")
    with pytest.raises(
        InputError, match="order 60 that is not solvable; choose the target reflection"
    ):
        cascade(SUITE["a5"], gates="rotation")
    for name in SUITE:
        if name in STAR_FREE:
            continue
        with pytest.raises(NotStarFree, match="not star-free: ") as error:
            cascade(SUITE[name], gates="nonnegative")
        assert check_witness(SUITE[name], error.value.witness)


def test_random_automata() -> None:
    rng = np.random.default_rng(10)
    done = {"signed": 0, "rotation": 0, "reflection": 0}
    for _ in range(80):
        automaton = random_permutation_automaton(rng, 4)
        found = groups(automaton)
        for gates in done:
            possible = {
                "signed": all(group.is_2_group for group in found),
                "rotation": all(group.solvable for group in found),
                "reflection": True,
            }
            try:
                circuit = cascade(automaton, gates=gates)  # proven equal inside
            except InputError:
                assert not possible[gates]
                continue
            assert possible[gates]
            done[gates] += bool(found)
            if gates == "signed":
                assert all(u.size == 2 for u in circuit.units if u.kind == "cyclic")
                assert all(u.kind != "permutation" for u in circuit.units)
            if gates == "rotation":
                assert all(u.kind != "permutation" for u in circuit.units)
    assert min(done.values()) > 10
