import dataclasses

import numpy as np
import pytest
from algebra_oracles import SUITE

from starfree.algebra.cascade import cascade
from starfree.algebra.circuit import Circuit, CircuitError, verify
from starfree.algebra.circuit_units import Action, Cube, Output, Rule, Unit
from starfree.errors import ComplexityLimit, InputError
from starfree.languages.automaton import Automaton

BIT = Unit(
    "bit",
    "reset",
    2,
    0,
    (
        Rule(Cube.of({"letter": [0]}), Action("set", 1)),
        Rule(Cube.of({"letter": [1]}), Action("set", 0)),
    ),
    ("no", "yes"),
)
ALWAYS = (Cube(),)
LAST_IS_A = Circuit(
    ("a", "b", "c"),
    ((BIT,),),
    (
        *(Output(symbol, ALWAYS) for symbol in "abc"),
        Output("$", (Cube.of({"bit.after": [1]}),)),
    ),
)


def set_a_reset_b() -> Automaton:
    table = np.array([[1, 0, 0], [1, 0, 1]], dtype=np.int32)
    return Automaton(("a", "b", "c"), table, 0, np.array([False, True]))


def test_runs() -> None:
    steps = list(LAST_IS_A.run([0, 2, 1, 2]))
    assert [state for state, _ in steps] == [(0,), (1,), (1,), (0,), (0,)]
    assert [bits[-1] for _, bits in steps] == [False, True, True, False, False]


def test_equal_circuit_is_proven() -> None:
    assert verify(LAST_IS_A, set_a_reset_b()) == 2


def test_difference_names_a_shortest_string() -> None:
    table = np.array([[1, 0, 0], [1, 0, 0]], dtype=np.int32)  # c resets too
    other = Automaton(("a", "b", "c"), table, 0, np.array([False, True]))
    with pytest.raises(
        CircuitError, match=r"after 'a c': gives \{a, b, c, \$\}, expected \{a, b, c\}"
    ):
        verify(LAST_IS_A, other)


def test_rules_that_hold_at_once_are_seen() -> None:
    rules = (BIT.rules[0], Rule(Cube.of({"letter": [0, 1]}), Action("set", 0)))
    circuit = dataclasses.replace(LAST_IS_A, levels=((dataclasses.replace(BIT, rules=rules),),))
    with pytest.raises(CircuitError, match=r"unit bit: cubes \[0, 1\] hold at once"):
        verify(circuit, set_a_reset_b())


def test_a_rule_on_the_beginning_is_seen() -> None:
    rules = (Rule(Cube(), Action("set", 1)),)
    circuit = dataclasses.replace(LAST_IS_A, levels=((dataclasses.replace(BIT, rules=rules),),))
    with pytest.raises(CircuitError, match=r"`\^`"):
        verify(circuit, set_a_reset_b())


def test_every_dropped_cube_is_caught() -> None:
    for name in ("d-3", "flipflop", "abab-star"):
        automaton = SUITE[name]
        circuit = cascade(automaton)
        for level, units in enumerate(circuit.levels):
            for place, unit in enumerate(units):
                for rule in range(len(unit.rules)):
                    rules = unit.rules[:rule] + unit.rules[rule + 1 :]
                    changed = list(units)
                    changed[place] = dataclasses.replace(unit, rules=rules)
                    levels = list(circuit.levels)
                    levels[level] = tuple(changed)
                    with pytest.raises(CircuitError):
                        verify(dataclasses.replace(circuit, levels=tuple(levels)), automaton)


def test_limit() -> None:
    with pytest.raises(ComplexityLimit, match="10 product states"):
        verify(cascade(SUITE["d-4"]), SUITE["d-4"], max_states=10)


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        (dataclasses.replace(BIT, labels=("no",)), "1 labels for 2 values"),
        (
            dataclasses.replace(BIT, rules=(Rule(Cube(), Action("add", 1)),)),
            "a reset cannot add",
        ),
        (
            dataclasses.replace(
                BIT, rules=(Rule(Cube.of({"later.after": [1]}), Action("set", 1)),)
            ),
            "later.after is unknown or of a later level",
        ),
        (
            dataclasses.replace(BIT, rules=(Rule(Cube.of({"bit.before": [1]}), Action("set", 1)),)),
            "bit.before is unknown",
        ),
    ],
)
def test_malformed_units(unit: Unit, message: str) -> None:
    with pytest.raises(CircuitError, match=message):
        dataclasses.replace(LAST_IS_A, levels=((unit,),))


def test_names_are_unique() -> None:
    with pytest.raises(CircuitError, match="used twice"):
        dataclasses.replace(LAST_IS_A, levels=((BIT,), (BIT,)))


def test_json_round_trip_and_errors() -> None:
    data = LAST_IS_A.to_json()
    assert Circuit.from_json(data) == LAST_IS_A
    with pytest.raises(InputError, match="format 2"):
        Circuit.from_json({**data, "format": 2})
    with pytest.raises(InputError, match="levels"):
        Circuit.from_json({key: value for key, value in data.items() if key != "levels"})


def test_counter_shows_a_cut_off_count() -> None:
    rules = (
        Rule(Cube.of({"letter": [0]}), Action("add", 1)),
        Rule(Cube.of({"letter": [1]}), Action("add", -1)),
    )
    unit = Unit("depth", "counter", 2, 0, rules, ("0", "more"))
    outputs = (
        Output("(", ALWAYS),
        Output(")", (Cube.of({"depth.after": [1]}),)),
        Output("$", (Cube.of({"depth.after": [0]}),)),
    )
    circuit = Circuit(("(", ")"), ((unit,),), outputs)
    steps = list(circuit.run([0, 0, 0, 1, 1, 1]))
    assert [state[0] for state, _ in steps] == [0, 1, 2, 3, 2, 1, 0]
    assert [bits for _, bits in steps][::6] == [(True, False, True)] * 2


def test_a_wire_forgets_and_sees_its_own_level() -> None:
    rules = (Rule(Cube.of({"letter": [0]}), Action("set", 1)),)
    memory = Unit("memory", "reset", 2, 0, rules, ("0", "1"))
    seen = Cube.of({"memory.after": [1], "letter": [1]})
    wire = Unit("wire", "wire", 2, 0, (Rule(seen, Action("set", 1)),), ("0", "1"))
    outputs = (
        Output("a", (Cube.of({"wire.after": [1]}),)),
        Output("b", (Cube(),)),
        Output("$", ()),
    )
    made = Circuit(("a", "b"), ((memory, wire),), outputs)
    assert [bits[0] for _, bits in made.run([1, 0, 1, 1, 0])] == [
        *(False, False, False),
        *(True, True, False),
    ]
    assert Circuit.from_json(made.to_json()) == made
    with pytest.raises(CircuitError, match=r"unit wire: feature memory\.after is unknown"):
        Circuit(("a", "b"), ((wire, memory),), outputs)
