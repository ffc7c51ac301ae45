"""Circuits: levels of named units as plain data. Front ends write them, back ends read them.

A circuit reads one letter after another. Each **unit** holds a value and has disjoint **rules**:
the rule whose cube holds acts on the value, and where none holds the value stays. A **cube** is a
conjunction over named **features**, each of which must take one of some allowed values:

- ``letter``: the token read now, 0..n-1; before the first letter it is n + 1, the token of `^`,
  which acts as an identity: in the initial state no rule fires on it;
- ``NAME.before`` and ``NAME.after``: the value of unit NAME before and after this letter.

A rule of a unit sees the letter and the units of earlier levels only, so that a level is one layer
of a network; a wire, which is a layer's read-out, also sees the units before it in its own level,
as they are after the letter. An **output** is one bit of the legal set after the letters read so
far: true iff one of its cubes holds (`negated`: iff none holds); it sees the letter and all units.

Kinds of units, and what their rules may do:

========== ================================= ==========================================
kind       values                            actions
========== ================================= ==========================================
reset      0..size-1                         set j
cyclic     0..size-1                         set j; add k (modulo size)
permutation 0..size-1                        set j; permute (j becomes the j-th entry)
counter    all integers                      set j; add k. The feature shows the count cut
                                             off to low..low+size-1, minus low
wire       0..size-1                         set j. No memory: where no rule holds the
                                             value is the initial one
========== ================================= ==========================================

JSON: ``{"format": 1, "mode", "alphabet", "levels": [[{"name", "kind", "size", "low", "initial",
"labels", "rules": [{"when": {feature: [values]}, "do": ["set", 1]}]}]], "outputs": [{"symbol",
"negated", "cubes": [{feature: [values]}]}]}``. Outputs stand in the order of the
alphabet, `$` last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from starfree.algebra.circuit_units import VERBS, Action, Cube, Output, Rule, Unit
from starfree.algebra.simulation import Simulation
from starfree.errors import CircuitError, ComplexityLimit, InputError
from starfree.languages.automaton import Automaton

Mode = Literal["predictive", "recogniser"]
State = tuple[int, ...]
_Node = tuple[State, int]

DEFAULT_STATE_LIMIT = 1_000_000


@dataclass(frozen=True)
class Circuit:
    """Levels of units and one output for every symbol and `$`.

    Attributes:
        mode: ``predictive``: right on prefixes of members; ``recogniser``: right on every string,
            all outputs are false once no member can follow.

    """

    alphabet: tuple[str, ...]
    levels: tuple[tuple[Unit, ...], ...]
    outputs: tuple[Output, ...]
    mode: Mode = "predictive"

    def __post_init__(self) -> None:
        seen = {"letter"}
        for level in self.levels:
            own: set[str] = set()
            for unit in level:
                _check_unit(unit, seen | own if unit.kind == "wire" else seen, own)
                own.add(f"{unit.name}.after")
            seen |= own | {f"{unit.name}.before" for unit in level}
        if [output.symbol for output in self.outputs] != [*self.alphabet, "$"]:
            raise CircuitError("circuit: one output for every symbol of the alphabet, then one `$`")
        for output in self.outputs:
            _check_cubes(f"output {output.symbol}", output.cubes, seen)

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """All units, level by level; a state of the circuit holds their values in this order."""
        return tuple(unit for level in self.levels for unit in level)

    @property
    def initial(self) -> State:
        """The state before the first letter."""
        return tuple(unit.initial for unit in self.units)

    @property
    def cubes(self) -> int:
        """Number of cubes in all rules and outputs."""
        rules = sum(len(unit.rules) for unit in self.units)
        return rules + sum(len(output.cubes) for output in self.outputs)

    def step(self, state: State, letter: int) -> State:
        """The state after one more letter.

        Raises:
            CircuitError: two rules of one unit hold at once.

        """
        return self._simulation.step(state, letter)

    def outputs_after(self, before: State, letter: int, after: State) -> tuple[bool, ...]:
        """The output bits, given the last step.

        Raises:
            CircuitError: two cubes of one output hold at once.

        """
        return self._simulation.outputs(before, letter, after)

    def run(self, letters: Iterable[int]) -> Iterator[tuple[State, tuple[bool, ...]]]:
        """State and output bits after every prefix, the empty one first."""
        state = self.initial
        yield state, self.outputs_after(state, len(self.alphabet) + 1, state)
        for letter in letters:
            before, state = state, self.step(state, int(letter))
            yield state, self.outputs_after(before, int(letter), state)

    @cached_property
    def _simulation(self) -> Simulation:
        return Simulation(self.units, self.outputs)

    def to_json(self) -> dict[str, Any]:
        """Plain data, see the module's docstring."""
        return {
            "format": 1,
            "mode": self.mode,
            "alphabet": list(self.alphabet),
            "levels": [[_unit_to_json(unit) for unit in level] for level in self.levels],
            "outputs": [
                {
                    "symbol": output.symbol,
                    "negated": output.negated,
                    "cubes": [_cube_to_json(cube) for cube in output.cubes],
                }
                for output in self.outputs
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Circuit:
        """Read what `to_json` wrote.

        Raises:
            InputError: another format, or a missing field.

        """
        if data.get("format") != 1:
            raise InputError(f"circuit: format {data.get('format')!r} is not 1")
        try:
            levels = tuple(
                tuple(_unit_from_json(unit) for unit in level) for level in data["levels"]
            )
            outputs = tuple(
                Output(o["symbol"], tuple(_cube_from_json(c) for c in o["cubes"]), o["negated"])
                for o in data["outputs"]
            )
            return cls(tuple(data["alphabet"]), levels, outputs, data["mode"])
        except (KeyError, TypeError) as error:
            raise InputError(f"circuit: missing or wrong field {error}") from error


def verify(circuit: Circuit, automaton: Automaton, max_states: int = DEFAULT_STATE_LIMIT) -> int:
    """Prove the circuit equal to the automaton's language by a product search.

    Predictive circuits are compared on every prefix of a member, recognisers on every string. The
    search also proves that the cubes of every unit and output are disjoint wherever it comes.

    Returns:
        the number of reachable pairs of circuit and automaton states.

    Raises:
        CircuitError: they differ; names a shortest string.
        ComplexityLimit: more than `max_states` pairs.

    """
    automaton = automaton.minimise()
    rows: list[list[int]] = automaton.transitions.tolist()
    letters = range(len(circuit.alphabet))
    legal = [
        (*(target >= 0 for target in row), bool(accepts))
        for row, accepts in zip(rows, automaton.accepting, strict=True)
    ]
    nothing = (False,) * (len(circuit.alphabet) + 1)
    start = (circuit.initial, automaton.start)
    words: dict[_Node, tuple[_Node | None, int]] = {start: (None, -1)}

    def compare(before: _Node, letter: int, node: _Node) -> None:
        given = circuit.outputs_after(before[0], letter, node[0])
        expected = legal[node[1]] if node[1] >= 0 else nothing
        if given != expected:
            symbols = _path(words, before) + ([letter] if letter < len(circuit.alphabet) else [])
            raise CircuitError(
                "circuit: differs from its automaton after "
                f"{' '.join(circuit.alphabet[symbol] for symbol in symbols)!r}: "
                f"gives {_bits(circuit, given)}, expected {_bits(circuit, expected)}"
            )

    begin = len(circuit.alphabet) + 1
    if circuit.step(circuit.initial, begin) != circuit.initial:
        raise CircuitError("circuit: a rule fires on `^`, which must act as the identity")
    compare(start, begin, start)
    queue = [start]
    for node in queue:
        state, row = node
        for letter in letters:
            target = rows[row][letter] if row >= 0 else -1
            if target < 0 and circuit.mode == "predictive":
                continue
            after = circuit.step(state, letter)
            following = (after, target)
            if following not in words:
                if len(words) >= max_states:
                    raise ComplexityLimit(
                        f"circuit: {max_states:,} product states visited, all equal so far; "
                        "raise max_states"
                    )
                words[following] = (node, letter)
                queue.append(following)
            compare(node, letter, following)
    return len(words)


def _path(words: Mapping[_Node, tuple[_Node | None, int]], node: _Node) -> list[int]:
    letters = []
    parent, letter = words[node]
    while parent is not None:
        letters.append(letter)
        parent, letter = words[parent]
    return letters[::-1]


def _bits(circuit: Circuit, bits: Iterable[bool]) -> str:
    names = [*circuit.alphabet, "$"]
    return "{" + ", ".join(name for name, bit in zip(names, bits, strict=True) if bit) + "}"


def _check_unit(unit: Unit, seen: set[str], own: set[str]) -> None:
    """Of a unit that sees some features, in a level whose own features so far are these."""
    if f"{unit.name}.after" in seen | own:
        raise CircuitError(f"unit {unit.name}: the name is used twice")
    if len(unit.labels) != unit.size:
        raise CircuitError(f"unit {unit.name}: {len(unit.labels)} labels for {unit.size} values")
    for rule in unit.rules:
        if rule.action.verb not in VERBS[unit.kind]:
            raise CircuitError(f"unit {unit.name}: a {unit.kind} cannot {rule.action.verb}")
    _check_cubes(f"unit {unit.name}", [rule.when for rule in unit.rules], seen)


def _check_cubes(owner: str, cubes: Iterable[Cube], seen: set[str]) -> None:
    for cube in cubes:
        for feature, _ in cube.literals:
            if feature not in seen:
                raise CircuitError(f"{owner}: feature {feature} is unknown or of a later level")


def _cube_to_json(cube: Cube) -> dict[str, list[int]]:
    return {feature: list(allowed) for feature, allowed in cube.literals}


def _cube_from_json(data: Mapping[str, list[int]]) -> Cube:
    return Cube(tuple((feature, tuple(allowed)) for feature, allowed in data.items()))


def _unit_to_json(unit: Unit) -> dict[str, Any]:
    rules = [
        {
            "when": _cube_to_json(rule.when),
            "do": [
                rule.action.verb,
                list(rule.action.value)
                if isinstance(rule.action.value, tuple)
                else rule.action.value,
            ],
        }
        for rule in unit.rules
    ]
    return {
        "name": unit.name,
        "kind": unit.kind,
        "size": unit.size,
        "low": unit.low,
        "initial": unit.initial,
        "labels": list(unit.labels),
        "rules": rules,
    }


def _unit_from_json(data: Mapping[str, Any]) -> Unit:
    rules = []
    for rule in data["rules"]:
        verb, value = rule["do"]
        action = Action(verb, tuple(value) if isinstance(value, list) else value)
        rules.append(Rule(_cube_from_json(rule["when"]), action))
    return Unit(
        data["name"],
        data["kind"],
        data["size"],
        data["initial"],
        tuple(rules),
        tuple(data["labels"]),
        data["low"],
    )
