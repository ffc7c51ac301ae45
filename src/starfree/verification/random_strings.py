"""Random members, and members changed letter by letter to make a model's margin small."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import torch
from numpy.typing import NDArray

from starfree.data.drawing import Source, as_strings, feasible_lengths
from starfree.data.hard import hard_members
from starfree.errors import InputError
from starfree.languages.strings import Strings
from starfree.verification.budget import Budget
from starfree.verification.machine import DEAD, Machine, Recogniser
from starfree.verification.product import Fault
from starfree.verification.pumping import is_wrong
from starfree.verification.reading import Reader

WINDOWS = ((1, 50), (51, 100), (101, 200), (451, 500))
AT_ONCE = 100
HARD = 4  # last symbols that leave some legal set of a hard string open
ROUNDS = 10
POPULATION = 64
CLIMBED_LENGTH = 200


def random_strings(
    reader: Reader, machine: Machine, seed: int, until: float, budget: Budget
) -> tuple[int, Fault | None]:
    """How many members were read, hard ones where there are any, and the shortest fault.

    Every prefix counts; where strings that are no members are asked about too, half of those that
    are read have one letter changed.
    """
    language = machine.language
    generator = np.random.default_rng(seed)
    sources: list[Source] = [language]
    with suppress(InputError):  # the last symbols always tell: no string is hard
        sources.insert(0, hard_members(language, HARD))
    tried, best = 0, None
    for _ in range(ROUNDS):
        for low, high in WINDOWS:
            for source in sources:
                if budget.now() > until or (reader.limit or high) < high:
                    return tried, best
                lengths = feasible_lengths(source, low, high)
                if not len(lengths):
                    continue
                # One length at once: what drawing costs goes by lengths more than by strings.
                length = int(generator.choice(lengths))
                count = min(AT_ONCE, source.count(length))
                rows = source.draw(length, count, generator)
                if isinstance(machine, Recogniser) and length:
                    spoiled = generator.random(count) < 0.5
                    places = generator.integers(length, size=count)
                    letters = generator.integers(len(language.alphabet), size=count)
                    rows[spoiled, places[spoiled]] = letters[spoiled]
                tried += count
                fault = _first_fault(reader, machine, as_strings(rows))
                if fault and (best is None or len(fault.letters) < len(best.letters)):
                    best = fault
        if best:
            break
    return tried, best


def climb(
    reader: Reader, machine: Machine, seed: int, until: float, budget: Budget
) -> tuple[int, Fault | None]:
    """Hill climbing: cut a string at random, go on at random, keep what has a smaller margin.

    One round is made even where the budget is spent.
    """
    generator = np.random.default_rng(seed)
    if machine.start == DEAD:
        return 0, None
    population = [walk(machine, (), generator, CLIMBED_LENGTH) for _ in range(POPULATION)]
    scores = np.full(POPULATION, np.inf)
    tried = 0
    while not tried or budget.now() < until:
        made = []
        for string in population:
            cut = int(generator.integers(len(string) + 1))
            going_on = walk(machine, string[:cut], generator, CLIMBED_LENGTH)
            made.append(going_on if tried else string)
        strings = Strings.of(made)
        if not strings.tokens.shape[1]:
            return len(made), None
        bits, legal = _answers(reader, machine, strings)
        tried += len(made)
        fault = _shortest_wrong(strings, bits, legal)
        if fault:
            return tried, fault
        counted = ~strings.beyond()
        margins = np.where(legal, bits, -bits).min(axis=-1)
        margins = np.where(counted, margins, np.inf).min(axis=1)
        for row, margin in enumerate(margins):
            if margin <= scores[row]:
                scores[row], population[row] = margin, made[row]
    return tried, None


def walk(
    machine: Machine, prefix: tuple[int, ...], generator: np.random.Generator, longest: int
) -> tuple[int, ...]:
    """Go on from a live prefix by letters that stay live, often one letter many times."""
    word, place = list(prefix), machine.start
    for letter in prefix:
        place = machine.successor(place, letter)
    wanted = int(generator.integers(min(len(word) + 1, longest), longest + 1))
    while len(word) < wanted:
        options = machine.live_letters(place)
        if not options:
            break
        letter = options[int(generator.integers(len(options)))]
        repeats = int(generator.integers(1, 30)) if generator.random() < 0.2 else 1
        for _ in range(repeats):
            target = machine.successor(place, letter)
            if target == DEAD or len(word) == wanted:
                break
            word.append(letter)
            place = target
    return tuple(word)


def _answers(
    reader: Reader, machine: Machine, strings: Strings
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Logits and what is right, ``[B, L+1, bits]``."""
    first, state = reader.start(len(strings))
    rest, _ = reader.read(torch.from_numpy(strings.tokens.astype(np.int64)), state)
    logits = torch.cat([first[:, None], rest], dim=1)
    right = machine.answers(strings)
    if not machine.asks_empty:
        logits[:, 0] = torch.from_numpy(np.where(right[:, 0], 1.0, -1.0))
    return logits.float().numpy(), right


def _first_fault(reader: Reader, machine: Machine, strings: Strings) -> Fault | None:
    if not strings.tokens.shape[1]:
        return None
    return _shortest_wrong(strings, *_answers(reader, machine, strings))


def _shortest_wrong(
    strings: Strings, bits: NDArray[np.float32], legal: NDArray[np.bool_]
) -> Fault | None:
    wrong = is_wrong(bits, legal) & ~strings.beyond()
    if not wrong.any():
        return None
    column = int(np.flatnonzero(wrong.any(axis=0))[0])
    row = int(np.flatnonzero(wrong[:, column])[0])
    return Fault(
        tuple(strings.tokens[row, :column].tolist()),
        tuple(legal[row, column].tolist()),
        tuple((bits[row, column] > 0).tolist()),
    )
