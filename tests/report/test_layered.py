"""Layered drawings: nothing lies upon anything else, and every arrow joins its own states."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starfree.languages.catalog import language
from starfree.report.automaton_drawing import can_be_drawn, draw
from starfree.report.layered import GAP, RADIUS, Arrow, layered


@st.composite
def graphs(draw):
    """A graph all of whose nodes can be reached from node 0."""
    nodes = draw(st.integers(1, 9))
    pairs = {(draw(st.integers(0, node - 1)), node) for node in range(1, nodes)}
    more = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1))
    pairs |= draw(st.sets(more, max_size=10))
    return nodes, [Arrow(a, b, 9.0 * draw(st.integers(1, 6)), 17.0) for a, b in sorted(pairs)]


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_nothing_overlaps(graph):
    nodes, arrows = graph
    layout = layered(nodes, arrows, 0)
    boxes = [(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in layout.nodes]
    for arrow, (x, y) in zip(arrows, layout.labels, strict=True):
        width, height = arrow.label_width / 2, arrow.label_height / 2
        boxes.append((x - width, y - height, x + width, y + height))
    for place, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert top >= -1e-6
        assert right <= layout.width + 1e-6
        assert bottom <= layout.height + 1e-6
        for other in boxes[:place]:
            apart = other[2] <= left or right <= other[0]
            apart |= other[3] <= top + 1e-6 or bottom <= other[1] + 1e-6
            assert apart
    for arrow, route in zip(arrows, layout.routes, strict=True):
        assert route[0] == layout.nodes[arrow.source]
        assert route[-1] == layout.nodes[arrow.target]


def test_a_chain_is_a_straight_line():
    chain = [Arrow(node, node + 1, 10, 17) for node in range(6)]
    for _, y in layered(7, chain, 0).nodes:
        assert y == pytest.approx(RADIUS + GAP, abs=0.1)


@pytest.mark.parametrize("name", ["tomita-4", "flipflop", "d-12", "s3", "z-5", "undo-flipflop-2"])
def test_every_transition_is_drawn(name):
    automaton = language(name).automaton
    text = draw(automaton)
    states = re.findall(r'data-state="(\d+)"', text)
    assert [int(state) for state in states] == list(range(automaton.states))
    pairs = {
        (state, target)
        for state, row in enumerate(automaton.transitions.tolist())
        for target in row
        if target >= 0
    }
    assert text.count('class="letter"') == len(pairs)
    assert text.count('class="arrow"') == len(pairs) + 1
    assert text.count('class="accepting"') == int(automaton.accepting.sum())


def test_large_automata_are_not_drawn():
    assert not can_be_drawn(language("s5").automaton)
    assert can_be_drawn(language("d-30").automaton)
