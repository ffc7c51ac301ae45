"""What a circuit is made of: cubes, the rules that they guard, units and outputs (`circuit.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["reset", "cyclic", "permutation", "counter", "wire"]
Verb = Literal["set", "add", "permute"]

VERBS: Mapping[Kind, frozenset[Verb]] = {
    "reset": frozenset({"set"}),
    "cyclic": frozenset({"set", "add"}),
    "permutation": frozenset({"set", "permute"}),
    "counter": frozenset({"set", "add"}),
    "wire": frozenset({"set"}),
}


@dataclass(frozen=True)
class Cube:
    """A conjunction: every named feature takes one of its allowed values.

    Attributes:
        literals: ``((feature, allowed values), ...)``, values ascending; no literal: always true.

    """

    literals: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @classmethod
    def of(cls, literals: Mapping[str, Iterable[int]]) -> Cube:
        """A cube from a mapping of features to allowed values."""
        return cls(tuple((name, tuple(sorted(allowed))) for name, allowed in literals.items()))

    def holds(self, features: Mapping[str, int]) -> bool:
        """Whether every literal holds."""
        return all(features[name] in allowed for name, allowed in self.literals)

    def also(self, feature: str, allowed: Iterable[int]) -> Cube:
        """Return this cube with one more literal."""
        return Cube((*self.literals, (feature, tuple(sorted(allowed)))))


@dataclass(frozen=True)
class Action:
    """What a rule does to the value: set it, add to it, or permute it."""

    verb: Verb
    value: int | tuple[int, ...]

    def apply(self, value: int, size: int, kind: Kind) -> int:
        """The new value of a unit."""
        if isinstance(self.value, tuple):
            return self.value[value]
        if self.verb == "set":
            return self.value
        return value + self.value if kind == "counter" else (value + self.value) % size


@dataclass(frozen=True)
class Rule:
    """Where `when` holds, do `action`."""

    when: Cube
    action: Action


@dataclass(frozen=True)
class Unit:
    """One named memory. See the module's docstring.

    Attributes:
        size: number of values (of a counter: number of values that its feature shows).
        initial: the value before the first letter.
        labels: a name for every value that the feature shows.
        low: the least count that a counter's feature tells from smaller ones; 0 for other kinds.

    """

    name: str
    kind: Kind
    size: int
    initial: int
    rules: tuple[Rule, ...]
    labels: tuple[str, ...]
    low: int = 0

    def shown(self, value: int) -> int:
        """The feature's value."""
        if self.kind != "counter":
            return value
        return min(max(value - self.low, 0), self.size - 1)


@dataclass(frozen=True)
class Output:
    """One bit of the legal set: true iff one of the cubes holds, or iff none does (`negated`)."""

    symbol: str
    cubes: tuple[Cube, ...]
    negated: bool = False
