"""The best that any function of the last k symbols can do on uniform strings, computed exactly.

The predictor sees the last k symbols (near the start: all there are, and that there are no more)
and answers with one legal set. The best answer to a window is the legal set that stands there most
often among uniform members of the given lengths; these expected numbers come from a forward pass
over (window, state) and the counts of completions, not from a sample.

What is optimal: no function of the last k symbols has more right positions in expectation. Its
share of strings without an error is exact too, but it is this predictor's; to choose the answers
for whole strings is another (combinatorial) problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starfree.languages.automaton import Automaton
from starfree.languages.language import Language
from starfree.languages.regular import legal_table

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class WindowOptimum:
    """What the best predictor from the last `window` symbols scores in expectation.

    Attributes:
        window: how many symbols it sees.
        position_accuracy: share of right legal sets; no such predictor has more.
        string_accuracy: share of strings in which it is right everywhere.
    """

    window: int
    position_accuracy: float
    string_accuracy: float


def window_optimum(
    language: Language,
    window: int,
    lengths: Sequence[int] | NDArray[np.integer],
    limit: int = 300_000,
) -> WindowOptimum | None:
    """The optimum on members drawn uniformly, with these lengths.

    Args:
        language: whose legal sets are asked for.
        window: k.
        lengths: of the strings, with repetitions: their frequencies are the weights.
        limit: pairs of a window and a state that may be looked at.

    Returns:
        None if the language has no finite automaton, or too many windows for `limit`.
    """
    automaton = language.automaton
    if automaton is None or not len(lengths):
        return None
    graph = _explore(automaton, window, limit)
    if graph is None:
        return None
    frequency = np.bincount(np.asarray(lengths)) / len(lengths)
    futures = _futures(automaton, frequency)
    visits = np.zeros(len(graph.state))
    for t, (reached, exponent) in enumerate(_forward(graph, len(frequency), None)):
        visits += reached * np.exp2(exponent + futures[t])[graph.state]
    legal = _patterns(automaton)[graph.state]
    answers = np.zeros((graph.contexts, int(legal.max()) + 1))
    np.add.at(answers, (graph.context, legal), visits)
    right = answers.argmax(axis=1)[graph.context] == legal
    ends = _completions(automaton, len(frequency))
    strings = 0.0
    for t, (reached, exponent) in enumerate(_forward(graph, len(frequency), right)):
        if frequency[t]:
            members = reached[automaton.accepting[graph.state]].sum()
            strings += frequency[t] * members * 2.0 ** (exponent - ends[t][automaton.start])
    positions = float(answers.max(axis=1).sum() / answers.sum())
    return WindowOptimum(window, positions, min(float(strings), 1.0))


@dataclass(frozen=True, eq=False)
class _Graph:
    """Pairs of a context (the last symbols) and a state that some prefix has; node 0 is the start.

    Attributes:
        state: of every node.
        context: of every node, as a number below `contexts`.
        contexts: how many there are.
        edges: source and target node of every transition.
    """

    state: NDArray[np.int64]
    context: NDArray[np.int64]
    contexts: int
    edges: tuple[NDArray[np.int64], NDArray[np.int64]]


def _explore(automaton: Automaton, window: int, limit: int) -> _Graph | None:
    table = automaton.transitions.tolist()
    start: tuple[tuple[int, ...], int] = ((), automaton.start)
    number = {start: 0}
    order = [start]
    sources: list[int] = []
    targets: list[int] = []
    for index, (context, state) in enumerate(order):
        for token, target in enumerate(table[state]):
            if target < 0:
                continue
            node = ((*context, token)[max(0, len(context) + 1 - window) :], target)
            if node not in number:
                if len(order) >= limit:
                    return None
                number[node] = len(order)
                order.append(node)
            sources.append(index)
            targets.append(number[node])
    contexts = {context: index for index, (context, _) in enumerate(order)}
    names = {context: index for index, context in enumerate(contexts)}
    return _Graph(
        np.array([state for _, state in order]),
        np.array([names[context] for context, _ in order]),
        len(names),
        (np.array(sources, dtype=np.int64), np.array(targets, dtype=np.int64)),
    )


def _forward(
    graph: _Graph, steps: int, allowed: NDArray[np.bool_] | None
) -> list[tuple[Counts, float]]:
    """Prefixes of length 0 .. steps-1 that reach each node: counts, times 2 to the exponent.

    With `allowed`, only prefixes all of whose nodes are allowed.
    """
    reached: Counts = np.zeros(len(graph.state))
    reached[0] = 1.0 if allowed is None else float(allowed[0])
    exponent = 0.0
    found = []
    sources, targets = graph.edges
    for _ in range(steps):
        found.append((reached, exponent))
        reached = np.bincount(targets, reached[sources], len(reached)).astype(np.float64)
        if allowed is not None:
            reached = reached * allowed
        scale = np.floor(np.log2(reached.max())) if reached.any() else 0.0
        reached = reached * 2.0**-scale
        exponent += float(scale)
    return found


def _completions(automaton: Automaton, steps: int) -> list[Counts]:
    """log2 of the number of ways from each state to acceptance in 0 .. steps-1 symbols."""
    with np.errstate(divide="ignore"):
        ways = [np.log2(automaton.accepting.astype(np.float64))]
    while len(ways) < steps:
        padded = np.append(ways[-1], -np.inf)
        ways.append(np.logaddexp2.reduce(padded[automaton.transitions], axis=1))
    return ways


def _futures(automaton: Automaton, frequency: NDArray[np.float64]) -> list[Counts]:
    """Entry t: log2 of the weight of one prefix of length t that is in each state.

    That is the sum over lengths of frequency times completions, over members of that length.
    """
    ways = _completions(automaton, len(frequency))
    used = np.flatnonzero(frequency)
    futures = []
    for t in range(len(frequency)):
        terms = [
            np.log2(frequency[n]) + ways[n - t] - ways[n][automaton.start] for n in used if n >= t
        ]
        futures.append(np.logaddexp2.reduce(np.array(terms), axis=0))
    return futures


def _patterns(automaton: Automaton) -> NDArray[np.intp]:
    """The legal set of every state, as a number."""
    return np.unique(legal_table(automaton), axis=0, return_inverse=True)[1].ravel()
