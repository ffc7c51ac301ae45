"""Training strings of the sound protocol: uniform ones, and hard ones where those leave gaps.

Half of the training strings are hard (`hard.py`) for counters, stacks and D_n always, for other
automata if a transition occurs fewer than `IDENTIFIABLE` times in uniform strings. Transitions that
are rare even then get a quarter of the training strings.
"""

from __future__ import annotations

import re

import numpy as np

from starfree.data.coverage import IDENTIFIABLE, transitions
from starfree.data.dataset import Window
from starfree.data.disjoint import Drawer, Partition, Rows
from starfree.data.drawing import Source, feasible_lengths
from starfree.data.hard import hard_members, passing
from starfree.languages.language import Language
from starfree.languages.regular import RegularLanguage
from starfree.languages.stack import BoundedDyck
from starfree.languages.strings import Strings

_RARE_GROUPS = 32


def mix(
    drawer: Drawer,
    split: Partition,
    window: Window,
    size: int,
    generator: np.random.Generator,
) -> tuple[Strings, dict[str, int]]:
    """Training strings as the sound protocol wants them, and how many are of which kind."""
    language = drawer.language
    uniform = split.train.strings()
    hard_source = _hard_source(drawer, window)
    if not _rare(language, uniform) and (hard_source is None or not _is_deep(language)):
        return uniform, {"uniform": len(uniform)}
    kept, spare = _halve(split)
    drawer.release(spare)
    parts = {"uniform": kept.strings()}
    missing = size - len(parts["uniform"])
    if hard_source is not None:
        hard = drawer.spread(hard_source, window, missing, generator)
        if _rare(language, Strings.concatenate([parts["uniform"], hard.strings()])):
            drawer.release(hard)
            hard = drawer.spread(hard_source, window, missing // 2, generator)
        parts["hard"] = hard.strings()
    rare = _rare(language, Strings.concatenate(list(parts.values())))
    if rare:
        count = size // 4 if "hard" in parts else missing
        parts["rare transitions"] = _through(drawer, rare, window, count, generator)
    # Where the language has no more such strings, uniform ones come back.
    missing = size - sum(map(len, parts.values()))
    if missing > 0:
        again = drawer.spread(language, window, missing, generator).strings()
        parts["uniform"] = Strings.concatenate([parts["uniform"], again])
    counts = {name: len(strings) for name, strings in parts.items() if len(strings)}
    return Strings.concatenate(list(parts.values())), counts


def _hard_source(drawer: Drawer, window: Window) -> Source | None:
    """The hard strings; None if the language or the window has none."""
    if drawer.language.definiteness(limit=drawer.hard_window) is not None:
        return None
    source = hard_members(drawer.language, drawer.hard_window)
    return source if len(feasible_lengths(source, *window)) else None


def _halve(split: Partition) -> tuple[Rows, Rows]:
    """Half of the training strings of every length and the others; scarce lengths stay whole."""
    kept, spare = Rows(), Rows()
    for length, parts in split.train.by_length.items():
        for rows in parts:
            half = len(rows) if length in split.scarce else len(rows) // 2
            kept.add(rows[:half])
            spare.add(rows[half:])
    return kept, spare


def _through(
    drawer: Drawer,
    rare: list[tuple[int, int]],
    window: Window,
    count: int,
    generator: np.random.Generator,
) -> Strings:
    """Strings through rare transitions: an equal share for each, or for each group of them."""
    automaton = drawer.language.automaton
    assert automaton is not None
    number = min(len(rare), _RARE_GROUPS)
    groups = [rare[first::number] for first in range(number)]
    drawn = []
    for group in groups:
        source = RegularLanguage(drawer.language.name, passing(automaton, frozenset(group)))
        if len(feasible_lengths(source, *window)):
            drawn.append(drawer.spread(source, window, count // number, generator).strings())
    return Strings.concatenate(drawn)


def _rare(language: Language, strings: Strings) -> list[tuple[int, int]]:
    """Transitions (state, letter) of the automaton that these strings hardly show."""
    if language.automaton is None:
        return []
    counts = transitions(language, strings).counts()
    live = language.automaton.transitions.ravel() >= 0
    cells = np.flatnonzero(live & (counts < IDENTIFIABLE)).tolist()
    return [divmod(cell, len(language.alphabet)) for cell in cells]


def _is_deep(language: Language) -> bool:
    """Counters, stacks and D_n: uniform strings seldom go deep."""
    bounded = isinstance(language, BoundedDyck) or re.fullmatch(r"d-\d+", language.name)
    return language.automaton is None or bool(bounded)
