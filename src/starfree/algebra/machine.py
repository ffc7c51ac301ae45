"""Cascades before logic minimisation: named values that step together, level by level."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from starfree.algebra.circuit_units import Action
from starfree.errors import ComplexityLimit

State = tuple[int, ...]
Actions = tuple[Action | None, ...]
"""What a step does to every value; None keeps it."""


class Machine(ABC):
    """A cascade that simulates an automaton.

    What happens to a value may depend on the letter and on the values of earlier levels, before
    and after the step.

    Attributes:
        sizes: number of values of each unit, in order of their levels.
        levels: the level of each unit, ascending; units of one level do not see each other.
        labels: a name for every value of each unit.
        initial: the state before the first letter.
        counts: whether an action can permute values; otherwise every level is a reset.
    """

    sizes: tuple[int, ...]
    levels: tuple[int, ...]
    labels: tuple[tuple[str, ...], ...]
    initial: State
    counts: bool

    @abstractmethod
    def defined(self, state: State, letter: int) -> bool:
        """Whether the automaton has a transition."""

    @abstractmethod
    def actions(self, state: State, letter: int) -> Actions:
        """What the letter does; something, by the same rules, where there is no transition."""

    @abstractmethod
    def read(self, state: State) -> int:
        """The automaton's state."""

    def step(self, state: State, letter: int) -> tuple[Actions, State]:
        """The actions, and the state after them."""
        actions = self.actions(state, letter)
        after = tuple(
            value if action is None else action.apply(value, size, "permutation")
            for value, action, size in zip(state, actions, self.sizes, strict=True)
        )
        return actions, after


class Parallel(Machine):
    """Machines side by side, one for each factor of an automaton.

    `combine` maps the factors' states to the automaton's, whose transition table is `rows`.
    """

    def __init__(
        self, parts: list[Machine], combine: dict[tuple[int, ...], int], rows: list[list[int]]
    ) -> None:
        self.rows = rows
        places = sorted(
            (part.levels[unit], number, unit)
            for number, part in enumerate(parts)
            for unit in range(len(part.sizes))
        )
        self.parts = parts
        self.combine = combine
        self.places = [(number, unit) for _, number, unit in places]
        self.levels = tuple(level for level, _, _ in places)
        self.sizes = tuple(parts[number].sizes[unit] for number, unit in self.places)
        self.labels = tuple(parts[number].labels[unit] for number, unit in self.places)
        self.initial = tuple(parts[number].initial[unit] for number, unit in self.places)
        self.counts = any(part.counts for part in parts)

    def defined(self, state: State, letter: int) -> bool:
        return self.rows[self.read(state)][letter] >= 0

    def actions(self, state: State, letter: int) -> Actions:
        found = [
            part.actions(own, letter)
            for part, own in zip(self.parts, self._split(state), strict=True)
        ]
        return tuple(found[number][unit] for number, unit in self.places)

    def read(self, state: State) -> int:
        own = tuple(
            part.read(values) for part, values in zip(self.parts, self._split(state), strict=True)
        )
        return self.combine.get(own, 0)  # unknown only after an illegal letter

    def _split(self, state: State) -> list[State]:
        own = [[0] * len(part.sizes) for part in self.parts]
        for value, (number, unit) in zip(state, self.places, strict=True):
            own[number][unit] = value
        return [tuple(values) for values in own]


class Step(NamedTuple):
    """One reachable step of a machine.

    Attributes:
        illegal: the automaton has no transition here: the first illegal letter of a string.
        lost: this letter or an earlier one was illegal.
    """

    letter: int
    before: State
    after: State
    actions: Actions
    illegal: bool
    lost: bool


def reachable_steps(
    machine: Machine, letters: int, max_states: int, beyond: bool = False
) -> Iterator[Step]:
    """All reachable steps; with `beyond` also illegal letters and what follows them.

    Raises:
        ComplexityLimit: more than `max_states` states.
    """
    start = (machine.initial, False)
    seen = {start}
    queue = [start]
    for state, lost in queue:
        for letter in range(letters):
            illegal = not lost and not machine.defined(state, letter)
            if illegal and not beyond:
                continue
            actions, after = machine.step(state, letter)
            yield Step(letter, state, after, actions, illegal, illegal or lost)
            following = (after, illegal or lost)
            if following not in seen:
                if len(seen) >= max_states:
                    raise ComplexityLimit(f"cascade: more than {max_states:,} reachable states")
                seen.add(following)
                queue.append(following)
