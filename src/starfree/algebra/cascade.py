"""From an automaton to a circuit: decompose, minimise the logic, prove the result equal."""

from __future__ import annotations

from typing import Literal

from starfree.algebra.aperiodicity import decide
from starfree.algebra.circuit import DEFAULT_STATE_LIMIT, Circuit, Mode, verify
from starfree.algebra.circuit_units import Output
from starfree.algebra.coordinates import Split
from starfree.algebra.factoring import factors
from starfree.algebra.groups import describe
from starfree.algebra.holonomy import DEFAULT_SET_LIMIT, Holonomy
from starfree.algebra.logic import build
from starfree.algebra.machine import Machine, Parallel, reachable_steps
from starfree.algebra.orbit import Permutation
from starfree.algebra.refusals import NotSolvable, NotTwoGroup, able, not_star_free
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton

DEFAULT_LEVEL_LIMIT = 1_000

Gates = Literal["nonnegative", "signed", "rotation", "reflection"]
"""What a unit's gate may do beyond keeping and resetting: nothing; flip; rotate; permute."""


def cascade(
    automaton: Automaton,
    mode: Mode = "predictive",
    gates: Gates | None = None,
    max_states: int = DEFAULT_STATE_LIMIT,
    max_sets: int = DEFAULT_SET_LIMIT,
    max_levels: int = DEFAULT_LEVEL_LIMIT,
) -> Circuit:
    """The circuit of a regular language, proven equal to its minimal automaton.

    Args:
        automaton: any automaton of the language.
        mode: ``predictive`` ignores the sink; ``recogniser`` adds one error latch.
        gates: what the target's gates can do; group levels are split accordingly. None: leave
            them whole, as one permutation each.
        max_states: limit of the product search.
        max_sets: limit of the image sets of a decomposition.
        max_levels: limit of its levels: the work grows with their square.

    Raises:
        NotStarFree: the gates are non-negative and the language counts; has the witness.
        NotSolvable, NotTwoGroup: the gates are too weak for the language's groups.
        ComplexityLimit: too many image sets or cascade states.
    """
    automaton = automaton.minimise()
    if not automaton.states:
        circuit = _nothing(automaton.alphabet, mode)
    else:
        if automaton.states > max_sets:  # each of them is an image set
            raise ComplexityLimit(
                f"cascade: {automaton.states:,} live states, more than {max_sets:,} image sets; "
                "split the language into smaller ones"
            )
        machine = _decompose(automaton, max_sets)
        levels = len(set(machine.levels))
        if levels > max_levels:
            raise ComplexityLimit(
                f"cascade: {levels:,} levels, more than {max_levels:,}; split the language into "
                "smaller ones"
            )
        machine = _fit(machine, automaton, gates, max_states)
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


def _nothing(alphabet: tuple[str, ...], mode: Mode) -> Circuit:
    """The empty language: no unit, nothing is ever legal."""
    return Circuit(alphabet, (), tuple(Output(symbol, ()) for symbol in [*alphabet, "$"]), mode)
