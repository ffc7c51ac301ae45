"""Two languages compared: equal, a shortest witness, or agreement up to a length."""

from __future__ import annotations

from itertools import product

import pytest

from starfree.languages.catalog import language
from starfree.languages.comparison import compare

FLIPFLOP = "regex:(w0(r0|i[01])*|w1(r1|i[01])*)+"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("d-2", "regex:(a(ab)*b)*"),
        ("tomita-3", "regex:~((.*0)?1(11)*0(00)*(1.*)?)"),
        ("tomita-5", "regex:(0*(10*10*)*)&(1*(01*01*)*)"),
        ("tomita-7", "regex:0*1*0*1*"),
        ("012-02", "regex:[012]*02*"),
        ("ab-d-bc", "regex:[ab]*d[bc]*@d,c,b,a"),
        ("aabbccddee", "regex:a+b+c+d+e+"),
        ("z-2", "regex:0*(10*10*)*"),
        ("dyck-2-2", "regex:('(a'('(a' 'a)'|'(b' 'b)')*'a)'|'(b'('(a' 'a)'|'(b' 'b)')*'b)')*"),
        ("flipflop", FLIPFLOP),
        ("regex:[]@a", "regex:b&~b"),
    ],
)
def test_equal(left: str, right: str) -> None:
    found = compare(language(left), language(right))
    assert found.equal
    assert found.witness is None


@pytest.mark.parametrize(
    ("left", "right", "witness", "in_left"),
    [
        ("d-2", "d-3", "aaabbb", False),
        ("parity", "tomita-6", "0", True),
        ("dyck-1", "shuffle-2", "[]", False),
        ("anbn", "anbncn", "ab", True),
        ("boolean-3", "boolean-5", "*0000", False),
        ("dyck-1", "regex:'('*')'*", "(", False),
        ("regex:[]@a", "regex:()@a", "", False),
        ("tomita-1", "regex:1*|1{9}2", "1111111112", False),
    ],
)
def test_shortest_witness(left: str, right: str, witness: str, in_left: bool) -> None:
    first, second = language(left), language(right)
    found = compare(first, second)
    assert not found.equal
    assert found.witness == tuple(witness)
    assert found.in_left == in_left
    assert compare(second, first).in_left != in_left
    common = [symbol for symbol in first.alphabet if symbol in second.alphabet]
    for length in range(min(len(witness), 7)):
        for word in map("".join, product(common, repeat=length)):
            assert first.accepts(first.encode(word)) == second.accepts(second.encode(word))


def test_counter_languages_agree_as_far_as_searched() -> None:
    found = compare(language("dyck-1"), language("shuffle-1"), limit=1000)
    assert found.witness is None
    assert not found.equal
    assert found.agree_up_to == 999


def test_stacks_that_differ_only_in_their_depth() -> None:
    found = compare(language("dyck-1-40"), language("dyck-1-41"))
    assert found.witness == ("(a",) * 41 + ("a)",) * 41
