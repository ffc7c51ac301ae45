"""From an automaton to a circuit: decompose, minimise the logic, prove the result equal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from starfree.algebra.aperiodicity import decide
from starfree.algebra.circuit import (
    DEFAULT_STATE_LIMIT,
    Action,
    Circuit,
    Cube,
    Kind,
    Mode,
    Output,
    Rule,
    Unit,
    verify,
)
from starfree.algebra.coordinates import Split
from starfree.algebra.cubes import cover, covered
from starfree.algebra.factoring import factors
from starfree.algebra.groups import describe
from starfree.algebra.holonomy import DEFAULT_SET_LIMIT, Holonomy
from starfree.algebra.machine import Machine, Parallel, reachable_steps
from starfree.algebra.orbit import Permutation
from starfree.algebra.refusals import NotSolvable, NotTwoGroup, able, not_star_free
from starfree.languages.automaton import Automaton
from starfree.languages.strings import BoolArray

Gates = Literal["nonnegative", "signed", "rotation", "reflection"]
"""What a unit's gate may do beyond keeping and resetting: nothing; flip; rotate; permute."""


def cascade(
    automaton: Automaton,
    mode: Mode = "predictive",
    gates: Gates | None = None,
    max_states: int = DEFAULT_STATE_LIMIT,
    max_sets: int = DEFAULT_SET_LIMIT,
) -> Circuit:
    """The circuit of a regular language, proven equal to its minimal automaton.

    Args:
        automaton: any automaton of the language.
        mode: ``predictive`` ignores the sink; ``recogniser`` adds one error latch.
        gates: what the target's gates can do; group levels are split accordingly. None: leave
            them whole, as one permutation each.
        max_states: limit of the product search.
        max_sets: limit of the image sets of a decomposition.

    Raises:
        NotStarFree: the gates are non-negative and the language counts; has the witness.
        NotSolvable, NotTwoGroup: the gates are too weak for the language's groups.
        ComplexityLimit: too many image sets or cascade states.
    """
    automaton = automaton.minimise()
    if not automaton.states:
        circuit = _nothing(automaton.alphabet, mode)
    else:
        machine = _fit(_decompose(automaton, max_sets), automaton, gates, max_states)
        circuit = build(machine, automaton, mode, max_states)
    verify(circuit, automaton, max_states)
    return circuit


def _decompose(automaton: Automaton, max_sets: int) -> Machine:
    """Factors side by side where the automaton is a product, else one holonomy decomposition."""
    parts = factors(automaton)
    if parts is None:
        return Holonomy(automaton, max_sets)
    machine = Parallel(
        [Holonomy(part, max_sets) for part, _ in parts],
        {tuple(place[q] for _, place in parts): q for q in range(automaton.states)},
        automaton.transitions.tolist(),
    )
    # A factor of a partial automaton can count where the whole does not.
    return (
        Holonomy(automaton, max_sets) if machine.counts and decide(automaton).star_free else machine
    )


