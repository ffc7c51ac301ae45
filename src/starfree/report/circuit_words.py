"""A circuit in words, for the page: its units, when they are reset, what decides each bit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starfree.algebra.circuit import Circuit
from starfree.algebra.circuit_units import Action, Cube, Output, Rule, Unit

NONE_YET = "none yet"
"""The letter before the first one, `^`."""


@dataclass(frozen=True)
class RuleWords:
    """One rule: its conditions, all of which must hold, and what it does.

    Attributes:
        value: the number of the value that it sets; None where it turns or counts.
        action: what it does to the value, in words.
    """

    conditions: tuple[str, ...]
    value: int | None
    action: str


@dataclass(frozen=True)
class UnitWords:
    """One unit.

    Attributes:
        reads: the features that its rules ask for.
        otherwise: what it does where no rule holds; empty if always some rule holds.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    initial: int
    reads: tuple[str, ...]
    rules: tuple[RuleWords, ...]
    otherwise: str


@dataclass(frozen=True)
class OutputWords:
    """One bit of the legal set.

    Attributes:
        when: ``if`` or ``unless`` one of the conjunctions holds; or ``always``, ``never``.
        cubes: the conjunctions; none where nothing is asked for.
    """

    symbol: str
    when: str
    cubes: tuple[tuple[str, ...], ...]


class Words:
    """Puts the parts of one circuit into words."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self.labels = {unit.name: short_labels(unit) for unit in circuit.units}

    def levels(self) -> list[list[UnitWords]]:
        """All units, level by level."""
        return [[self._unit(unit) for unit in level] for level in self._circuit.levels]

    def outputs(self) -> list[OutputWords]:
        """All bits, `$` last."""
        return [self._output(output) for output in self._circuit.outputs]

    def _unit(self, unit: Unit) -> UnitWords:
        reads = dict.fromkeys(name for rule in unit.rules for name, _ in rule.when.literals)
        rest = f"is {unit.labels[unit.initial]}" if unit.kind == "wire" else "keeps its value"
        return UnitWords(
            unit.name,
            _KINDS[unit.kind].format(unit.size),
            self.labels[unit.name],
            unit.shown(unit.initial),
            tuple(_plain(name) for name in reads),
            tuple(self._rule(unit, rule) for rule in unit.rules),
            "" if any(not rule.when.literals for rule in unit.rules) else rest,
        )

    def _rule(self, unit: Unit, rule: Rule) -> RuleWords:
        action = rule.action
        value = action.value if action.verb == "set" and isinstance(action.value, int) else None
        shown = None if value is None else unit.shown(value)
        # before the first letter (`^`) no rule changes anything
        conditions = self._conditions(rule.when, self._circuit.alphabet)
        return RuleWords(conditions, shown, self._action(unit, action))

    def _output(self, output: Output) -> OutputWords:
        letters = (*self._circuit.alphabet, "$", NONE_YET)
        cubes = tuple(self._conditions(cube, letters) for cube in output.cubes)
        certain = any(not cube for cube in cubes)  # a conjunction without conditions holds
        if certain or not cubes:
            when = "always" if certain != output.negated else "never"
            return OutputWords(output.symbol, when, ())
        return OutputWords(output.symbol, "unless" if output.negated else "if", cubes)

    def _conditions(self, cube: Cube, letters: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._condition(name, allowed, letters) for name, allowed in cube.literals)

    def _condition(self, feature: str, allowed: Sequence[int], letters: Sequence[str]) -> str:
        """One literal, by the values that it allows or by those that it forbids."""
        if feature == "letter":
            return _choice("letter", "is", letters, allowed)
        name, _, when = feature.rpartition(".")
        verb = "was" if when == "before" else "is"
        return _choice(name, verb, self.labels[name], allowed)

    def _action(self, unit: Unit, action: Action) -> str:
        labels = self.labels[unit.name]
        if isinstance(action.value, tuple):
            return "permutes " + _cycles(action.value, labels)
        if action.verb == "set":
            return f"becomes {labels[unit.shown(action.value)]}"
        if unit.kind == "counter":
            return f"counts {action.value:+d}".replace("-", "−")
        return f"moves on by {action.value} of {unit.size}"


def short_labels(unit: Unit) -> tuple[str, ...]:
    """The values' labels, with states in a row shortened: ``{0–11}``."""
    return tuple(re.sub(r"\d+(?:,\d+)+", _ranges, label) for label in unit.labels)


def _ranges(found: re.Match[str]) -> str:
    numbers = [int(number) for number in found[0].split(",")]
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(
        f"{run[0]}–{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs
    )


_KINDS = {
    "reset": "reset, {} values",
    "cyclic": "cycle of {}",
    "permutation": "permutations of {} values",
    "counter": "counter",
    "wire": "read-out, {} values",
}


def _choice(name: str, verb: str, labels: Sequence[str], allowed: Sequence[int]) -> str:
    possible = [value for value, label in enumerate(labels) if label != "$"]  # is never read
    chosen = [value for value in possible if value in allowed]
    others = [value for value in possible if value not in allowed]
    if not chosen or not others:
        return f"{name} {verb} {'anything' if chosen else NONE_YET}"
    few, negation = (others, "not ") if len(others) < len(chosen) else (chosen, "")
    return f"{name} {verb} {negation}{' or '.join(labels[value] for value in few)}"


def _plain(feature: str) -> str:
    name, _, when = feature.rpartition(".")
    return {"before": f"{name} before this letter", "after": name}.get(when, feature)


def _cycles(images: Sequence[int], labels: Sequence[str]) -> str:
    """A permutation as its cycles, of values by label."""
    text, seen = "", set()
    for start in range(len(images)):
        cycle = []
        value = start
        while value not in seen:
            seen.add(value)
            cycle.append(labels[value])
            value = images[value]
        if len(cycle) > 1:
            text += f"({' '.join(cycle)})"
    return text or "nothing"
