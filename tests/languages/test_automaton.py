"""Automata operations on random automata, against automata-lib and against short words."""

from __future__ import annotations

import operator
from itertools import product

import numpy as np
import pytest
from automata.fa.dfa import DFA
from hypothesis import given, settings
from hypothesis import strategies as st

from starfree.errors import ComplexityLimit, InputError
from starfree.languages.automaton import Automaton
from starfree.languages.graphs import components, members, shortest_word
from starfree.languages.strings import Strings

WORDS = [word for length in range(7) for word in product(range(2), repeat=length)]
FEW = settings(max_examples=60, derandomize=True, deadline=None)


@st.composite
def automata(draw: st.DrawFn, largest: int = 6) -> Automaton:
    """Partial automata over two symbols, with unreachable and dead states as they fall."""
    states = draw(st.integers(1, largest))
    target = st.integers(-1, states - 1)
    table = draw(st.lists(st.tuples(target, target), min_size=states, max_size=states))
    accepting = draw(st.lists(st.booleans(), min_size=states, max_size=states))
    return Automaton(("a", "b"), np.array(table, dtype=np.int32), 0, np.array(accepting))


def oracle(automaton: Automaton) -> DFA:
    rows = automaton.transitions.tolist()
    return DFA(
        states=set(range(max(1, automaton.states))),
        input_symbols=set(automaton.alphabet),
        transitions={
            state: {s: t for s, t in zip(automaton.alphabet, row, strict=True) if t >= 0}
            for state, row in enumerate(rows or [[-1, -1]])
        },
        initial_state=max(automaton.start, 0),
        final_states=set(np.flatnonzero(automaton.accepting).tolist()),
        allow_partial=True,
    )


def accepted(automaton: Automaton) -> set[tuple[int, ...]]:
    return {word for word in WORDS if automaton.accepts(word)}


@FEW
@given(automata())
def test_minimise(automaton: Automaton) -> None:
    minimal = automaton.minimise()
    assert oracle(minimal) == oracle(automaton)
    assert max(1, minimal.states) == len(oracle(automaton).minify().states)
    again = automaton.complement().complement().minimise()
    assert (again.transitions == minimal.transitions).all()
    assert (again.accepting == minimal.accepting).all()
    numbers = [t for t in minimal.transitions.ravel().tolist() if t > 0]
    first_seen = list(dict.fromkeys(numbers))
    assert first_seen == sorted(first_seen), "states are numbered breadth first"


@FEW
@given(automata(), automata())
def test_product_and_complement(left: Automaton, right: Automaton) -> None:
    for keep, expected in (
        (operator.and_, oracle(left) & oracle(right)),
        (operator.or_, oracle(left) | oracle(right)),
        (operator.xor, oracle(left) ^ oracle(right)),
        (lambda a, b: a and not b, oracle(left) - oracle(right)),
    ):
        assert oracle(left.product(right, keep)) == expected
    neither = left.product(right, lambda a, b: not a and not b)
    assert accepted(neither) == set(WORDS) - accepted(left) - accepted(right)
    assert oracle(left.complement()) == oracle(left).to_complete().complement()


@FEW
@given(automata(), automata())
def test_distinguish(left: Automaton, right: Automaton) -> None:
    witness = left.distinguish(right)
    if witness is None:
        assert oracle(left) == oracle(right)
        return
    assert left.accepts(witness) != right.accepts(witness)
    shorter = [word for word in WORDS if len(word) < len(witness)]
    assert all(left.accepts(word) == right.accepts(word) for word in shorter)


@FEW
@given(automata())
def test_reverse_trim_count(automaton: Automaton) -> None:
    words = accepted(automaton)
    assert accepted(automaton.reverse()) == {word[::-1] for word in words}
    trimmed = automaton.trim()
    assert accepted(trimmed) == words
    assert trimmed.trim().states == trimmed.states
    for length in range(7):
        assert automaton.count(length) == sum(len(word) == length for word in words)
    first = min(words, key=lambda word: (len(word), word), default=None)
    assert automaton.shortest_word() == first


