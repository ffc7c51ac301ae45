"""What the written notations share: one-line parse errors, quoted symbols, alphabets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lark import Lark, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from starfree.errors import InputError

# The alphabet suffix `@a,b,'(a'` that every notation may end with.
SUFFIX_GRAMMAR = r"""
    _AT: "@"
    _COMMA: ","
    QUOTED: /'[^'\s]+'|"[^"\s]+"/
    NAME: /[^,'"@\s]+/
    %ignore /\s+/
"""


def parse(parser: Lark, text: str, expected_names: Mapping[str, str]) -> Any:
    """Run a parser whose transformer builds the result.

    Args:
        parser: an LALR parser with its transformer.
        text: what the user wrote.
        expected_names: how to call each terminal in an error.

    Raises:
        InputError: malformed text; names the position and what was expected there.
    """
    try:
        return parser.parse(text)
    except VisitError as error:
        raise error.orig_exc from None
    except UnexpectedInput as error:
        raise InputError(_explain(error, text, expected_names)) from None


def _explain(error: UnexpectedInput, text: str, names: Mapping[str, str]) -> str:
    terminals: Iterable[str] = ()
    if isinstance(error, UnexpectedCharacters):
        terminals = error.allowed or ()
    elif isinstance(error, UnexpectedToken):
        terminals = error.accepts or error.expected
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    if at_end or not text.strip():
        where = "it ends too early"
    else:
        position = error.pos_in_stream or 0
        where = f"unexpected {text[position]!r} at position {position + 1}"
    expected = " or ".join(sorted({names[t] for t in terminals if t in names}))
    return f"{where}; expected {expected}" if expected else where


def unquote(token: str) -> str:
    """The symbol that a quoted or escaped token stands for."""
    return token[1:-1] if token[0] in "'\"" else token.removeprefix("\\")


def alphabet_of(occurring: Iterable[str], listed: Iterable[str] | None) -> tuple[str, ...]:
    """The alphabet of an expression: the suffix's symbols in its order, else those that occur.

    Raises:
        InputError: no symbol at all, a symbol that the suffix does not list, or one that
            `check_alphabet` refuses.
    """
    used = set(occurring)
    if listed is None:
        alphabet = tuple(sorted(used))
        if not alphabet:
            raise InputError("no symbol occurs, so list the alphabet: end it with @a,b")
    else:
        alphabet = tuple(listed)
        missing = sorted(used - set(alphabet))
        if missing:
            raise InputError(
                f"symbol {missing[0]!r} is not in the alphabet @{','.join(alphabet)}; add it there"
            )
    check_alphabet(alphabet)
    return alphabet


def check_alphabet(alphabet: Iterable[str]) -> None:
    """Refuse symbols that could not be written, or told from the end of a string.

    Raises:
        InputError: an empty or repeated symbol, white space in a symbol, or the symbol `$`.
    """
    seen = set()
    for symbol in alphabet:
        if not symbol or any(character.isspace() for character in symbol):
            raise InputError(f"symbol {symbol!r} is empty or has white space in it")
        if symbol == "$":
            raise InputError("symbol '$' stands for the end of a string; use another one")
        if symbol in seen:
            raise InputError(f"symbol {symbol!r} is listed twice in the alphabet")
        seen.add(symbol)
    if not seen:
        raise InputError("the alphabet is empty; a language needs at least one symbol")
