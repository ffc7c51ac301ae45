"""Is a regular language star-free? If not, a witness that anyone can check by hand.

A language is star-free iff its minimal automaton is aperiodic (Schützenberger 1965; McNaughton and
Papert 1971): no word w permutes two or more states in a cycle. Three tests in order of cost:

1. every strongly connected component is one state: star-free (R-trivial);
2. a path from the pair (i, j) to the pair (j, i): not star-free, period 2;
3. the image orbit of every strongly connected component (`orbit.py`), exact.

A cycle of w stays inside one component, so the orbits run per component with partial maps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from starfree.algebra.orbit import image_orbit, loop_words, schreier_loops
from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton
from starfree.languages.graphs import components, members, shortest_word

Word = tuple[int, ...]
Rows = Sequence[Sequence[int]]

DEFAULT_IMAGE_LIMIT = 200_000
PAIR_EDGE_LIMIT = 1_000_000
SHORT_WORD_LIMIT = 5_000


@dataclass(frozen=True)
class Witness:
    """Membership of u w^n v is periodic in n and never constant: the language is not star-free.

    Attributes:
        u: a word that leads from the start to the first state of the cycle.
        w: the word that permutes the states.
        v: a word that tells the first state of the cycle from the second.
        states: the cycle, ``states[i] w = states[i + 1]``.

    """

    u: Word
    w: Word
    v: Word
    states: tuple[int, ...]

    @property
    def period(self) -> int:
        """Length of the cycle, at least 2."""
        return len(self.states)


@dataclass(frozen=True)
class Aperiodicity:
    """Whether the language is star-free, and why.

    Attributes:
        star_free: the answer.
        witness: checked by running the automaton; None iff star-free.
        method: the test that decided.
        image_sets: sets of states visited by the image orbits.

    """

    star_free: bool
    witness: Witness | None
    method: str
    image_sets: int = 0


def decide(automaton: Automaton, max_images: int = DEFAULT_IMAGE_LIMIT) -> Aperiodicity:
    """Decide whether the automaton's language is star-free.

    Raises:
        ComplexityLimit: more than `max_images` image sets; the message says what is known.

    """
    automaton = automaton.minimise()
    rows: Rows = automaton.transitions.tolist()
    inner = [states for states in members(components(rows)) if len(states) > 1]
    if not inner:
        return Aperiodicity(True, None, "every strongly connected component is one state")
    pairs_fit = sum(len(states) ** 2 for states in inner) * len(automaton.alphabet)
    if pairs_fit <= PAIR_EDGE_LIMIT:
        for states in inner:
            word = _swapping_word(_restrict(rows, states))
            if word is not None:
                witness = make_witness(automaton, word)
                return Aperiodicity(False, witness, "two states that one word exchanges")
    visited = 0
    for states in inner:
        part = _restrict(rows, states)
        orbit = image_orbit(part, (1 << len(states)) - 1, max_images - visited)
        visited += len(orbit.sets)
        for loops in schreier_loops(orbit):
            if loops:
                word = next(word for word in loop_words(orbit, loops[0]) if _cycles(part, word))
                witness = make_witness(automaton, word)
                return Aperiodicity(False, witness, "image orbit", visited)
        if not orbit.complete:
            swap = (
                "no word exchanges two states (pair test), " if pairs_fit <= PAIR_EDGE_LIMIT else ""
            )
            raise ComplexityLimit(
                f"aperiodicity undecided: {visited:,} image sets visited, {swap}no cycle found "
                f"among them; raise max_images (now {max_images:,}) or give a smaller automaton"
            )
    return Aperiodicity(True, None, "image orbit", visited)


def make_witness(automaton: Automaton, word: Word) -> Witness:
    """The witness around a word that permutes states of a minimal automaton, made short, checked.

    Raises:
        ValueError: the word permutes no two states.

    """
    rows: Rows = automaton.transitions.tolist()
    word = _shortest_cycling_word(rows) or word
    access = {state: shortest_word(rows, automaton.start, [state]) for state in range(len(rows))}
    cycles = _cycles(rows, word)
    if not cycles:
        raise ValueError(f"the word {word} permutes no states")
    cycle = min(cycles, key=lambda states: len(access[states[0]]))
    suffix = _distinguishing_word(rows, automaton.accepting.tolist(), cycle[0], cycle[1])
    witness = Witness(access[cycle[0]], word, suffix, cycle)
    if not check_witness(automaton, witness):
        raise AssertionError(f"{witness} does not hold: a fault in the search")
    return witness


def check_witness(automaton: Automaton, witness: Witness) -> bool:
    """Run the automaton: w turns the cycle, and u w^n v is accepted for some n of a period only."""
    rows: Rows = automaton.transitions.tolist()
    state = run(rows, automaton.start, witness.u)
    answers = set()
    for expected in witness.states:
        if state != expected:
            return False
        end = run(rows, state, witness.v)
        answers.add(end >= 0 and bool(automaton.accepting[end]))
        state = run(rows, state, witness.w)
    return state == witness.states[0] and witness.period > 1 and answers == {False, True}


def run(rows: Rows, state: int, word: Word) -> int:
    """The state after `word`, -1 where a transition is missing."""
    for letter in word:
        if state < 0:
            break
        state = rows[state][letter]
    return state


def _restrict(rows: Rows, states: Sequence[int]) -> list[list[int]]:
    """The partial automaton on `states`, renumbered; transitions that leave them are dropped."""
    place = {state: number for number, state in enumerate(states)}
    return [[place.get(target, -1) for target in rows[state]] for state in states]


def _swapping_word(rows: Rows) -> Word | None:
    """A word that exchanges two states, by components of the graph of ordered pairs."""
    count = len(rows)
    pairs = [
        [
            i * count + j if i >= 0 and j >= 0 and i != j else -1
            for i, j in zip(rows[first], rows[second], strict=True)
        ]
        for first in range(count)
        for second in range(count)
    ]
    component = components(pairs)
    for first in range(count):
        for second in range(first):
            pair, swapped = first * count + second, second * count + first
            if component[pair] == component[swapped]:
                return shortest_word(pairs, pair, [swapped])
    return None


def _cycles(rows: Rows, word: Word) -> list[tuple[int, ...]]:
    """The cycles of two or more states of the partial map of `word`, each from its least state."""
    image = [run(rows, state, word) for state in range(len(rows))]
    return _map_cycles(image)


def _map_cycles(image: Sequence[int]) -> list[tuple[int, ...]]:
    cycles = []
    seen = [False] * len(image)
    for start in range(len(image)):
        path = []
        state = start
        while state >= 0 and not seen[state]:
            seen[state] = True
            path.append(state)
            state = image[state]
        if state in path:
            cycle = path[path.index(state) :]
            if len(cycle) > 1:
                turn = cycle.index(min(cycle))
                cycles.append((*cycle[turn:], *cycle[:turn]))
    return cycles


def _shortest_cycling_word(rows: Rows) -> Word | None:
    """The first word in length-lexicographic order that permutes states, within a small search."""
    identity = tuple(range(len(rows)))
    seen = {identity}
    queue: deque[tuple[tuple[int, ...], Word]] = deque([(identity, ())])
    while queue and len(seen) <= SHORT_WORD_LIMIT:
        image, word = queue.popleft()
        for letter in range(len(rows[0])):
            longer = tuple(rows[state][letter] if state >= 0 else -1 for state in image)
            if longer not in seen:
                if _map_cycles(longer):
                    return (*word, letter)
                seen.add(longer)
                queue.append((longer, (*word, letter)))
    return None


def _distinguishing_word(rows: Rows, accepting: Sequence[bool], one: int, two: int) -> Word:
    """A shortest word accepted from exactly one of two states of a minimal automaton."""

    def accepts(state: int) -> bool:
        return state >= 0 and accepting[state]

    queue: deque[tuple[int, int, Word]] = deque([(one, two, ())])
    seen = {(one, two)}
    while queue:
        first, second, word = queue.popleft()
        if accepts(first) != accepts(second):
            return word
        for letter in range(len(rows[0])):
            pair = (run(rows, first, (letter,)), run(rows, second, (letter,)))
            if pair not in seen:
                seen.add(pair)
                queue.append((*pair, (*word, letter)))
    raise ValueError(f"states {one} and {two} are equivalent: the automaton is not minimal")
