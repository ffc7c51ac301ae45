"""Bounded Dyck languages as a stack machine: any number of bracket types, any depth."""

from __future__ import annotations

from functools import cached_property
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
        labels = [_label(index) for index in range(types)]
        self.alphabet = (*(f"({label}" for label in labels), *(f"{label})" for label in labels))

    @property
    def live_states(self) -> int:
        """How many live states the minimal automaton has (exact, whether built or not)."""
        return sum(self.types**depth for depth in range(self.depth + 1))

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
        # Row 0 is the floor of the stack; rows beyond H take the pushes that are illegal anyway.
        stack = np.full((self.depth + 2, batch), -1, dtype=np.int32)
        rows = np.arange(batch)
        depth = depths[0].copy()
        for t in range(width):
            token = strings.tokens[:, t].astype(np.int32)
            opens = token < self.types
            legal = np.where(
                opens, depth < self.depth, stack[np.maximum(depth, 0), rows] == token - self.types
            )
            alive = (depth >= 0) & legal
            depth = np.where(alive, depth + np.where(opens, 1, -1), -1).astype(np.int32)
            pushed = np.flatnonzero(alive & opens)
            stack[depth[pushed], pushed] = token[pushed]
            depths[t + 1] = depth
            tops[t + 1] = stack[np.maximum(depth, 0), rows]
        depths, tops = np.ascontiguousarray(depths.T), np.ascontiguousarray(tops.T)
        depths[strings.beyond()] = -1
        return depths, tops

    def legal_batch(self, strings: Strings) -> BoolArray:
        depths, tops = self._stack(strings)
        rows = np.zeros((*depths.shape, self.end + 1), dtype=np.bool_)
        rows[:, :, : self.types] = ((depths >= 0) & (depths < self.depth))[:, :, None]
        row, t = np.nonzero(depths > 0)
        rows[row, t, self.types + tops[row, t]] = True
        rows[:, :, self.end] = depths == 0
        return rows

    def accepts_batch(self, strings: Strings) -> BoolArray:
        depths, _ = self._stack(strings)
        accepted: BoolArray = depths[np.arange(len(strings)), strings.lengths] == 0
        return accepted

    @cached_property
    def _shapes(self) -> tuple[list[list[int]], list[NDArray[np.float64]]]:
        """Ways from each depth 0..H down to 0, by length, without types: exact, and log2."""
        exact = [[1] + [0] * self.depth]
        return exact, [np.array([0.0] + [-np.inf] * self.depth)]

    def _extend(self, length: int) -> tuple[list[list[int]], list[NDArray[np.float64]]]:
        exact, logs = self._shapes
        while len(exact) <= length:
            up, down = [*exact[-1][1:], 0], [0, *exact[-1][:-1]]
            exact.append([u + d for u, d in zip(up, down, strict=True)])
            higher = np.append(logs[-1][1:], -np.inf)
            lower = np.insert(logs[-1][:-1], 0, -np.inf)
            logs.append(np.logaddexp2(higher, lower))
        return exact, logs

    def _count(self, length: int) -> int:
        if length % 2:
            return 0
        exact, _ = self._extend(length)
        return int(exact[length][0] * self.types ** (length // 2))

    def _draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        _, logs = self._extend(length)
        tokens = np.empty((count, length), dtype=np.int16)
        stack = np.zeros((self.depth + 1, count), dtype=np.int16)
        rows = np.arange(count)
        depth = np.zeros(count, dtype=np.int32)
        for t in range(length):
            rest = logs[length - t - 1]
            choices = np.stack([np.append(rest[1:], -np.inf), np.insert(rest[:-1], 0, -np.inf)], 1)
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
        # Windows of matched brackets (or, for H = 1 and K = 1, none) leave the top open for ever.
        if self.depth == 1:
            return 1
        return None

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
