"""`pltl:` against a direct recursive evaluator, on all short words."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starfree.errors import ComplexityLimit, InputError
from starfree.languages.catalog import language
from starfree.languages.comparison import compare
from starfree.languages.pltl import compile_pltl, parse, subformulas

WORDS = ["".join(word) for length in range(6) for word in product("abc", repeat=length)]

formulas = st.recursive(
    st.sampled_from([("atom", "a"), ("atom", "b"), ("true",), ("false",)]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["!", "Y", "P", "O", "H"]), inner),
        st.tuples(st.sampled_from(["&", "|", "->", "S"]), inner, inner),
    ),
    max_leaves=6,
)


def written(formula: tuple[Any, ...]) -> str:
    match formula:
        case ("atom", symbol):
            return str(symbol)
        case ("true",) | ("false",):
            return str(formula[0])
        case (sign, body):
            return f"{sign} ({written(body)})"
    return f"({written(formula[1])}) {formula[0]} ({written(formula[2])})"


def holds(formula: tuple[Any, ...], word: str, t: int) -> bool:
    """Truth at position t of a word, by the textbook's quantifiers over positions."""
    match formula:
        case ("atom", symbol):
            return word[t] == symbol
        case ("true",):
            return True
        case ("false",):
            return False
        case ("!", body):
            return not holds(body, word, t)
        case ("Y", body):
            return t > 0 and holds(body, word, t - 1)
        case ("P" | "O", body):
            return any(holds(body, word, s) for s in range(t + 1))
        case ("H", body):
            return all(holds(body, word, s) for s in range(t + 1))
        case ("&", left, right):
            return holds(left, word, t) and holds(right, word, t)
        case ("|", left, right):
            return holds(left, word, t) or holds(right, word, t)
        case ("->", left, right):
            return not holds(left, word, t) or holds(right, word, t)
        case ("S", left, right):
            return any(
                holds(right, word, s) and all(holds(left, word, u) for u in range(s + 1, t + 1))
                for s in range(t + 1)
            )
    raise AssertionError(formula)


def accepted(text: str) -> list[str]:
    automaton = compile_pltl(text)
    return [w for w in WORDS if automaton.accepts([automaton.alphabet.index(s) for s in w])]


@settings(max_examples=200, derandomize=True, deadline=None)
@given(formulas, st.booleans())
def test_like_the_definition(formula: tuple[Any, ...], empty: bool) -> None:
    expected = [w for w in WORDS if (holds(formula, w, len(w) - 1) if w else empty)]
    assert accepted(written(formula) + "@a,b,c" + ", empty" * empty) == expected


@pytest.mark.parametrize(
    ("loose", "bracketed"),
    [
        ("a -> b -> c", "a -> (b -> c)"),
        ("a | b & c", "a | (b & c)"),
        ("a & b S c", "a & (b S c)"),
        ("!a S b", "(!a) S b"),
        ("a S b S c", "a S (b S c)"),
        ("Y a & b", "(Y a) & b"),
        ("YPa", "Y(P(a))"),
        ("! Y H O a", "!(Y(H(O(a))))"),
        ("a|b->c", "(a | b) -> c"),
    ],
)
def test_precedence(loose: str, bracketed: str) -> None:
    assert accepted(loose + "@a,b,c") == accepted(bracketed + "@a,b,c")


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("H !(0 & Y (0 & Y 0)) @0,1,empty", "tomita-4"),
        ("(2 S 0) @0,1,2", "012-02"),
        ("H !0 @0,1, empty", "tomita-1"),
        ("P d & H (a | b | d & !Y P d | Y P d & (b | c)) & H (Y P d -> b | c)", "ab-d-bc"),
    ],
)
def test_star_free_languages_of_the_catalog(formula: str, name: str) -> None:
    assert compare(language(f"pltl:{formula}"), language(name)).equal


def test_alphabet_and_empty_word() -> None:
    assert compile_pltl("'S' -> \"(a\" | t").alphabet == ("(a", "S", "t")
    assert compile_pltl("a@a,'empty'").alphabet == ("a", "empty")
    for text, empty in (("a@a", False), ("a@a,empty", True), ("a@empty", True), ("a", False)):
        automaton = compile_pltl(text)
        assert automaton.alphabet == ("a",)
        assert automaton.accepts([]) == empty


def test_subformulas_come_after_their_parts() -> None:
    statement = parse("(a S b) & Y (a S b)")
    found = subformulas(statement.formula)
    assert len(found) == 5
    assert found[-1] == statement.formula


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it ends too early; expected a formula"),
        ("a &", "it ends too early; expected a formula"),
        ("a b", r"unexpected 'b' at position 3; expected an operator"),
        ("(a", r"it ends too early; expected '\)'"),
        ("a U b", r"unexpected 'U' at position 3"),
        ("a S", "it ends too early"),
        ("-a", "unexpected '-' at position 1; expected a formula"),
        ("true", "no symbol occurs, so list the alphabet"),
        ("b@a", "symbol 'b' is not in the alphabet @a"),
        ("a@a,", "it ends too early; expected a symbol of the alphabet"),
    ],
)
def test_malformed(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        language(f"pltl:{text}")
    assert "\n" not in str(caught.value)


def test_too_large() -> None:
    with pytest.raises(ComplexityLimit, match=r"pltl:.*limit of 20000 states"):
        language("pltl:" + "Y " * 15 + "a @a,b")
