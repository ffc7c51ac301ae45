"""Are two languages equal? The shortest string that tells them apart, or how far they agree."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from starfree.languages.language import Language

PAIR_LIMIT = 200_000

Pair = tuple[Hashable | None, Hashable | None]


@dataclass(frozen=True)
class Comparison:
    """What is known about two languages.

    Attributes:
        witness: the symbols of a shortest string in exactly one of the two; None if none is known.
        in_left: whether the witness is in the first language.
        agree_up_to: without a witness, the length up to which all strings agree; None for all.
    """

    witness: tuple[str, ...] | None
    in_left: bool = False
    agree_up_to: int | None = None

    @property
    def equal(self) -> bool:
        """Whether the two are proven equal."""
        return self.witness is None and self.agree_up_to is None


def compare(left: Language, right: Language, limit: int = PAIR_LIMIT) -> Comparison:
    """Search the pairs of configurations, breadth first.

    A symbol that one alphabet lacks is illegal there. Two regular languages are always decided
    (within `limit` pairs); counter languages that agree are searched until the limit is reached.

    Args:
        left: the first language.
        right: the second language.
        limit: how many pairs of configurations may be visited.
    """
    alphabet = tuple(dict.fromkeys((*left.alphabet, *right.alphabet)))
    tokens = [_tokens(language, alphabet) for language in (left, right)]

    def following(pair: Pair, symbol: int) -> Pair:
        return (
            _step(left, pair[0], tokens[0][symbol]),
            _step(right, pair[1], tokens[1][symbol]),
        )

    start: Pair = (left.initial(), right.initial())
    origin: dict[Pair, tuple[Pair, int] | None] = {start: None}
    level, length = [start], 0
    while level:
        for pair in level:
            members = [
                configuration is not None and language.is_final(configuration)
                for language, configuration in zip((left, right), pair, strict=True)
            ]
            if members[0] != members[1]:
                return Comparison(_word(origin, pair, alphabet), in_left=members[0])
        deeper = []
        for pair in level:
            for symbol in range(len(alphabet)):
                new = following(pair, symbol)
                if new not in origin and new != (None, None):
                    origin[new] = (pair, symbol)
                    deeper.append(new)
            if len(origin) > limit:
                return Comparison(None, agree_up_to=length)
        level, length = deeper, length + 1
    return Comparison(None)


def _tokens(language: Language, alphabet: tuple[str, ...]) -> list[int | None]:
    """The language's own token for every symbol, None where it has none."""
    number = {symbol: token for token, symbol in enumerate(language.alphabet)}
    return [number.get(symbol) for symbol in alphabet]


def _step(language: Language, configuration: Hashable | None, token: int | None) -> Hashable | None:
    if configuration is None or token is None:
        return None
    return language.successor(configuration, token)


def _word(
    origin: dict[Pair, tuple[Pair, int] | None], pair: Pair, alphabet: tuple[str, ...]
) -> tuple[str, ...]:
    symbols = []
    while (step := origin[pair]) is not None:
        pair, symbol = step
        symbols.append(alphabet[symbol])
    return tuple(reversed(symbols))
