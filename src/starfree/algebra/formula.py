"""Past-LTL formulas as circuits, one unit for each `S` and each `Y`, without an automaton.

A unit holds the truth of its `S` now, or of the body of its `Y`; then `Y f` is read as the value
before the letter. Levels follow the nesting of the temporal operators. (Alsmann, Noori and Lange
2026 give the layers; the logic between two operators is minimised into cubes here.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from starfree.algebra.circuit import DEFAULT_STATE_LIMIT, Circuit, State
from starfree.algebra.circuit_units import Action, Cube, Output, Rule, Unit
from starfree.algebra.cubes import cover
from starfree.errors import ComplexityLimit
from starfree.languages.pltl import (
    And,
    Atom,
    Formula,
    Not,
    Since,
    Statement,
    Truth,
    Yesterday,
    subformulas,
)
from starfree.languages.strings import BoolArray

OPERATORS = "YPOHS"  # letters that are symbols only in quotation marks
FEATURE_LIMIT = 14
"""Temporal subformulas that one condition may join; its truth table has 2 to this power rows."""


def formula_circuit(statement: Statement, max_states: int = DEFAULT_STATE_LIMIT) -> Circuit:
    """The recogniser of a formula's models: right on every string.

    Raises:
        ComplexityLimit: a condition joins too many operators, or too many states are reachable.
    """
    temporal = _temporal(statement)
    names = _names(temporal)
    depth: dict[Formula, int] = {}
    for node in temporal:
        inner = [*_direct(node.body)] if isinstance(node, Yesterday) else _parts(node)
        depth[node] = 1 + max((depth[part] for part in inner), default=-1)
    units = {node: _unit(node, names, statement) for node in temporal}
    levels = tuple(
        tuple(units[node] for node in temporal if depth[node] == level)
        for level in range(max(depth.values(), default=-1) + 1)
    )
    nothing = tuple(Output(symbol, ()) for symbol in [*statement.alphabet, "$"])
    end = Output("$", _condition(statement.formula, names, statement, at_begin=statement.empty))
    silent = Circuit(statement.alphabet, levels, (*nothing[:-1], end), "recogniser")
    return dataclasses.replace(silent, outputs=(*_letters(silent, max_states), end))


def unit_meanings(statement: Statement) -> dict[str, str]:
    """What the units of `formula_circuit` hold.

    >>> from starfree.languages.pltl import parse
    >>> unit_meanings(parse("Y (a S b)"))
    {'since1': '(a S b)', 'yesterday1': '(a S b); read before a letter: Y (a S b)'}
    """
    found = {}
    for node, name in _names(_temporal(statement)).items():
        text = written(node)
        held = node.body if isinstance(node, Yesterday) else node
        found[name] = text if held is node else f"{written(held)}; read before a letter: {text}"
    return found


def written(formula: Formula) -> str:
    """A formula as `pltl:` reads it."""
    match formula:
        case Truth():
            return "true"
        case Atom(symbol):
            plain = len(symbol) == 1 and symbol.isalnum() and symbol not in OPERATORS
            return symbol if plain else f"'{symbol}'"
        case Not(body):
            return f"!{written(body)}"
        case And(left, right):
            return f"({written(left)} & {written(right)})"
        case Since(left, right):
            return f"({written(left)} S {written(right)})"
        case Yesterday(body):
            return f"Y {written(body)}"


def _temporal(statement: Statement) -> list[Since | Yesterday]:
    return [node for node in subformulas(statement.formula) if isinstance(node, Since | Yesterday)]


def _names(temporal: Sequence[Formula]) -> dict[Formula, str]:
    kinds = ["since" if isinstance(node, Since) else "yesterday" for node in temporal]
    return {
        node: f"{kind}{kinds[: number + 1].count(kind)}"
        for number, (node, kind) in enumerate(zip(temporal, kinds, strict=True))
    }


def _parts(node: Since) -> list[Formula]:
    return [*_direct(node.left), *_direct(node.right)]


def _direct(formula: Formula) -> list[Formula]:
    """The temporal subformulas whose truth now decides the formula's."""
    match formula:
        case Not(body):
            return _direct(body)
        case And(left, right):
            return list(dict.fromkeys([*_direct(left), *_direct(right)]))
        case Since() | Yesterday():
            return [formula]
    return []


