r"""Regular expressions with intersection, complement and shuffle, to automata.

From loose to tight: ``r|s`` union, ``r&s`` intersection, ``r#s`` shuffle (all interleavings),
``rs`` sequence, ``~r`` complement (so ``~a*`` is ``~(a*)``), ``r*``, ``r+``, ``r?``, ``r{2}``,
``r{2,}``, ``r{,3}``, ``r{2,3}``. Atoms: a letter, ``\*`` an escaped one, ``'(a'`` a symbol of
several characters, ``.`` any symbol, ``[abc]``, ``[a-c]``, ``[^a]`` classes, ``()`` the empty
word, ``[]`` no word. White space does not count. The alphabet is the symbols that occur, or those
of a suffix ``@a,b,c``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from lark import Lark, Transformer, v_args

from starfree.errors import ComplexityLimit, InputError
from starfree.languages import syntax
from starfree.languages.automaton import Automaton
from starfree.languages.graphs import components, members

NODE_LIMIT = 20_000

_GRAMMAR = (
    r"""
    start: union (_AT name (_COMMA name)*)?
    name: NAME | QUOTED
    ?union: intersection (_OR intersection)*
    ?intersection: shuffle (_AND shuffle)*
    ?shuffle: sequence (_HASH sequence)*
    ?sequence: factor+
    ?factor: _NOT factor -> complement
           | repeated
    ?repeated: atom
             | repeated REPEAT -> repeat
    ?atom: SYMBOL -> symbol
         | QUOTED -> symbol
         | CLASS  -> letter_class
         | DOT    -> any_symbol
         | _OPEN _CLOSE -> empty_word
         | _OPEN union _CLOSE
    _OR: "|"
    _AND: "&"
    _HASH: "#"
    _NOT: "~"
    _OPEN: "("
    _CLOSE: ")"
    DOT: "."
    REPEAT: /[*+?]|\{\s*\d+\s*\}|\{\s*\d*\s*,\s*\d*\s*\}/
    CLASS: /\[\^?(\\.|'[^'\s]+'|"[^"\s]+"|[^\]\\'"])*\]/
    SYMBOL: /\\\S|[^\s.*+?{}|&~#()\[\]'"\\@]/
"""
    + syntax.SUFFIX_GRAMMAR
)

_EXPECTED = {
    "SYMBOL": "a symbol",
    "QUOTED": "a quoted symbol",
    "CLASS": "a class [..]",
    "_OPEN": "'('",
    "_CLOSE": "')'",
    "_OR": "'|'",
    "REPEAT": "a repetition (* + ? {m,n})",
    "NAME": "a symbol of the alphabet",
    "_COMMA": "','",
    "$END": "the end",
}


@dataclass(frozen=True)
class Letters:
    """One symbol out of a set, or out of all others."""

    symbols: frozenset[str]
    negated: bool = False


@dataclass(frozen=True)
class Repeat:
    """Between `low` and `high` copies; `high` None has no upper bound."""

    body: Node
    low: int
    high: int | None


@dataclass(frozen=True)
class Operation:
    """`kind`: sequence (of none: the empty word), union, intersection, shuffle or complement."""

    kind: str
    parts: tuple[Node, ...]


Node = Letters | Repeat | Operation


class _Builder(Transformer[Any, Any]):
    """From the parser's reductions to nodes."""

    def start(self, parts: list[Any]) -> tuple[Node, list[str] | None]:
        return parts[0], parts[1:] or None

    def name(self, parts: list[str]) -> str:
        return syntax.unquote(parts[0])

    def union(self, parts: list[Node]) -> Node:
        return Operation("union", tuple(parts))

    def intersection(self, parts: list[Node]) -> Node:
        return Operation("intersection", tuple(parts))

    def shuffle(self, parts: list[Node]) -> Node:
        return Operation("shuffle", tuple(parts))

    def sequence(self, parts: list[Node]) -> Node:
        return Operation("sequence", tuple(parts))

    def complement(self, parts: list[Node]) -> Node:
        return Operation("complement", tuple(parts))

    def empty_word(self, parts: list[Node]) -> Node:
        return Operation("sequence", ())

    @v_args(inline=True)
    def repeat(self, body: Node, mark: str) -> Node:
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if mark in simple:
            return Repeat(body, *simple[mark])
        low, comma, high = mark[1:-1].replace(" ", "").partition(",")
        if not comma:
            return Repeat(body, int(low), int(low))
        bounds = int(low or 0), int(high) if high else None
        if bounds[1] is not None and bounds[1] < bounds[0]:
            raise InputError(f"repetition {mark}: the upper bound is below the lower one")
        return Repeat(body, *bounds)

    @v_args(inline=True)
    def symbol(self, token: str) -> Node:
        return Letters(frozenset([syntax.unquote(token)]))

    def any_symbol(self, parts: list[str]) -> Node:
        return Letters(frozenset(), negated=True)

    @v_args(inline=True)
    def letter_class(self, token: str) -> Node:
        body = token[1:-1]
        negated = body.startswith("^")
        items = re.findall(r"\\.|'[^']+'|\"[^\"]+\"|\S", body.removeprefix("^"))
        symbols: set[str] = set()
        while items:
            first = syntax.unquote(items.pop(0))
            if len(items) > 1 and items[0] == "-":
                last = syntax.unquote(items[1])
                del items[:2]
                if len(first) > 1 or len(last) > 1 or first > last:
                    raise InputError(f"class {token}: {first}-{last} is no range of letters")
                symbols.update(chr(code) for code in range(ord(first), ord(last) + 1))
            else:
                symbols.add(first)
        return Letters(frozenset(symbols), negated)


_PARSER = Lark(_GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)


def compile_regex(text: str) -> Automaton:
    """The minimal automaton of a regular expression.

    Raises:
        InputError: malformed; says where and what was expected.
        ComplexityLimit: the expression needs too large an automaton.
    """
    root, listed = syntax.parse(_PARSER, text, _EXPECTED)
    alphabet = syntax.alphabet_of(_symbols(root), listed)
    return _automaton(root, alphabet)


def _symbols(node: Node) -> Iterator[str]:
    match node:
        case Letters():
            yield from node.symbols
        case Repeat():
            yield from _symbols(node.body)
        case Operation():
            for part in node.parts:
                yield from _symbols(part)


def _automaton(node: Node, alphabet: tuple[str, ...]) -> Automaton:
    """The minimal automaton of a node."""
    if isinstance(node, Operation) and node.kind in ("intersection", "shuffle", "complement"):
        automata = [_automaton(part, alphabet) for part in node.parts]
        if node.kind == "complement":
            return automata[0].complement().minimise()
        if node.kind == "intersection":
            return reduce(lambda a, b: a.product(b, operator.and_).minimise(), automata)
        return reduce(_shuffle, automata)
    net = _Net(alphabet)
    start, end = net.add(node)
    return net.determinise(start, end).minimise()


def _shuffle(left: Automaton, right: Automaton) -> Automaton:
    """All interleavings of a word of `left` with a word of `right` (minimal)."""
    first, second = left.transitions.tolist(), right.transitions.tolist()
    Pairs = frozenset[tuple[int, int]]

    def successor(pairs: Pairs, token: int) -> Pairs | None:
        moved = {(first[p][token], q) for p, q in pairs} | {(p, second[q][token]) for p, q in pairs}
        return frozenset(pair for pair in moved if min(pair) >= 0) or None

    def accepts(pairs: Pairs) -> bool:
        return any(left.accepting[p] and right.accepting[q] for p, q in pairs)

    start: Pairs = frozenset({(left.start, right.start)} if left.states and right.states else ())
    return Automaton.explore(left.alphabet, start, successor, accepts).minimise()


class _Net:
    """A nondeterministic automaton with empty moves, grown from nodes (Thompson's construction)."""

    def __init__(self, alphabet: tuple[str, ...]) -> None:
        self.alphabet = alphabet
        self.moves: list[list[tuple[int, int]]] = []  # per state: (token, target)
        self.jumps: list[list[int]] = []  # per state: targets of empty moves

    def _state(self) -> int:
        if len(self.moves) >= NODE_LIMIT:
            raise ComplexityLimit(
                f"the expression unfolds to more than {NODE_LIMIT} places; make repetitions shorter"
            )
        self.moves.append([])
        self.jumps.append([])
        return len(self.moves) - 1

    def add(self, node: Node) -> tuple[int, int]:
        """Grow by one node: its entry (no way in from it) and exit (no way out)."""
        match node:
            case Letters():
                entry, leave = self._state(), self._state()
                tokens = [
                    token
                    for token, symbol in enumerate(self.alphabet)
                    if (symbol in node.symbols) != node.negated
                ]
                self.moves[entry] += [(token, leave) for token in tokens]
                return entry, leave
            case Repeat():
                return self._add_repeat(node)
            case Operation(kind="sequence"):
                entry = leave = self._state()
                for part in node.parts:
                    first, last = self.add(part)
                    self.jumps[leave].append(first)
                    leave = last
                return entry, leave
            case Operation(kind="union"):
                entry, leave = self._state(), self._state()
                for part in node.parts:
                    first, last = self.add(part)
                    self.jumps[entry].append(first)
                    self.jumps[last].append(leave)
                return entry, leave
        return self._embed(_automaton(node, self.alphabet))

    def _add_repeat(self, node: Repeat) -> tuple[int, int]:
        entry = leave = self._state()
        skips = []
        for copy in range(node.low if node.high is None else node.high):
            if copy >= node.low:
                skips.append(leave)
            first, last = self.add(node.body)
            self.jumps[leave].append(first)
            leave = last
        if node.high is None:
            first, last = self.add(node.body)
            hub, end = self._state(), self._state()
            self.jumps[leave].append(hub)
            self.jumps[hub] += [first, end]
            self.jumps[last].append(hub)
            return entry, end
        end = self._state()
        for state in [*skips, leave]:
            self.jumps[state].append(end)
        return entry, end

    def _embed(self, automaton: Automaton) -> tuple[int, int]:
        """Copy a deterministic automaton in."""
        entry, leave = self._state(), self._state()
        states = [self._state() for _ in range(automaton.states)]
        if states:
            self.jumps[entry].append(states[automaton.start])
        for state, row, accepts in zip(
            states, automaton.transitions.tolist(), automaton.accepting, strict=True
        ):
            self.moves[state] += [(token, states[t]) for token, t in enumerate(row) if t >= 0]
            if accepts:
                self.jumps[state].append(leave)
        return entry, leave

    def determinise(self, start: int, end: int) -> Automaton:
        """Subset construction after closing over empty moves."""
        closure = [0] * len(self.jumps)
        # Components are numbered so that jumps lead to lower numbers, which are closed before.
        for group in members(components(self.jumps)):
            closed = 0
            for state in group:
                closed |= 1 << state
                for target in self.jumps[state]:
                    closed |= closure[target]
            for state in group:
                closure[state] = closed
        successors = [[0] * len(self.alphabet) for _ in self.moves]
        for row, moves in zip(successors, self.moves, strict=True):
            for token, target in moves:
                row[token] |= closure[target]
        return Automaton.from_nfa(self.alphabet, successors, closure[start], 1 << end)