@FEW
@given(automata())
def test_run_batch(automaton: Automaton) -> None:
    states = automaton.run_batch(Strings.of(WORDS))
    for row, word in zip(states, WORDS, strict=True):
        expected = [automaton.run(word[:t]) for t in range(len(word) + 1)]
        assert row.tolist() == expected + [-1] * (len(row) - len(expected))


@FEW
@given(st.data())
def test_subset_construction(data: st.DataObject) -> None:
    states = data.draw(st.integers(1, 5))
    subset = st.integers(0, 2**states - 1)
    successors = data.draw(st.lists(st.tuples(subset, subset), min_size=states, max_size=states))
    start, final = data.draw(subset), data.draw(subset)
    deterministic = Automaton.from_nfa("ab", successors, start, final)
    for word in WORDS:
        reached = {state for state in range(states) if start >> state & 1}
        for token in word:
            reached = {t for s in reached for t in range(states) if successors[s][token] >> t & 1}
        assert deterministic.accepts(word) == any(final >> state & 1 for state in reached)


def test_large_minimisation() -> None:
    """A chain of 3,000 equivalent pairs of states: as many as Hopcroft must keep apart."""
    size = 3000
    step = np.stack([np.arange(1, size + 1), np.arange(1, size + 1)], axis=1)
    step[-1] = -1
    doubled = np.concatenate([step, np.where(step >= 0, (step + size) % (2 * size), -1)])
    doubled[:size, 1] = np.where(step[:, 1] >= 0, step[:, 1] + size, -1)
    accepting = np.zeros(2 * size, dtype=bool)
    accepting[[size - 1, 2 * size - 1]] = True
    automaton = Automaton(("a", "b"), doubled.astype(np.int32), 0, accepting)
    assert automaton.minimise().states == size


def test_empty_language() -> None:
    empty = Automaton(("a",), np.array([[0]], dtype=np.int32), 0, np.array([False])).minimise()
    assert (empty.states, empty.start, empty.count(3)) == (0, -1, 0)
    assert empty.shortest_word() is None
    assert not empty.accepts([])
    assert not empty.accepts([0])
    assert empty.complement().accepts([0, 0])
    assert empty.distinguish(empty) is None
    assert empty.distinguish(empty.complement()) == ()
    assert empty.reverse().states == 0
    assert empty.run_batch(Strings.of([[0, 0]])).tolist() == [[-1, -1, -1]]


def test_other_alphabets() -> None:
    only_a = Automaton(("a",), np.array([[0]], dtype=np.int32), 0, np.array([True]))
    wider = only_a.over(("b", "a"))
    assert wider.accepts([1, 1])
    assert not wider.accepts([0])
    with pytest.raises(InputError, match="different alphabets: a and b a"):
        only_a.distinguish(wider)


def test_explore_stops_at_its_limit() -> None:
    with pytest.raises(ComplexityLimit, match="limit of 100 states"):
        Automaton.explore("a", 0, lambda state, _: state + 1, lambda _: True, limit=100)


@FEW
@given(automata(largest=8))
def test_components_and_shortest_words(automaton: Automaton) -> None:
    rows = automaton.transitions.tolist()
    reach = np.eye(len(rows), dtype=bool)
    for _ in rows:
        for state, row in enumerate(rows):
            for target in row:
                if target >= 0:
                    reach[state] |= reach[target]
    component = components(rows)
    for here, there in product(range(len(rows)), repeat=2):
        assert (component[here] == component[there]) == (reach[here, there] and reach[there, here])
        assert component[here] >= component[there] or not reach[here, there]
        if not reach[here, there]:
            with pytest.raises(LookupError):
                shortest_word(rows, here, [there])
            continue
        word = shortest_word(rows, here, [there])
        state = here
        for token in word:
            state = rows[state][token]
        assert state == there
        assert len(word) < len(rows)
    assert sorted(state for group in members(component) for state in group) == list(
        range(len(rows))
    )
