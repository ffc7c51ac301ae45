"""Past linear temporal logic over finite words, to automata.

A word is a model if the formula holds at its last position. Atoms are symbols: ``a`` holds where
the symbol is a; a symbol of several characters, and any of ``Y P O H S``, is quoted: ``'(a'``.
From loose to tight: ``f -> g``, ``f | g``, ``f & g``, ``f S g`` (since: g held at some position up
to now and f at all later ones), then ``!f``, ``Y f`` (yesterday; false at the first position),
``P f`` or ``O f`` (once, now included), ``H f`` (always so far), ``true``, ``false``. ``->`` and
``S`` group to the right. The empty word is no model, unless the alphabet suffix ends with
``empty``: ``H !a @a,b,empty``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lark import Lark, Transformer, v_args

from starfree.languages import syntax
from starfree.languages.automaton import Automaton

_GRAMMAR = (
    r"""
    start: formula (_AT item (_COMMA item)*)?
    item: NAME -> name | QUOTED -> name | EMPTY -> empty
    EMPTY.2: /empty(?=\s*$)/
    ?formula: disjunction
            | disjunction _IMPLIES formula -> implication
    ?disjunction: conjunction
                | disjunction _OR conjunction -> disjunction
    ?conjunction: since
                | conjunction _AND since -> conjunction
    ?since: unary
          | unary _SINCE since -> since
    ?unary: atom
          | _NOT unary -> negation
          | _YESTERDAY unary -> yesterday
          | _ONCE unary -> once
          | _ALWAYS unary -> historically
    ?atom: SYMBOL -> symbol
         | QUOTED -> symbol
         | TRUE -> true
         | FALSE -> false
         | _OPEN formula _CLOSE
    _IMPLIES: "->"
    _OR: "|"
    _AND: "&"
    _SINCE: "S"
    _NOT: "!"
    _YESTERDAY: "Y"
    _ONCE: "P" | "O"
    _ALWAYS: "H"
    TRUE.2: "true"
    FALSE.2: "false"
    _OPEN: "("
    _CLOSE: ")"
    SYMBOL: /[^\s!&|()'"@YPOHS>-]/
"""
    + syntax.SUFFIX_GRAMMAR
)

_EXPECTED = {
    "SYMBOL": "a formula",
    "_CLOSE": "')'",
    "_SINCE": "an operator (-> | & S)",
    "_IMPLIES": "an operator (-> | & S)",
    "NAME": "a symbol of the alphabet",
    "_COMMA": "','",
    "$END": "the end",
}


@dataclass(frozen=True)
class Atom:
    """True at the positions of one symbol."""

    symbol: str


@dataclass(frozen=True)
class Truth:
    """True everywhere."""


@dataclass(frozen=True)
class Not:
    """Negation."""

    body: Formula


@dataclass(frozen=True)
class And:
    """Conjunction."""

    left: Formula
    right: Formula


@dataclass(frozen=True)
class Yesterday:
    """`body` held at the position before; false at the first."""

    body: Formula


@dataclass(frozen=True)
class Since:
    """`right` held at some position up to now, and `left` at all positions after it."""

    left: Formula
    right: Formula


Formula = Atom | Truth | Not | And | Yesterday | Since


@dataclass(frozen=True)
class Statement:
    """A formula with its alphabet, and whether the empty word is a model."""

    formula: Formula
    alphabet: tuple[str, ...]
    empty: bool


@v_args(inline=True)
class _Builder(Transformer[Any, Any]):
    """From the parser's reductions to the six connectives above."""

    def start(self, formula: Formula, *items: str | None) -> tuple[Formula, list[str], bool]:
        return formula, [item for item in items if item is not None], None in items

    def name(self, token: str) -> str:
        return syntax.unquote(token)

    def empty(self, token: str) -> None:
        return None

    def implication(self, left: Formula, right: Formula) -> Formula:
        return Not(And(left, Not(right)))

    def disjunction(self, left: Formula, right: Formula) -> Formula:
        return Not(And(Not(left), Not(right)))

    def conjunction(self, left: Formula, right: Formula) -> Formula:
        return And(left, right)

    def since(self, left: Formula, right: Formula) -> Formula:
        return Since(left, right)

    def negation(self, body: Formula) -> Formula:
        return Not(body)

    def yesterday(self, body: Formula) -> Formula:
        return Yesterday(body)

    def once(self, body: Formula) -> Formula:
        return Since(Truth(), body)

    def historically(self, body: Formula) -> Formula:
        return Not(Since(Truth(), Not(body)))

    def symbol(self, token: str) -> Formula:
        return Atom(syntax.unquote(token))

    def true(self, token: str) -> Formula:
        return Truth()

    def false(self, token: str) -> Formula:
        return Not(Truth())


_PARSER = Lark(_GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)


def parse(text: str) -> Statement:
    """Read a formula.

    Raises:
        InputError: malformed; says where and what was expected.
    """
    formula, listed, empty = syntax.parse(_PARSER, text, _EXPECTED)
    symbols = {part.symbol for part in subformulas(formula) if isinstance(part, Atom)}
    return Statement(formula, syntax.alphabet_of(symbols, listed or None), empty)


def subformulas(formula: Formula) -> list[Formula]:
    """Every distinct subformula, each after its own parts; the formula itself comes last."""
    found: dict[Formula, None] = {}
    stack = [formula]
    while stack:
        node = stack.pop()
        parts = [part for part in _parts(node) if part not in found]
        if parts:
            stack += [node, *parts]
        else:
            found[node] = None
    return list(found)


def _parts(formula: Formula) -> tuple[Formula, ...]:
    match formula:
        case Not(body) | Yesterday(body):
            return (body,)
        case And(left, right) | Since(left, right):
            return (left, right)
    return ()


def compile_pltl(text: str) -> Automaton:
    """The minimal automaton of a formula's models.

    A state holds what the formula will need of the past: the truth of the body of every `Y` and of
    every `S` at the position just read.

    Raises:
        InputError: malformed; says where and what was expected.
        ComplexityLimit: too many combinations of such truths are reachable.
    """
    statement = parse(text)
    nodes = subformulas(statement.formula)
    number = {node: index for index, node in enumerate(nodes)}
    program = [(node, [number[part] for part in _parts(node)]) for node in nodes]

    def values(token: int, past: int) -> list[bool]:
        """The truth of every subformula at this position; bit i of `past`: of node i before it."""
        truth: list[bool] = []
        for index, (node, parts) in enumerate(program):
            match node:
                case Truth():
                    truth.append(True)
                case Atom(symbol):
                    truth.append(statement.alphabet[token] == symbol)
                case Not():
                    truth.append(not truth[parts[0]])
                case And():
                    truth.append(truth[parts[0]] and truth[parts[1]])
                case Yesterday():
                    truth.append(bool(past >> parts[0] & 1))
                case Since():
                    held = truth[parts[0]] and bool(past >> index & 1)
                    truth.append(truth[parts[1]] or held)
        return truth

    remembered = {parts[0] for node, parts in program if isinstance(node, Yesterday)}
    remembered |= {index for index, (node, _) in enumerate(program) if isinstance(node, Since)}

    def successor(state: tuple[bool, int], token: int) -> tuple[bool, int]:
        truth = values(token, state[1])
        return truth[-1], sum(1 << index for index in remembered if truth[index])

    start = (statement.empty, 0)
    return Automaton.explore(statement.alphabet, start, successor, lambda s: s[0]).minimise()
