"""The holonomy decomposition: any automaton as a cascade of resets and permutations.

After Eilenberg (1976) and Egri-Nagy and Nehaniv; here on partial automata too. Every level keeps a
number that picks one **tile** of a set of states; going down the levels the sets shrink to the one
state that the automaton is in. For an aperiodic automaton every level is a reset.
"""

from __future__ import annotations

from collections.abc import Sequence

from starfree.algebra.circuit_units import Action
from starfree.algebra.machine import Actions, Machine, State
from starfree.algebra.orbit import bits, image_orbit
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton
from starfree.languages.graphs import components, members

DEFAULT_SET_LIMIT = 20_000


class Holonomy(Machine):
    """The cascade of a trimmed automaton with at least one state.

    The family holds the image sets of all states and the single states. Tiles of a set are the
    largest members of the family strictly inside it. Sets that reach each other by words form a
    class with one representative, and value j at a set P of the class means the j-th tile of the
    representative, carried to P by the word that leads there.
    """

    def __init__(self, automaton: Automaton, max_sets: int = DEFAULT_SET_LIMIT) -> None:
        self.rows: list[list[int]] = automaton.transitions.tolist()
        orbit = image_orbit(self.rows, (1 << len(self.rows)) - 1, max_sets)
        if not orbit.complete:
            raise ComplexityLimit(
                f"cascade: more than {max_sets:,} image sets; raise max_sets, or split the "
                "language into smaller ones"
            )
        self.sets = list(orbit.sets)
        self.index = {mask: number for number, mask in enumerate(self.sets)}
        self.edges = list(orbit.edges)
        for state in range(len(self.rows)):
            if 1 << state not in self.index:
                self.index[1 << state] = len(self.sets)
                self.sets.append(1 << state)
        for mask in self.sets[len(self.edges) :]:
            row = self.rows[mask.bit_length() - 1]
            self.edges.append(tuple(self.index[1 << t] if t >= 0 else -1 for t in row))
        self._find_classes()
        self._find_heights()
        self.known_steps: dict[tuple[int, ...], tuple[Action | None, int, int, int]] = {}
        self.states: dict[State, int] = {}
        top = self.height[0]
        widths = [0] * top
        labels: list[tuple[str, ...]] = [()] * top
        for representative, tiles in self.tiles_of_class.items():
            level = top - self.height[representative]
            names = tuple("{" + ",".join(map(str, bits(self.sets[t]))) + "}" for t in tiles)
            labels[level] = names if not widths[level] else ()
            widths[level] = max(widths[level], len(tiles))
        self.sizes = tuple(widths)
        self.labels = tuple(
            names or tuple(map(str, range(width)))
            for names, width in zip(labels, widths, strict=True)
        )
        self.levels = tuple(range(top))
        self.initial = self._chain(1 << automaton.start)

    def read(self, state: State) -> int:
        found = self.states.get(state)
        if found is None:
            current = 0
            for level, value in enumerate(state):
                if self._at(current, level):
                    current = self._tile(current, value)
            found = self.states[state] = self.sets[current].bit_length() - 1
        return found

    def defined(self, state: State, letter: int) -> bool:
        return self.rows[self.read(state)][letter] >= 0

    def actions(self, state: State, letter: int) -> Actions:
        return self.step(state, letter)[0]

    def step(self, state: State, letter: int) -> tuple[Actions, State]:
        old = new = 0  # the chains of sets before and after; `new` contains the image of `old`
        found: list[Action | None] = []
        values = []
        for level, value in enumerate(state):
            key = (level, old, new, letter, value)
            known = self.known_steps.get(key)
            if known is None:
                known = self.known_steps[key] = self._step(level, old, new, letter, value)
            action, after, old, new = known
            found.append(action)
            values.append(after)
        reached = tuple(values)
        self.states[reached] = self.sets[new].bit_length() - 1
        return tuple(found), reached

    def _step(
        self, level: int, old: int, new: int, letter: int, value: int
    ) -> tuple[Action | None, int, int, int]:
        """One level of a step: its action, its value, and the next sets of both chains."""
        action = None
        image = self.edges[old][letter]
        after = value
        if self._at(new, level):
            if image == new:
                action = self._permutation(old, new, letter, level)
            elif image >= 0:
                action = self._reset(new, self.sets[image])
            if action is not None:
                after = action.apply(value, 0, "permutation")
            new = self._tile(new, after)
        if self._at(old, level):
            old = self._tile(old, value)
        return action, after, old, new

    def _at(self, number: int, level: int) -> bool:
        return self.height[number] == len(self.sizes) - level

    def _permutation(self, old: int, new: int, letter: int, level: int) -> Action | None:
        place = {tile: number for number, tile in enumerate(self._tiles(new))}
        moved = [place[self.edges[tile][letter]] for tile in self._tiles(old)]
        moved += range(len(moved), self.sizes[level])
        return None if moved == list(range(len(moved))) else Action("permute", tuple(moved))

    def _reset(self, number: int, mask: int) -> Action | None:
        """Pick the first tile that contains the mask.

        There always is one, except after an illegal letter, when any value will do.
        """
        for place, tile in enumerate(self._tiles(number)):
            if mask & ~self.sets[tile] == 0:
                return Action("set", place)
        return None

    def _chain(self, mask: int) -> State:
        current = 0
        values = []
        for level in range(len(self.sizes)):
            value = 0
            if self._at(current, level):
                tiles = self._tiles(current)
                value = next(n for n, tile in enumerate(tiles) if mask & self.sets[tile])
                current = tiles[value]
            values.append(value)
        return tuple(values)

    def _tile(self, number: int, value: int) -> int:
        tiles = self._tiles(number)
        return tiles[min(value, len(tiles) - 1)]  # too large only after an illegal letter

    def _tiles(self, number: int) -> list[int]:
        found = self.tiles.get(number)
        if found is None:
            moved = self.carry[number]
            found = [
                self.index[sum(1 << moved[state] for state in bits(self.sets[tile]))]
                for tile in self.tiles_of_class[self.representative[number]]
            ]
            self.tiles[number] = found
        return found

    def _find_classes(self) -> None:
        """Representatives, the maps that carry them to every set, and their tiles."""
        self.counts = False
        self.representative = list(range(len(self.sets)))
        self.carry: dict[int, dict[int, int]] = {}
        self.tiles: dict[int, list[int]] = {}
        self.tiles_of_class: dict[int, list[int]] = {}
        component = components(self.edges)
        by_size = sorted(range(len(self.sets)), key=lambda n: -self.sets[n].bit_count())
        for nodes in members(component):
            first = nodes[0]
            if self.sets[first].bit_count() == 1:
                continue
            self.carry[first] = {state: state for state in bits(self.sets[first])}
            queue = [first]
            for node in queue:
                self.representative[node] = first
                for letter, target in enumerate(self.edges[node]):
                    if target >= 0 and component[target] == component[node]:
                        carried = {
                            state: self.rows[moved][letter]
                            for state, moved in self.carry[node].items()
                        }
                        if target not in self.carry:
                            self.carry[target] = carried
                            queue.append(target)
                        elif self.carry[target] != carried:
                            self.counts = True
            self.tiles_of_class[first] = self._maximal_inside(first, by_size)

    def _maximal_inside(self, number: int, by_size: Sequence[int]) -> list[int]:
        outer = self.sets[number]
        tiles: list[int] = []
        for candidate in by_size:
            mask = self.sets[candidate]
            if mask & ~outer or mask == outer:
                continue
            if all(mask & ~self.sets[tile] for tile in tiles):
                tiles.append(candidate)
        return sorted(tiles, key=lambda tile: bits(self.sets[tile]))

    def _find_heights(self) -> None:
        """Single states 0; a class one more than whatever it reaches by a letter or as a tile."""
        below = [[*row, *self.tiles_of_class.get(n, ())] for n, row in enumerate(self.edges)]
        component = components(below)
        height: list[int] = []  # components come before those that lead to them
        for own, nodes in enumerate(members(component)):
            reached = {component[t] for node in nodes for t in below[node] if t >= 0} - {own}
            single = self.sets[nodes[0]].bit_count() == 1
            height.append(0 if single else 1 + max(height[c] for c in reached))
        self.height = [height[number] for number in component]
