"""Independent oracles and sources of random automata for the tests of `starfree.algebra`.

Nothing here uses the package's algorithms: monoids are enumerated word by word as plain tuples.
"""

from __future__ import annotations

import numpy as np

from starfree.languages.automaton import Automaton

Map = tuple[int, ...]


def brute_monoid(automaton: Automaton) -> list[Map]:
    """All maps of the complete automaton's states, the identity first."""
    complete = automaton.complete()
    columns = [tuple(column) for column in complete.transitions.T.tolist()]
    identity = tuple(range(complete.states))
    found = [identity]
    known = {identity}
    for element in found:
        for column in columns:
            longer = tuple(column[q] for q in element)
            if longer not in known:
                known.add(longer)
                found.append(longer)
    return found


def brute_semigroup(automaton: Automaton) -> set[Map]:
    """The maps of non-empty words."""
    complete = automaton.complete()
    columns = [tuple(column) for column in complete.transitions.T.tolist()]
    return {times(element, column) for element in brute_monoid(automaton) for column in columns}


def times(first: Map, second: Map) -> Map:
    """First one map, then the other."""
    return tuple(second[q] for q in first)


def omega(element: Map) -> Map:
    """The idempotent power."""
    power = element
    while times(power, power) != power:
        power = times(power, element)
    return power


def brute_aperiodic(automaton: Automaton) -> bool:
    """m^w = m^(w+1) for every element of the monoid."""
    return all(times(omega(m), m) == omega(m) for m in brute_monoid(automaton))


def random_automaton(
    rng: np.random.Generator, max_states: int = 6, holes: float = 0.3
) -> Automaton:
    """A minimal automaton of random transitions, some of them missing."""
    states = int(rng.integers(1, max_states + 1))
    letters = int(rng.integers(1, 4))
    table = rng.integers(0, states, (states, letters)).astype(np.int32)
    table[rng.random(table.shape) < holes * rng.random()] = -1
    accepting = rng.random(states) < 0.5
    return Automaton(tuple("abc"[:letters]), table, 0, accepting).minimise()


def random_permutation_automaton(rng: np.random.Generator, max_states: int = 6) -> Automaton:
    """As above, but some letters permute the states, so that groups occur."""
    states = int(rng.integers(2, max_states + 1))
    letters = int(rng.integers(1, 4))
    table = rng.integers(0, states, (states, letters)).astype(np.int32)
    for letter in range(letters):
        if rng.random() < 0.6:
            table[:, letter] = rng.permutation(states)
    accepting = rng.random(states) < 0.5
    return Automaton(tuple("abc"[:letters]), table, 0, accepting).minimise()


def random_monotone_automaton(rng: np.random.Generator, max_states: int = 8) -> Automaton:
    """Letters act as order-preserving maps, possibly partial: always aperiodic."""
    states = int(rng.integers(2, max_states + 1))
    letters = int(rng.integers(1, 4))
    table = np.sort(rng.integers(0, states, (letters, states)), axis=1).T.astype(np.int32)
    table[rng.random(table.shape) < 0.3 * rng.random()] = -1
    accepting = rng.random(states) < 0.5
    return Automaton(tuple("abc"[:letters]), table, 0, accepting).minimise()


def random_reset_cascade(rng: np.random.Generator, levels: int = 3) -> Automaton:
    """The reachable part of a cascade of two- and three-valued resets: always aperiodic."""
    letters = int(rng.integers(1, 4))
    sizes = rng.integers(2, 4, size=levels).tolist()
    choices: dict[tuple[int, ...], int] = {}

    def step(state: tuple[int, ...], letter: int) -> tuple[int, ...]:
        after = []
        for level, value in enumerate(state):
            key = (letter, level, *state[:level])
            if key not in choices:  # -1: the level keeps its value
                choices[key] = int(rng.integers(-1, sizes[level]))
            after.append(value if choices[key] < 0 else choices[key])
        return tuple(after)

    start = (0,) * levels
    number = {start: 0}
    order = [start]
    rows = []
    for state in order:
        row = []
        for letter in range(letters):
            target = step(state, letter)
            if target not in number:
                number[target] = len(order)
                order.append(target)
            row.append(number[target])
        rows.append(row)
    table = np.array(rows, dtype=np.int32)
    table[rng.random(table.shape) < 0.2 * rng.random()] = -1
    return Automaton(tuple("abc"[:letters]), table, 0, rng.random(len(rows)) < 0.5).minimise()


def monotone_maps(points: int) -> Automaton:
    """All order-preserving maps of 0..points-1 (their generators), as the letters."""
    columns = []
    for point in range(points - 1):
        up, down = list(range(points)), list(range(points))
        up[point] = point + 1
        down[point + 1] = point
        columns += [up, down]
    accepting = np.arange(points) == 0
    alphabet = tuple(f"m{number}" for number in range(len(columns)))
    return Automaton(alphabet, np.array(columns, dtype=np.int32).T, points - 1, accepting)


def word_problem(*generators: Map) -> Automaton:
    """Members: the words whose product is the identity."""
    identity = tuple(range(len(generators[0])))
    order = [identity]
    rows = []
    for element in order:
        row = [times(element, generator) for generator in generators]
        order += [target for target in dict.fromkeys(row) if target not in order]
        rows.append(row)
    table = np.array([[order.index(t) for t in row] for row in rows], dtype=np.int32)
    alphabet = tuple("abcdefgh"[: len(generators)])
    return Automaton(alphabet, table, 0, np.arange(len(order)) == 0)


