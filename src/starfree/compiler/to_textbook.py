"""From a circuit to the paper's form of a state space model: a layer a level.

Each rule is a rectified unit that counts how many of its m literals hold, minus (m - 1): exactly 1
where its cube holds, else 0. Everything else is linear in these (`units`). Every number is a small
integer, so that the model is exact in float32, bfloat16 and float16 and in any order.

A layer adds to the stream the one-hot value of each unit that somebody reads. The value of a unit
before a letter comes from the symbol before (a convolution of width 2), or, in the strict form,
from the unit's own digits: then the model has no convolution at all.

Source: Sarrof, Veitsman and Hahn 2024, Theorems 4 to 6; signed, rotation and reflection gates:
Grazzi et al. 2025.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from starfree.algebra.circuit import Circuit
from starfree.algebra.circuit_units import Cube, Unit
from starfree.compiler.compiled import Compiled, Names, letter_names, value_name
from starfree.compiler.units import Gates, Held, Read, held
from starfree.models.textbook import LayerOptions, Textbook, TextbookLayer, TextbookOptions

LOGIT = 8.0


def to_textbook(circuit: Circuit, gates: Gates = "paper", strict: bool = False) -> Compiled:
    """The model; its logits are exactly +8 and -8, and `^` is never legal.

    Args:
        circuit: the units and outputs.
        gates: what a gate may be.
        strict: without any convolution; for reset units and counters.

    Raises:
        InputError: the gates cannot do a unit of the circuit.
    """
    plan = _Plan(circuit, gates, strict)
    tokens = len(circuit.alphabet) + 2
    options = TextbookOptions(
        layers=[level.sizes() for level in plan.levels],
        answers=max(1, sum(len(output.cubes) for output in circuit.outputs)),
        delay=plan.delay,
    )
    model = Textbook(tokens, tokens, options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for layer, level in zip(model.layers, plan.levels, strict=True):
            assert isinstance(layer, TextbookLayer)
            _Writer(layer, level).write()
        if plan.delay:
            for unit in circuit.units:
                place = plan.places.get(f"{unit.name}.after")
                if place is not None:
                    model.previous[place - tokens + unit.initial] = 1.0
        _write_answers(model, circuit, plan.features(len(plan.names)))
    return Compiled(circuit, gates, model.eval(), plan.explained())


@dataclass
class _Level:
    """One layer: its units with the numbers that hold them, and where it finds each feature.

    Attributes:
        wires: the units that only read, with the level's rules that each of their cubes needs.
        groups: what the layer adds to the stream: a unit and how it is read.
    """

    units: list[tuple[Unit, Held]]
    wires: list[Unit]
    features: dict[str, int]
    groups: list[tuple[Unit, str]] = field(default_factory=list)

    def sizes(self) -> LayerOptions:
        reads = dict((unit.name, one) for unit, one in self.units)
        values = sum(unit.size for unit, _ in self.groups)
        hats = 0
        for unit, when in self.groups:
            hats += len(unit.rules) if unit.kind == "wire" else len(_read(reads[unit.name], when).b)
        width = 4  # with width / 4 ones the root mean square is 1/2
        while width // 4 < len(self.groups) or width < values + width // 4 - len(self.groups):
            width *= 2
        moves = [move for _, one in self.units for move in one.moves]
        return LayerOptions(
            rules=max(1, len(moves) + sum(len(wire.rules) for wire in self.wires)),
            state=sum(len(one.start) for _, one in self.units),
            hats=max(1, hats),
            values=values,
            width=width,
            rotations=any(move.turn is not None for move in moves),
            reflections=sum(_swaps(one) for _, one in self.units),
            counts=any(unit.kind == "counter" for unit, _ in self.units),
        )


def _read(one: Held, when: str) -> Read:
    if when == "after":
        return one.after
    assert one.before is not None
    return one.before


def _swaps(one: Held) -> int:
    return max((len(move.swaps) for move in one.moves), default=0)


class _Plan:
    """Which direction of the stream means what, level by level.

    Attributes:
        names: of all directions.
        places: where the group of a feature begins.
        delay: whether any value before a letter is read from the symbol before.
    """

    def __init__(self, circuit: Circuit, gates: Gates, strict: bool) -> None:
        asked = {feature for cube in _cubes(circuit) for feature, _ in cube.literals}
        self.delay = not strict and any(feature.endswith(".before") for feature in asked)
        self.tokens = len(circuit.alphabet) + 2
        self.names = [*letter_names(circuit)]
        self.places = {"letter": 0}
        self.levels: list[_Level] = []
        for level in circuit.levels:
            units = [
                (unit, held(unit, gates, strict and f"{unit.name}.before" in asked))
                for unit in level
                if unit.kind != "wire"
            ]
            wires = [unit for unit in level if unit.kind == "wire"]
            made = _Level(units, wires, self.features(len(self.names)))
            within = {feature for wire in wires for feature in _features_of(wire)}
            for unit in level:
                for when in ("after", "before"):
                    feature = f"{unit.name}.{when}"
                    read = feature in asked and feature not in within
                    if when == "after":
                        read = read or (self.delay and f"{unit.name}.before" in asked)
                    elif self.delay:
                        continue
                    if read:
                        self._add(made, unit, when)
            if not made.groups:  # nobody reads this level; a layer adds something nevertheless
                self._add(made, units[0][0], "after")
            self.levels.append(made)

    def _add(self, level: _Level, unit: Unit, when: str) -> None:
        self.places[f"{unit.name}.{when}"] = len(self.names)
        self.names += [value_name(unit, when, value) for value in range(unit.size)]
        level.groups.append((unit, when))

    def features(self, stream: int) -> dict[str, int]:
        """Where a layer finds each feature: the stream as far as it goes, then the one before's."""
        found = dict(self.places)
        if self.delay:
            for feature, place in self.places.items():
                if feature != "letter":
                    found[feature.removesuffix("after") + "before"] = stream + place - self.tokens
        return found

    def explained(self) -> Names:
        """A name for every direction of the stream and every number of the states."""
        layers = tuple(
            tuple(f"{unit.name}.{name}" for unit, one in level.units for name in one.names)
            for level in self.levels
        )
        return Names(tuple(self.names), layers)