def _unit(node: Since | Yesterday, names: Mapping[Formula, str], statement: Statement) -> Unit:
    sets: Formula
    clears: Formula
    if isinstance(node, Yesterday):
        sets, clears = node.body, Not(node.body)
    else:
        sets, clears = node.right, And(Not(node.left), Not(node.right))
    rules = [
        Rule(cube, Action("set", value))
        for value, condition in ((1, sets), (0, clears))
        for cube in _condition(condition, names, statement, at_begin=False)
    ]
    return Unit(names[node], "reset", 2, 0, tuple(rules), ("false", "true"))


def _condition(
    formula: Formula,
    names: Mapping[Formula, str],
    statement: Statement,
    at_begin: bool,
) -> tuple[Cube, ...]:
    """Disjoint cubes where the formula holds; on `^` it holds iff `at_begin`."""
    parts = _direct(formula)
    if len(parts) > FEATURE_LIMIT:
        raise ComplexityLimit(
            f"a formula joins {len(parts)} temporal operators without one between; at most "
            f"{FEATURE_LIMIT}"
        )
    letters = len(statement.alphabet)
    rows = list(product(range(letters), *([(0, 1)] * len(parts))))
    truth = [
        _holds(formula, statement.alphabet[row[0]], dict(zip(parts, row[1:], strict=True)))
        for row in rows
    ]
    rows.append((letters, *([0] * len(parts))))
    truth.append(at_begin)
    features = ["letter"] + [
        f"{names[part]}.{'after' if isinstance(part, Since) else 'before'}" for part in parts
    ]
    sizes = [letters + 1] + [2] * len(parts)
    required = np.array(truth)
    cubes = cover(np.array(rows, dtype=np.int32), required, required, sizes)
    return tuple(_cube(features, cube, letters) for cube in cubes)


def _cube(features: Sequence[str], allowed: Sequence[BoolArray], letters: int) -> Cube:
    literals = {}
    for feature, values in zip(features, allowed, strict=True):
        if not values.all():
            chosen = np.flatnonzero(values).tolist()
            if feature == "letter":
                chosen = [letters + 1 if value == letters else value for value in chosen]
            literals[feature] = chosen
    return Cube.of(literals)


def _holds(formula: Formula, symbol: str, values: Mapping[Formula, int]) -> bool:
    match formula:
        case Truth():
            return True
        case Atom(own):
            return own == symbol
        case Not(body):
            return not _holds(body, symbol, values)
        case And(left, right):
            return _holds(left, symbol, values) and _holds(right, symbol, values)
    return bool(values[formula])


def _letters(circuit: Circuit, max_states: int) -> list[Output]:
    """Which letters can still lead to a model, from the reachable values of the units."""
    letters = range(len(circuit.alphabet))
    states: dict[State, int] = {circuit.initial: 0}
    queue = [circuit.initial]
    edges: list[list[int]] = []
    accepts: list[list[bool]] = []
    for state in queue:
        row = []
        ends = []
        for letter in letters:
            after = circuit.step(state, letter)
            if after not in states:
                if len(states) >= max_states:
                    raise ComplexityLimit(f"formula: more than {max_states:,} reachable states")
                states[after] = len(queue)
                queue.append(after)
            row.append(states[after])
            ends.append(circuit.outputs_after(state, letter, after)[-1])
        edges.append(row)
        accepts.append(ends)
    table = np.array(edges)
    legal = np.array(accepts)
    while True:
        live = np.asarray(legal.any(axis=1))
        longer = legal | live[table]
        if (longer == legal).all():
            break
        legal = longer
    rows = np.array(queue, dtype=np.int32).reshape(len(queue), -1)
    features = [f"{unit.name}.after" for unit in circuit.units]
    outputs = []
    for letter, symbol in enumerate(circuit.alphabet):
        bit = legal[:, letter]
        covers = [cover(rows, value, value, [2] * rows.shape[1]) for value in (bit, ~bit)]
        negated = len(covers[1]) < len(covers[0])
        cubes = tuple(_cube(features, cube, -1) for cube in covers[negated])
        outputs.append(Output(symbol, cubes, negated))
    return outputs
