"""Bounded Dyck languages as a stack machine: any number of bracket types, any depth."""

from __future__ import annotations

from functools import cached_property
from math import log2
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from starfree.errors import InputError
from starfree.languages.automaton import Automaton
from starfree.languages.counters import trailing_minimum
from starfree.languages.language import Growth, Language
from starfree.languages.regular import RegularLanguage, draw_letters
from starfree.languages.strings import BoolArray, Strings

AUTOMATON_STATES = 10_000


class BoundedDyck(Language):
    """Well-nested strings over K bracket types with depth at most H, Dyck(K, H).

    The symbols are ``(a`` .. for opening and ``a)`` .. for closing brackets. The automaton has
    (K^(H+1) - 1) / (K - 1) live states, so labels, counts and draws come from the stack.
    """

    def __init__(self, name: str, types: int, depth: int) -> None:
        if types < 1 or depth < 1:
            raise InputError(f"{name}: K and H must be at least 1")
        self.name = name
        self.types = types
        self.depth = depth
        self._known_shapes = [[1]]
        labels = [_label(index) for index in range(types)]
        self.alphabet = (*(f"({label}" for label in labels), *(f"{label})" for label in labels))

    @property
    def live_states(self) -> int:
        """How many live states the minimal automaton has (exact, whether built or not)."""
        if self.types == 1:
            return self.depth + 1
        return int((self.types ** (self.depth + 1) - 1) // (self.types - 1))

    @cached_property
    def _regular(self) -> RegularLanguage | None:
        if self.live_states > AUTOMATON_STATES:
            return None

        table = Automaton.explore(self.alphabet, self.initial(), self.successor, self.is_final)
        return RegularLanguage(self.name, table)

    @property
    def automaton(self) -> Automaton | None:
        return self._regular.automaton if self._regular else None

    def state_batch(self, strings: Strings) -> NDArray[np.int32]:
        if self._regular is None:
            return super().state_batch(strings)
        return self._regular.state_batch(strings)

    def initial(self) -> tuple[int, ...]:
        return ()

    def successor(self, configuration: tuple[int, ...], token: int) -> tuple[int, ...] | None:
        """Configurations are stacks of bracket types, the top last."""
        if token < self.types:
            return (*configuration, token) if len(configuration) < self.depth else None
        return configuration[:-1] if configuration[-1:] == (token - self.types,) else None

    def is_final(self, configuration: tuple[int, ...]) -> bool:
        return not configuration

    def _stack(self, strings: Strings) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Depth and type on top after every prefix, ``[B, L+1]`` each; depth -1 where dead."""
        batch, width = strings.tokens.shape
        depths = np.zeros((width + 1, batch), dtype=np.int32)
        tops = np.full((width + 1, batch), -1, dtype=np.int32)
        live = np.ones((width + 1, batch), dtype=np.bool_)
        # Row 0 is the floor of the stack; no string stacks more brackets than it has symbols.
        stack = np.full((min(self.depth, width) + 1) * batch, -1, dtype=np.int32)
        rows = np.arange(batch)
        for t, token in enumerate(strings.tokens.T.astype(np.int32, order="C")):
            opens = token < self.types
            legal = np.where(opens, depths[t] < self.depth, tops[t] == token - self.types)
            np.logical_and(live[t], legal, out=live[t + 1])
            # Dead strings stay where they are; their depth is struck out at the end.
            np.add(depths[t], np.where(opens, 1, -1) * live[t + 1], out=depths[t + 1])
            place = depths[t + 1] * batch + rows
            np.copyto(tops[t + 1], stack[place])
            np.copyto(tops[t + 1], token, where=opens & live[t + 1])
            stack[place] = tops[t + 1]
        depths[~live] = -1
        depths[strings.beyond().T] = -1
        return np.ascontiguousarray(depths.T), np.ascontiguousarray(tops.T)

    @cached_property
    def _legal_rows(self) -> BoolArray:
        """Legal sets: of the dead, of depth 0, then by type on top below and at the full depth."""
        same = np.eye(self.types, dtype=np.bool_)
        rows = np.zeros((2 + 2 * self.types, self.end + 1), dtype=np.bool_)
        rows[1 : 2 + self.types, : self.types] = True
        rows[1, self.end] = True
        rows[2:, self.types : self.end] = np.concatenate([same, same])
        return rows

    def legal_batch(self, strings: Strings) -> BoolArray:
        depths, tops = self._stack(strings)
        row = np.where(depths == self.depth, self.types, 0) + tops + 2
        row[depths <= 0] = depths[depths <= 0] + 1
        legal: BoolArray = np.take(self._legal_rows, row, axis=0)
        return legal

    def accepts_batch(self, strings: Strings) -> BoolArray:
        depths, _ = self._stack(strings)
        accepted: BoolArray = depths[np.arange(len(strings)), strings.lengths] == 0
        return accepted

    def _shapes(self, length: int) -> list[list[int]]:
        """Entry ``[r][d]``: ways from depth d down to 0 in r steps, types aside; d <= r and H."""
        known = self._known_shapes
        while len(known) <= length:
            around = [0, *known[-1], 0, 0]
            depths = range(min(self.depth, len(known)) + 1)
            known.append([around[d] + around[d + 2] for d in depths])
        return known

    def _count(self, length: int) -> int:
        if length % 2:
            return 0
        return int(self._shapes(length)[length][0] * self.types ** (length // 2))

    def _draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        shapes = self._shapes(length)
        tokens = np.empty((count, length), dtype=np.int16)
        stack = np.zeros((min(self.depth, length) + 1, count), dtype=np.int16)
        rows = np.arange(count)
        depth = np.zeros(count, dtype=np.int32)
        for t in range(length):
            # log2 of the ways on through an opening and through a closing bracket, by depth.
            rest = np.full(int(depth.max(initial=0)) + 3, -np.inf)
            ways = [log2(n) if n else -np.inf for n in shapes[length - t - 1][: len(rest) - 1]]
            rest[1 : len(ways) + 1] = ways
            choices = np.stack([rest[2:], rest[:-2]], axis=1)
            closes = draw_letters(choices, depth, generator).astype(np.bool_)
            kind = generator.integers(self.types, size=count)
            tokens[:, t] = np.where(closes, self.types + stack[depth, rows], kind)
            depth = (depth + np.where(closes, -1, 1)).astype(np.int32)
            opened = np.flatnonzero(~closes)
            stack[depth[opened], opened] = kind[opened]
        return tokens

    def ambiguous_batch(self, strings: Strings, window: int) -> BoolArray:
        depths, _ = self._stack(strings)
        lowest = trailing_minimum(depths, window)
        highest = -trailing_minimum(-depths, window)
        # The past before the window may have had any depth that keeps the window within 0..H.
        least = depths - lowest
        most = depths + self.depth - highest
        # Opening and closing to the unknown is then undecided at the floor and at the ceiling; in
        # between, the bracket to close was opened within the window.
        ambiguous: BoolArray = (least < most) & ((least == 0) | (most == self.depth))
        return ambiguous & (depths >= 0) & (np.arange(depths.shape[1]) >= window)

    def definiteness(self, limit: int = 64) -> int | None:
        # Of depth 1 the last symbol tells all; deeper, matched brackets leave the depth open.
        return 1 if self.depth == 1 else None

    @property
    def growth(self) -> Growth:
        return "bounded" if self.types == self.depth == 1 else "exponential"

    @property
    def nested(self) -> bool:
        return self.types == self.depth == 1


def _label(index: int) -> str:
    """Spreadsheet columns: a .. z, aa, ab .."""
    label = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        label = ascii_lowercase[digit] + label
    return label