def _fit(machine: Machine, automaton: Automaton, gates: Gates | None, max_states: int) -> Machine:
    """Split the group levels until the gates can do them, the last one first."""
    if gates is None or not machine.counts:
        return machine
    permuted: list[set[Permutation]] = [set() for _ in machine.sizes]
    for step in reachable_steps(machine, len(automaton.alphabet), max_states):
        for found, action in zip(permuted, step.actions, strict=True):
            if action is not None and isinstance(action.value, tuple):
                found.add(action.value)
    groups = {place: describe(sorted(found)) for place, found in enumerate(permuted) if found}
    if gates == "nonnegative":
        if groups:
            raise not_star_free(automaton, list(groups.values()))
        return machine
    for place, group in sorted(groups.items(), reverse=True):
        if gates == "signed" and not group.is_2_group:
            raise NotTwoGroup(group.order, able(list(groups.values())))
        if gates == "rotation" and not group.solvable:
            raise NotSolvable(group.order, gates)
        if gates == "reflection" and group.order != machine.sizes[place]:
            continue  # the values are few already: less than one for each element of the group
        machine = Split(machine, place, sorted(permuted[place]), gates)
    return machine


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


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Every reachable step of a machine, one row each.

    The first row is the step on `^`, which changes nothing.

    Attributes:
        live: the units that ever change; the others are left out below.
        letters: int32 ``[rows]``; `^` is the number of letters.
        before, after: int32 ``[rows, live units]``, values renumbered without gaps.
        values: for each live unit, the machine's values that occur, ascending.
        permutations: for each live unit, the permutations of its values that occur.
        states: int32 ``[rows]``, the automaton's state after the step.
        illegal: bool ``[rows]``: the first illegal letter of a string (recogniser only).
        lost: bool ``[rows]``: that letter and all later ones; then `states` means nothing.
    """

    live: list[int]
    letters: NDArray[np.int32]
    before: NDArray[np.int32]
    after: NDArray[np.int32]
    values: list[list[int]]
    permutations: list[list[tuple[int, ...]]]
    states: NDArray[np.int32]
    illegal: BoolArray
    lost: BoolArray

    def keep(self, places: Sequence[int]) -> Behaviour:
        """Only these of the live units."""
        return replace(
            self,
            live=[self.live[place] for place in places],
            before=self.before[:, places],
            after=self.after[:, places],
            values=[self.values[place] for place in places],
            permutations=[self.permutations[place] for place in places],
        )


def explore(machine: Machine, letters: int, mode: Mode, max_states: int) -> Behaviour:
    """All reachable steps.

    Raises:
        ComplexityLimit: more than `max_states` states.
    """
    rows = [(letters, machine.initial, machine.initial, False, False)]
    permuted: list[set[tuple[int, ...]]] = [set() for _ in machine.sizes]
    for step in reachable_steps(machine, letters, max_states, beyond=mode == "recogniser"):
        rows.append((step.letter, step.before, step.after, step.illegal, step.lost))
        for found, action in zip(permuted, step.actions, strict=True):
            if action is not None and isinstance(action.value, tuple):
                found.add(action.value)
    letter_column = np.array([row[0] for row in rows], dtype=np.int32)
    before = np.array([row[1] for row in rows], dtype=np.int32).reshape(len(rows), -1)
    after_values = np.array([row[2] for row in rows], dtype=np.int32).reshape(len(rows), -1)
    states = np.array([machine.read(row[2]) for row in rows], dtype=np.int32)
    live = [unit for unit in range(len(machine.sizes)) if np.ptp(after_values[:, unit]) > 0]
    values = []
    permutations = []
    for unit in live:
        used, renumbered = np.unique(after_values[:, unit], return_inverse=True)
        number = {value: place for place, value in enumerate(used.tolist())}
        before[:, unit] = [number[value] for value in before[:, unit].tolist()]
        after_values[:, unit] = renumbered
        values.append(used.tolist())
        permutations.append(sorted({_restrict(p, number) for p in permuted[unit]}))
    return Behaviour(
        live,
        letter_column,
        before[:, live],
        after_values[:, live],
        values,
        permutations,
        states,
        np.array([row[3] for row in rows]),
        np.array([row[4] for row in rows]),
    )


def _distinct(
    rows: NDArray[np.int32], sizes: Sequence[int]
) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.intp]]:
    """The different rows, where each occurs first, and the number of each row among them."""
    if math.prod(sizes) >= 2**63:
        found = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    else:  # one number a row sorts much faster
        keys = np.zeros(len(rows), dtype=np.int64)
        for column, size in zip(rows.T, sizes, strict=True):
            keys = keys * size + column
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        found = (rows[first], first, inverse)
    return found


def _restrict(permutation: tuple[int, ...], number: Mapping[int, int]) -> tuple[int, ...]:
    """The permutation of the values that occur; one that leads out of them goes to a free one."""
    moved = {number[v]: number[permutation[v]] for v in number if permutation[v] in number}
    free = [place for place in range(len(number)) if place not in moved.values()]
    return tuple(moved[v] if v in moved else free.pop() for v in range(len(number)))


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
    contexts, _, context = _distinct(np.stack(columns, axis=1), sizes)
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
    contexts, first, _ = _distinct(columns[known], sizes)
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
    contexts, _, context = _distinct(rows, sizes)

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


def _nothing(alphabet: tuple[str, ...], mode: Mode) -> Circuit:
    """The empty language: no unit, nothing is ever legal."""
    return Circuit(alphabet, (), tuple(Output(symbol, ()) for symbol in [*alphabet, "$"]), mode)
