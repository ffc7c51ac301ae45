"""`regex:` against Python's `re`, and against sets of short words."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starfree.errors import ComplexityLimit, InputError
from starfree.languages.catalog import language
from starfree.languages.regex import compile_regex

LONGEST = 5
WORDS = frozenset(
    "".join(word) for length in range(LONGEST + 1) for word in product("abc", repeat=length)
)


def accepted(text: str) -> frozenset[str]:
    automaton = compile_regex(text)
    number = {symbol: token for token, symbol in enumerate(automaton.alphabet)}
    return frozenset(word for word in WORDS if automaton.accepts([number[s] for s in word]))


# Expressions in the fragment that Python's `re` reads alike.
shared = st.recursive(
    st.sampled_from(["a", "b", "c", ".", "[ab]", "[^ab]", "[b-c]", "()"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        inner.map(lambda body: f"({body})*"),
        inner.map(lambda body: f"({body})+"),
        inner.map(lambda body: f"({body})?"),
        inner.map(lambda body: f"({body}){{2}}"),
        inner.map(lambda body: f"({body}){{1,3}}"),
        inner.map(lambda body: f"({body}){{2,}}"),
        inner.map(lambda body: f"({body}){{,2}}"),
    ),
    max_leaves=6,
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(shared)
def test_like_python(text: str) -> None:
    pattern = re.compile(text.replace("{,2}", "{0,2}"))
    assert accepted(text + "@a,b,c") == {word for word in WORDS if pattern.fullmatch(word)}


# Expressions as trees, for the operators that `re` lacks.
trees = st.recursive(
    st.sampled_from([("letter", "a"), ("letter", "b"), ("letter", "c"), ("empty",), ("any",)]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["sequence", "union", "and", "shuffle"]), inner, inner),
        st.tuples(st.sampled_from(["star", "not"]), inner),
    ),
    max_leaves=6,
)


def written(tree: tuple[Any, ...]) -> str:
    match tree:
        case ("letter", letter):
            return str(letter)
        case ("empty",):
            return "()"
        case ("any",):
            return "."
        case ("star", body):
            return f"({written(body)})*"
        case ("not", body):
            return f"~({written(body)})"
    sign = {"sequence": " ", "union": "|", "and": "&", "shuffle": "#"}[tree[0]]
    return f"({written(tree[1])}{sign}{written(tree[2])})"


def interleavings(first: str, second: str) -> set[str]:
    if not first or not second:
        return {first + second}
    heads = {first[0] + rest for rest in interleavings(first[1:], second)}
    return heads | {second[0] + rest for rest in interleavings(first, second[1:])}


def words_of(tree: tuple[Any, ...]) -> frozenset[str]:
    """The words up to `LONGEST`, by the definition of each operator."""
    match tree:
        case ("letter", letter):
            return frozenset([letter])
        case ("empty",):
            return frozenset([""])
        case ("any",):
            return frozenset("abc")
        case ("not", body):
            return WORDS - words_of(body)
        case ("star", body):
            found, step = {""}, words_of(body)
            while not found >= (more := {a + b for a in found for b in step} & WORDS):
                found |= more
            return frozenset(found)
    left, right = words_of(tree[1]), words_of(tree[2])
    if tree[0] == "union":
        return left | right
    if tree[0] == "and":
        return left & right
    pairs = [(a, b) for a in left for b in right if len(a + b) <= LONGEST]
    if tree[0] == "sequence":
        return frozenset(a + b for a, b in pairs)
    return frozenset(word for a, b in pairs for word in interleavings(a, b))


@settings(max_examples=150, derandomize=True, deadline=None)
@given(trees)
def test_like_sets(tree: tuple[Any, ...]) -> None:
    assert accepted(written(tree) + "@a,b,c") == words_of(tree)


@pytest.mark.parametrize(
    ("loose", "bracketed"),
    [
        ("a|b&c", "a|(b&c)"),
        ("ab|c", "(ab)|c"),
        ("a#bc", "a#(bc)"),
        ("a&b#c", "a&(b#c)"),
        ("~a*", "~(a*)"),
        ("~ab", "(~a)b"),
        ("ab*", "a(b*)"),
        ("~~a", "a"),
        ("a b\tc", "abc"),
    ],
)
def test_precedence(loose: str, bracketed: str) -> None:
    assert accepted(loose + "@a,b,c") == accepted(bracketed + "@a,b,c")


@pytest.mark.parametrize(
    ("text", "alphabet"),
    [
        ("ba", ("a", "b")),
        ("ba@b,a,x", ("b", "a", "x")),
        (r"\*\(", ("(", "*")),
        ("'(a' \"a)\" @ '(a','a)'", ("(a", "a)")),
        ("'(a' 'a)'@(a,a)", ("(a", "a)")),
        ("[a-c'xy'\\]]", ("]", "a", "b", "c", "xy")),
        ("a,^", (",", "^", "a")),
        ("[^a]@a,b", ("a", "b")),
        ("empty@e,m,p,t,y,empty", ("e", "m", "p", "t", "y", "empty")),
    ],
)
def test_alphabets(text: str, alphabet: tuple[str, ...]) -> None:
    assert compile_regex(text).alphabet == alphabet


def test_symbols_of_several_characters() -> None:
    tested = language("regex:('(a' 'a)')*")
    assert tested.accepts(tested.encode("(a a) (a a)"))
    assert not tested.accepts(tested.encode("a) (a"))
    assert tested.decode([0, 1]) == "(a a)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it ends too early; expected .*a symbol"),
        ("a|", "it ends too early; expected .*a symbol"),
        ("(ab", r"it ends too early; expected '\)'"),
        ("ab)", r"unexpected '\)' at position 3"),
        ("*a", r"unexpected '\*' at position 1; expected .*a symbol"),
        ("a{2,1}", r"repetition \{2,1\}: the upper bound is below the lower one"),
        ("a{x}", r"unexpected '\{' at position 2"),
        ("[c-a]", "c-a is no range"),
        ("[ab", r"unexpected '\[' at position 1"),
        ("ab@a", "symbol 'b' is not in the alphabet @a; add it there"),
        ("a@a,a", "symbol 'a' is listed twice"),
        ("a@", "it ends too early; expected .*a symbol of the alphabet"),
        (".", "no symbol occurs, so list the alphabet"),
        (r"\$a", "symbol '\\$' stands for the end of a string"),
        ("a'b c'", "unexpected"),
    ],
)
def test_malformed(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        language(f"regex:{text}")
    assert str(caught.value).startswith(f"regex:{text}: ")
    assert "\n" not in str(caught.value)
    assert "__" not in str(caught.value), "names of the grammar do not reach the user"


def test_too_large() -> None:
    with pytest.raises(ComplexityLimit, match=r"regex:.*limit of 20000 states"):
        language("regex:(a|b)*a(a|b){15}")
    with pytest.raises(ComplexityLimit, match="unfolds to more than 20000 places"):
        language("regex:((ab){200}){200}")
    with pytest.raises(InputError, match="nested too deeply"):
        language("regex:" + "~" * 5000 + "a")