def _cubes(circuit: Circuit) -> Iterator[Cube]:
    for unit in circuit.units:
        yield from (rule.when for rule in unit.rules)
    for output in circuit.outputs:
        yield from output.cubes


def _features_of(wire: Unit) -> Iterator[str]:
    for rule in wire.rules:
        yield from (feature for feature, _ in rule.when.literals)


class _Writer:
    """Writes one layer."""

    def __init__(self, layer: TextbookLayer, level: _Level) -> None:
        self.layer, self.level = layer, level
        self.state: dict[str, slice] = {}  # of each unit
        self.rules: dict[str, slice] = {}

    def write(self) -> None:
        layer = self.layer
        layer.gate.bias.fill_(1.0)
        layer.norm.weight.fill_(0.5)
        rule = state = swap = 0
        for unit, one in self.level.units:
            self.state[unit.name] = slice(state, state + len(one.start))
            self.rules[unit.name] = slice(rule, rule + len(unit.rules))
            self._write_unit(unit, one, swap)
            state, rule, swap = state + len(one.start), rule + len(unit.rules), swap + _swaps(one)
        held_by = {unit.name: one for unit, one in self.level.units}
        hat = value = 0
        for unit, when in self.level.groups:
            if unit.kind == "wire":
                self.rules[unit.name] = slice(rule, rule + len(unit.rules))
                self._write_wire(unit, hat, value)
                rule, hat = rule + len(unit.rules), hat + len(unit.rules)
            else:
                read = _read(held_by[unit.name], when)
                self._write_read(unit, read, hat, value)
                hat += len(read.b)
            value += unit.size
        ones = layer.mix.out_features // 4 - len(self.level.groups)
        layer.mix.bias[value : value + ones] = 1.0

    def _write_unit(self, unit: Unit, one: Held, swap: int) -> None:
        layer, here = self.layer, self.state[unit.name]
        layer.start[here] = torch.from_numpy(one.start)
        first = self.rules[unit.name].start
        for rule, (made, move) in enumerate(zip(unit.rules, one.moves, strict=True), start=first):
            _write_cube(layer.rules, rule, made.when, self.level.features)
            layer.gate.weight[here, rule] = torch.from_numpy(move.scale)
            layer.increment.weight[here, rule] = torch.from_numpy(move.add)
            if move.turn is not None:
                layer.rotations[rule, here, here] = torch.from_numpy(move.turn)
            for number, (one_end, other_end) in enumerate(move.swaps, start=swap):
                layer.reflections[number, rule, here.start + one_end] = 1.0
                layer.reflections[number, rule, here.start + other_end] = -1.0

    def _write_read(self, unit: Unit, read: Read, hat: int, value: int) -> None:
        layer, hats = self.layer, slice(hat, hat + len(read.b))
        values = slice(value, value + unit.size)
        layer.hats.weight[hats, self.state[unit.name]] = torch.from_numpy(read.W.T)
        layer.hats.bias[hats] = torch.from_numpy(read.b.astype(np.float32))
        if read.R is not None:
            rules, offset = self.rules[unit.name], layer.options.state
            columns = slice(offset + rules.start, offset + rules.stop)
            layer.hats.weight[hats, columns] = torch.from_numpy(read.R.T)
        layer.mix.weight[values, hats] = torch.from_numpy(read.V.T)
        layer.mix.bias[values] = torch.from_numpy(read.c)

    def _write_wire(self, wire: Unit, hat: int, value: int) -> None:
        """A hat a rule: 1 where its cube holds, at most 0 elsewhere.

        Literals over other levels are a rule g; each literal over this level is a number s that is
        1 where it holds, else -1. With q of these the hat is ``sum of s - (q - 1) - 2 (1 - g)``.
        """
        layer = self.layer
        layer.mix.bias[value + wire.initial] = 1.0
        for number, rule in enumerate(wire.rules):
            own = [(f.removesuffix(".after"), allowed) for f, allowed in rule.when.literals]
            here = [(name, allowed) for name, allowed in own if name in self.state]
            rest = Cube(
                tuple(
                    literal
                    for literal in rule.when.literals
                    if literal[0].removesuffix(".after") not in self.state
                )
            )
            place = self.rules[wire.name].start + number
            _write_cube(layer.rules, place, rest, self.level.features)
            for name, allowed in here:
                (number_held,) = range(self.state[name].start, self.state[name].stop)
                (bit,) = allowed
                layer.hats.weight[hat, number_held] = 2 * bit - 1
            layer.hats.weight[hat, layer.options.state + place] = 2.0
            layer.hats.bias[hat] = -1.0 - len(here)
            assert isinstance(rule.action.value, int)
            layer.mix.weight[value + rule.action.value, hat] = 1.0
            layer.mix.weight[value + wire.initial, hat] -= 1.0
            hat += 1


def _write_cube(map_: nn.Linear, place: int, cube: Cube, features: dict[str, int]) -> None:
    """A rectified unit that is 1 where the cube holds."""
    for feature, allowed in cube.literals:
        for value in allowed:
            map_.weight[place, features[feature] + value] = 1.0
    map_.bias[place] = 1.0 - len(cube.literals)


def _write_answers(model: Textbook, circuit: Circuit, features: dict[str, int]) -> None:
    answer = 0
    model.head.bias.fill_(-LOGIT)
    for place, output in enumerate(circuit.outputs):
        sign = -1.0 if output.negated else 1.0
        model.head.bias[place] = -sign * LOGIT
        for cube in output.cubes:
            _write_cube(model.answers, answer, cube, features)
            model.head.weight[place, answer] = sign * 2 * LOGIT
            answer += 1
