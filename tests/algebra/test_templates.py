import numpy as np
import pytest

from starfree.algebra.circuit import verify
from starfree.algebra.templates import template
from starfree.errors import InputError
from starfree.languages.catalog import language

COUNTERS = [
    *("dyck-1", "shuffle-2", "shuffle-4", "shuffle-6", "boolean-3", "boolean-5"),
    *("anbn", "anbncn", "anbncndn"),
]


def assert_predicts(reference: str, lengths: range) -> None:
    """Outputs of the template are the legal sets, on members of some lengths."""
    spoken = language(reference)
    circuit = template(spoken)
    rng = np.random.default_rng(1)
    tested = 0
    for length in lengths:
        if not spoken.count(length):
            continue
        for word in spoken.draw(length, 4, rng):
            legal = spoken.legal(word)
            given = np.array([bits for _, bits in circuit.run(word.tolist())])
            assert (given == legal).all()
            tested += 1
    assert tested > 3


@pytest.mark.parametrize("reference", COUNTERS)
def test_counters(reference: str) -> None:
    assert_predicts(reference, range(0, 40))
    assert_predicts(reference, range(120, 136))
    circuit = template(language(reference))
    assert len(circuit.levels) == 1
    assert {unit.kind for unit in circuit.units} == {"counter"}


def test_number_of_counters() -> None:
    units = {name: len(template(language(name)).units) for name in COUNTERS}
    assert units == {
        **{"dyck-1": 1, "shuffle-2": 2, "shuffle-4": 4, "shuffle-6": 6},
        **{"boolean-3": 1, "boolean-5": 1, "anbn": 1, "anbncn": 2, "anbncndn": 3},
    }


@pytest.mark.parametrize("reference", ["dyck-1-3", "dyck-2-2", "dyck-2-5", "dyck-3-3", "dyck-8-3"])
def test_bounded_dyck_against_its_automaton(reference: str) -> None:
    spoken = language(reference)
    assert spoken.automaton is not None
    circuit = template(spoken)
    assert verify(circuit, spoken.automaton) >= spoken.automaton.states
    assert len(circuit.levels) <= 2


def test_large_dyck() -> None:
    assert_predicts("dyck-8-10", range(30, 50))
    circuit = template(language("dyck-8-10"))
    kinds = [[unit.kind for unit in level] for level in circuit.levels]
    assert kinds == [["counter"], ["reset"] * 30 + ["wire"] * 3]
    assert all(unit.size == 2 for unit in circuit.levels[1])


def test_no_template() -> None:
    with pytest.raises(InputError, match="parity: no template"):
        template(language("parity"))
