"""From a machine to a circuit: every unit and output gets few disjoint cubes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starfree.algebra.behaviour import Behaviour, distinct, explore
from starfree.algebra.circuit import Circuit, Mode
from starfree.algebra.circuit_units import Action, Cube, Kind, Output, Rule, Unit
from starfree.algebra.cubes import cover, covered
from starfree.algebra.machine import Machine
from starfree.languages.automaton import Automaton
from starfree.languages.strings import BoolArray


def build(machine: Machine, automaton: Automaton, mode: Mode, max_states: int) -> Circuit:
    """Minimise the logic of a machine that simulates the minimal automaton.

    A recogniser gets one more unit where a letter can be illegal, on a level of its own: a latch
    that remembers that a letter was illegal.
    """
    behaviour = explore(machine, len(automaton.alphabet), mode, max_states)
    legal = np.concatenate([automaton.transitions >= 0, automaton.accepting[:, None]], axis=1)
    whole = behaviour
    if mode == "predictive" and any(behaviour.permutations):
        behaviour = _without_repeated_letters(machine, behaviour, legal)
    units = {
        number: _unit(machine, behaviour, number, len(automaton.alphabet))
        for number in behaviour.live
    }
    levels = [
        tuple(unit for number, unit in units.items() if machine.levels[number] == level)
        for level in sorted({machine.levels[number] for number in units})
    ]
    shorter = behaviour is not whole
    outputs = _outputs(behaviour, automaton.alphabet, legal, list(units.values()), shorter)
    if behaviour.illegal.any():
        levels.append((_latch(behaviour, list(units.values()), len(automaton.alphabet)),))
        outputs = tuple(_unless_error(output) for output in outputs)
    return Circuit(automaton.alphabet, tuple(levels), outputs, mode)


def _unit(machine: Machine, behaviour: Behaviour, number: int, letters: int) -> Unit:
    """One unit: for every action a set of disjoint cubes over the letter and earlier units."""
    place = behaviour.live.index(number)
    size = len(behaviour.values[place])
    choice = _choice(machine, behaviour, place, letters)
    names, sizes, contexts = choice.names, choice.sizes, choice.contexts
    candidates, fits, missing = choice.candidates, choice.fits, ~choice.keeps
    free = np.ones(len(contexts), dtype=np.bool_)
    rules = []
    while missing.any():
        chosen = max(range(len(candidates)), key=lambda n: int((fits[n] & missing).sum()))
        for cube in cover(contexts, missing & fits[chosen], free & fits[chosen], sizes):
            rules.append(Rule(_cube(names, cube, letters), candidates[chosen]))
            inside = covered(cube, contexts)
            missing &= ~inside
            free &= ~inside
    kind, rules = _kind(rules, size)
    labels = tuple(machine.labels[number][value] for value in behaviour.values[place])
    initial = int(behaviour.before[0, place])
    return Unit(_name(machine, behaviour, place), kind, size, initial, tuple(rules), labels)


@dataclass(frozen=True, eq=False)
class _Choice:
    """What may act on a unit in each context that occurs.

    Attributes:
        names, sizes: the features that make a context.
        contexts: int32 ``[contexts, features]``.
        candidates: actions.
        fits: for each candidate bool ``[contexts]``: it does there what the machine does.
        keeps: bool ``[contexts]``: so does no action at all.
    """

    names: list[str]
    sizes: list[int]
    contexts: NDArray[np.int32]
    candidates: list[Action]
    fits: list[BoolArray]
    keeps: BoolArray


def _choice(machine: Machine, behaviour: Behaviour, place: int, letters: int) -> _Choice:
    """A context is the letter and the units of earlier levels, before and after it."""
    size = len(behaviour.values[place])
    names, sizes, columns = ["letter"], [letters + 1], [behaviour.letters]
    for other, unit in enumerate(behaviour.live):
        if machine.levels[unit] < machine.levels[behaviour.live[place]]:
            name = _name(machine, behaviour, other)
            names += [f"{name}.before", f"{name}.after"]
            sizes += [len(behaviour.values[other])] * 2
            columns += [behaviour.before[:, other], behaviour.after[:, other]]
    contexts, _, context = distinct(np.stack(columns, axis=1), sizes)
    before, after = behaviour.before[:, place], behaviour.after[:, place]

    def consistent(results: NDArray[np.int32]) -> BoolArray:
        wrong = np.bincount(context, weights=results != after, minlength=len(contexts))
        return np.asarray(wrong == 0)

    candidates = [Action("set", value) for value in range(size)]
    candidates += [Action("permute", moved) for moved in behaviour.permutations[place]]
    fits = [
        consistent(np.array([action.apply(v, size, "permutation") for v in range(size)])[before])
        for action in candidates
    ]
    return _Choice(names, sizes, contexts, candidates, fits, consistent(before))


def _without_repeated_letters(
    machine: Machine, behaviour: Behaviour, legal: BoolArray
) -> Behaviour:
    """Leave out the resets that tell nothing beyond the letter and the units that stay.

    So (abab)* needs one unit, flipped by every a: after an a only b is legal, whatever its value.
    """
    letters = legal.shape[1] - 1
    for place in reversed(range(len(behaviour.live))):
        if behaviour.permutations[place]:
            continue
        rest = [other for other in range(len(behaviour.live)) if other != place]
        less = behaviour.keep(rest)
        choices = [_choice(machine, less, other, letters) for other in range(len(rest))]
        if all(np.logical_or.reduce([c.keeps, *c.fits]).all() for c in choices) and _told(
            less, legal
        ):
            behaviour = less
    return behaviour


def _told(behaviour: Behaviour, legal: BoolArray) -> bool:
    """Whether the letter and the units after it decide the legal set."""
    seen = np.column_stack([behaviour.letters, behaviour.after])
    answers = np.column_stack([seen, legal[behaviour.states]])
    return len(np.unique(seen, axis=0)) == len(np.unique(answers, axis=0))


def _name(machine: Machine, behaviour: Behaviour, place: int) -> str:
    """``level2``, or ``level2a``, ``level2b`` where a level has several units."""
    levels = [machine.levels[unit] for unit in behaviour.live]
    level = sorted(set(levels)).index(levels[place]) + 1
    if levels.count(levels[place]) == 1:
        return f"level{level}"
    return f"level{level}{_letters(levels[:place].count(levels[place]))}"


def _letters(number: int) -> str:
    """a, b, .., z, aa, ab, .."""
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def _kind(rules: list[Rule], size: int) -> tuple[Kind, list[Rule]]:
    """The weakest kind of unit that can do what the rules ask."""
    moved = {rule.action.value for rule in rules if isinstance(rule.action.value, tuple)}
    if not moved:
        return "reset", rules
    rotations = {tuple((v + k) % size for v in range(size)): k for k in range(size)}
    if not moved <= rotations.keys():
        return "permutation", rules
    return "cyclic", [
        Rule(rule.when, Action("add", rotations[rule.action.value]))
        if isinstance(rule.action.value, tuple)
        else rule
        for rule in rules
    ]


def _cube(names: Sequence[str], allowed: Sequence[BoolArray], letters: int) -> Cube:
    literals = {}
    for name, values in zip(names, allowed, strict=True):
        if not values.all():
            chosen = np.flatnonzero(values).tolist()
            if name == "letter":  # `^`, number `letters` here, is the token after `$`
                chosen = [letters + 1 if value == letters else value for value in chosen]
            literals[name] = chosen
    return Cube.of(literals)


def _outputs(
    behaviour: Behaviour,
    alphabet: Sequence[str],
    legal: BoolArray,
    units: Sequence[Unit],
    with_letter: bool,
) -> tuple[Output, ...]:
    """For every bit of the legal set the smaller of two covers: of the bit, of its complement."""
    known = ~behaviour.lost
    names = [f"{unit.name}.after" for unit in units]
    sizes = [unit.size for unit in units]
    columns = behaviour.after
    if with_letter:
        names, sizes = ["letter", *names], [len(alphabet) + 1, *sizes]
        columns = np.column_stack([behaviour.letters, columns])
    contexts, first, _ = distinct(columns[known], sizes)
    bits = legal[behaviour.states[known][first]]
    outputs = []
    for symbol, column in zip([*alphabet, "$"], bits.T, strict=True):
        covers = [cover(contexts, value, value, sizes) for value in (column, ~column)]
        negated = len(covers[1]) < len(covers[0])
        cubes = tuple(_cube(names, cube, len(alphabet)) for cube in covers[negated])
        outputs.append(Output(symbol, cubes, negated))
    return tuple(outputs)


def _latch(behaviour: Behaviour, units: Sequence[Unit], letters: int) -> Unit:
    """Set by every illegal letter; nothing resets it."""
    rows = np.column_stack([behaviour.letters, behaviour.before]).astype(np.int32)
    sizes = [letters + 1, *(unit.size for unit in units)]
    contexts, _, context = distinct(rows, sizes)

    def has(flags: BoolArray) -> BoolArray:
        return np.asarray(np.bincount(context, weights=flags, minlength=len(contexts)) > 0)

    must, may = has(behaviour.illegal), ~has(~behaviour.lost)
    names = ["letter", *(f"{unit.name}.before" for unit in units)]
    rules = tuple(
        Rule(_cube(names, cube, letters), Action("set", 1))
        for cube in cover(contexts, must, may, sizes)
    )
    return Unit("error", "reset", 2, 0, rules, ("none", "an illegal letter"))


def _unless_error(output: Output) -> Output:
    cubes = [cube.also("error.after", [0]) for cube in output.cubes]
    if output.negated:
        cubes.append(Cube.of({"error.after": [1]}))
    return Output(output.symbol, tuple(cubes), output.negated)