def bounded_dyck(kinds: int, height: int) -> Automaton:
    """Dyck(K, h) with letters (0 )0 (1 )1 ..: states are the stacks."""
    stacks: list[tuple[int, ...]] = [()]
    rows = []
    for stack in stacks:
        row = []
        for kind in range(kinds):
            pushed = (*stack, kind) if len(stack) < height else None
            popped = stack[:-1] if stack and stack[-1] == kind else None
            for target in (pushed, popped):
                if target is not None and target not in stacks:
                    stacks.append(target)
                row.append(-1 if target is None else stacks.index(target))
        rows.append(row)
    alphabet = tuple(f"{side}{kind}" for kind in range(kinds) for side in "()")
    table = np.array(rows, dtype=np.int32)
    return Automaton(alphabet, table, 0, np.arange(len(rows)) == 0).minimise()


def d(depth: int) -> Automaton:
    """D_n: one pair of brackets a, b, never deeper than n."""
    table = [[q + 1 if q < depth else -1, q - 1] for q in range(depth + 1)]
    return Automaton(
        ("a", "b"), np.array(table, dtype=np.int32), 0, np.arange(depth + 1) == 0
    ).minimise()


def from_rows(alphabet: str, rows: dict[str, str], start: str, accepting: str) -> Automaton:
    """An automaton by hand: ``{"E": "E O", "O": "- E"}`` maps a state to its targets."""
    number = {state: index for index, state in enumerate(rows)} | {"-": -1}
    table = [[number[target] for target in targets.split()] for targets in rows.values()]
    accepts = np.array([state in accepting.split() for state in rows])
    return Automaton(tuple(alphabet), np.array(table, dtype=np.int32), number[start], accepts)


FLIPFLOP_ROWS = {
    "S": "Sw - - - -",
    "Sw": "- - - B0 B1",
    "B0": "W0 R0 I0 - -",
    "W0": "- - - B0 B1",
    "R0": "- - - B0 -",
    "I0": "- - - B0 B0",
    "B1": "W1 R1 I1 - -",
    "W1": "- - - B0 B1",
    "R1": "- - - - B1",
    "I1": "- - - B1 B1",
}

SUITE = {
    "tomita-1": from_rows("01", {"A": "- A"}, "A", "A"),
    "tomita-2": from_rows("01", {"A": "- B", "B": "A -"}, "A", "A"),
    "tomita-3": from_rows("01", {"E": "E O", "O": "Y E", "Y": "Z -", "Z": "Y O"}, "E", "E O Z"),
    "tomita-4": from_rows("01", {"A": "B A", "B": "C A", "C": "- A"}, "A", "A B C"),
    "tomita-5": from_rows("01", {"A": "B C", "B": "A D", "C": "D A", "D": "C B"}, "A", "A"),
    "tomita-6": from_rows("01", {"A": "B C", "B": "C A", "C": "A B"}, "A", "A"),
    "tomita-7": from_rows("01", {"A": "A B", "B": "C B", "C": "C D", "D": "- D"}, "A", "A B C D"),
    "parity": from_rows("01", {"E": "E O", "O": "O E"}, "E", "E"),
    "aa-star": from_rows("a", {"A": "B", "B": "A"}, "A", "A"),
    "aaaa-star": from_rows("a", {"A": "B", "B": "C", "C": "D", "D": "A"}, "A", "A"),
    "abab-star": from_rows("ab", {"A": "B -", "B": "- C", "C": "D -", "D": "- A"}, "A", "A"),
    "d-2": d(2),
    "d-3": d(3),
    "d-4": d(4),
    "d-12": d(12),
    "aabbccddee": from_rows(
        "abcde",
        {
            "S": "A - - - -",
            "A": "A B - - -",
            "B": "- B C - -",
            "C": "- - C D -",
            "D": "- - - D E",
            "E": "- - - - E",
        },
        "S",
        "E",
    ),
    "ab-d-bc": from_rows("abcd", {"A": "A A - B", "B": "- B B -"}, "A", "B"),
    "012-02": from_rows("012", {"N": "Z N N", "Z": "Z N Z"}, "N", "Z"),
    "flipflop": from_rows("wri01", FLIPFLOP_ROWS, "S", "B0 B1").minimise(),
    "dyck-2-2": bounded_dyck(2, 2),
    "dyck-2-3": bounded_dyck(2, 3),
    "dyck-2-4": bounded_dyck(2, 4),
    "dyck-2-5": bounded_dyck(2, 5),
    "dyck-3-3": bounded_dyck(3, 3),
    "s3": word_problem((1, 0, 2), (1, 2, 0)),
    "a5": word_problem((1, 2, 0, 3, 4), (1, 2, 3, 4, 0)),
    "s5": word_problem((1, 0, 2, 3, 4), (1, 2, 3, 4, 0)),
}
"""Written by hand, not taken from the catalog, so that catalog and algebra check each other."""

NOT_STAR_FREE = {
    *("tomita-3", "tomita-5", "tomita-6", "parity", "aa-star", "aaaa-star", "abab-star"),
    *("s3", "a5", "s5"),
}
STAR_FREE = [name for name in SUITE if name not in NOT_STAR_FREE]


def corner_cases() -> dict[str, Automaton]:
    def make(rows: list[list[int]], accepting: list[bool]) -> Automaton:
        alphabet = tuple("ab"[: len(rows[0])])
        return Automaton(alphabet, np.array(rows, dtype=np.int32), 0, np.array(accepting))

    return {
        "empty language": make([[0, 0]], [False]),
        "only the empty string": make([[-1, -1]], [True]),
        "all strings": make([[0, 0]], [True]),
        "finite": make([[1, 2], [-1, 2], [-1, -1]], [False, False, True]),
        "one letter": make([[1], [1]], [False, True]),
        "a letter that never occurs": make([[1, -1], [0, -1]], [True, True]),
    }
