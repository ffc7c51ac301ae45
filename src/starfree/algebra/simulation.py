"""Runs a circuit, letter by letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from starfree.algebra.circuit_units import Cube, Output, Unit
from starfree.errors import CircuitError


class Simulation:
    """Runs a circuit; what a unit or output does is remembered by the features that it reads."""

    def __init__(self, units: Sequence[Unit], outputs: Sequence[Output]) -> None:
        self.units = units
        self.wires = {n for n, unit in enumerate(units) if unit.kind == "wire"}
        self.counters = {n for n, unit in enumerate(units) if unit.kind == "counter"}
        index = {"letter": 0}
        for number, unit in enumerate(self.units):
            index[f"{unit.name}.before"] = 1 + 2 * number
            index[f"{unit.name}.after"] = 2 + 2 * number
        self.rules = [
            _Choice(f"unit {unit.name}", [rule.when for rule in unit.rules], index)
            for unit in self.units
        ]
        self.bits = [
            (_Choice(f"output {output.symbol}", output.cubes, index), output.negated)
            for output in outputs
        ]

    def step(self, state: tuple[int, ...], letter: int) -> tuple[int, ...]:
        """The state after one more letter.

        Raises:
            CircuitError: two rules of one unit hold at once.
        """
        features = self._features(state, letter)
        after = list(state)
        for number, choice in enumerate(self.rules):
            rule = choice.pick(features)
            if rule >= 0:
                unit = self.units[number]
                action = unit.rules[rule].action
                after[number] = action.apply(state[number], unit.size, unit.kind)
            elif number in self.wires:
                after[number] = self.units[number].initial
            value = after[number]
            shows = self.units[number].shown(value) if number in self.counters else value
            features[2 + 2 * number] = shows
        return tuple(after)

    def outputs(
        self, before: tuple[int, ...], letter: int, after: tuple[int, ...]
    ) -> tuple[bool, ...]:
        """The output bits, given the last step.

        Raises:
            CircuitError: two cubes of one output hold at once.
        """
        features = self._features(before, letter)
        features[2::2] = self._shown(after)
        return tuple((choice.pick(features) >= 0) != negated for choice, negated in self.bits)

    def _features(self, before: tuple[int, ...], letter: int) -> list[int]:
        features = [letter] + [0] * (2 * len(self.units))
        features[1::2] = self._shown(before)
        return features

    def _shown(self, state: tuple[int, ...]) -> Sequence[int]:
        if not self.counters:
            return state
        return [unit.shown(value) for unit, value in zip(self.units, state, strict=True)]


class _Choice:
    """Which of some disjoint cubes holds."""

    def __init__(self, owner: str, cubes: Sequence[Cube], index: Mapping[str, int]) -> None:
        self.owner = owner
        self.everything = (1 << len(cubes)) - 1
        allowing: dict[int, dict[int, int]] = {}  # place -> value -> bitmask of cubes
        free: dict[int, int] = {}  # place -> bitmask of cubes that allow every value there
        for number, cube in enumerate(cubes):
            for name, allowed in cube.literals:
                own = allowing.setdefault(index[name], {})
                free[index[name]] = free.get(index[name], self.everything) & ~(1 << number)
                for value in allowed:
                    own[value] = own.get(value, 0) | 1 << number
        self.tests = [(place, own, free[place]) for place, own in allowing.items()]
        reads = list(allowing)
        self.key: Callable[[list[int]], object] = itemgetter(*reads) if reads else _nothing
        self.known: dict[object, int] = {}

    def pick(self, features: list[int]) -> int:
        """Number of the cube that holds, -1 if none does."""
        key = self.key(features)
        found = self.known.get(key)
        if found is None:
            holding = self.everything
            for place, own, free in self.tests:
                holding &= own.get(features[place], 0) | free
            if holding.bit_count() > 1:
                numbers = [n for n in range(holding.bit_length()) if holding >> n & 1]
                raise CircuitError(f"{self.owner}: cubes {numbers} hold at once, not disjoint")
            found = self.known[key] = holding.bit_length() - 1
        return found


def _nothing(features: list[int]) -> None:
    """What a choice without literals reads."""
