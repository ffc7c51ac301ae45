"""The flip-flop with undo (Zhou 2026) as a stack machine, for any number of stacked writes."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from starfree.languages.counters import trailing_minimum
from starfree.languages.language import Growth, Language
from starfree.languages.regular import draw_letters
from starfree.languages.strings import BoolArray, Strings

WRITE, READ, IGNORE, UNDO, ZERO, ONE = range(6)

# What is expected next: an instruction, the bit of a write, any bit, the bit on top; or nothing.
INSTRUCTION, WRITTEN, ANY, READ_BIT, DEAD = range(5)
_NEXT = np.array(
    [
        [WRITTEN, READ_BIT, ANY, ANY, DEAD, DEAD],
        [DEAD, DEAD, DEAD, DEAD, INSTRUCTION, INSTRUCTION],
        [DEAD, DEAD, DEAD, DEAD, INSTRUCTION, INSTRUCTION],
        [DEAD, DEAD, DEAD, DEAD, INSTRUCTION, INSTRUCTION],
        [DEAD] * 6,
    ]
)


@dataclass(frozen=True)
class _Run:
    """What the machine knows after every prefix, each ``[B, L+1]``."""

    phase: NDArray[np.int32]
    height: NDArray[np.int32]  # writes stacked, one begun included
    top: NDArray[np.int32]
    # After `r`: the number of symbols up to the last w or r that told the bit on top.
    told: NDArray[np.int32]


class UndoFlipFlop(Language):
    """Instructions w, r, i, u, each followed by a bit.

    `w` stacks its bit (at most H stacked), `u` pops the last write (one always stays) and, like
    `i`, is followed by any bit; the bit after `r` is the one on top. Members have even length and
    start with `w`: ``w0 w1 u1 r0`` is one. The minimal automaton has 7 * 2^H - 6 live states.
    """

    alphabet = ("w", "r", "i", "u", "0", "1")

    def __init__(self, name: str, writes: int) -> None:
        self.name = name
        self.writes = writes
        self._known_completions = [[0, *[1] * writes, 0]]

    @property
    def live_states(self) -> int:
        """How many live states the minimal automaton has (exact, whether built or not)."""
        return 7 * (1 << self.writes) - 6

    def initial(self) -> tuple[int, str]:
        return INSTRUCTION, ""

    def successor(self, configuration: tuple[int, str], token: int) -> tuple[int, str] | None:
        """Configurations: what is expected next, and the bits stacked."""
        phase, stack = configuration
        following = int(_NEXT[phase, token])
        if token < ZERO:
            height = len(stack) + (token == WRITE) - (token == UNDO)
            if following == DEAD or not 1 <= height <= self.writes:
                return None
            return following, stack[:-1] if token == UNDO else stack
        bit = str(token - ZERO)
        if following == DEAD or (phase == READ_BIT and stack[-1] != bit):
            return None
        return following, stack + bit if phase == WRITTEN else stack

    def is_final(self, configuration: tuple[int, str]) -> bool:
        return configuration[0] == INSTRUCTION and configuration[1] != ""

    def _run(self, strings: Strings) -> _Run:
        batch, width = strings.tokens.shape
        tokens = strings.tokens.T.astype(np.int32, order="C")
        phases, heights, tops, told = np.zeros((4, width + 1, batch), dtype=np.int32)
        # Row h: the bit of the h-th write and when it was last told; strings never stack higher.
        stack, when = np.zeros((2, min(self.writes, width) + 2, batch), dtype=np.int32)
        rows = np.arange(batch)
        for t, token in enumerate(tokens):
            phase, height = phases[t], heights[t]
            after = _NEXT[phase, token]
            step = np.where(phase == INSTRUCTION, 1 * (token == WRITE) - (token == UNDO), 0)
            level = height + step
            fits = (level >= 1) & (level <= self.writes)
            fits &= (phase != READ_BIT) | (token - ZERO == tops[t])
            after = np.where(fits, after, DEAD)
            level = np.where(fits, level, height)
            stack[level, rows] = np.where(phase == WRITTEN, token - ZERO, stack[level, rows])
            told[t + 1] = when[level, rows]
            telling = (after == WRITTEN) | (after == READ_BIT)
            when[level, rows] = np.where(telling, t + 1, when[level, rows])
            phases[t + 1], heights[t + 1], tops[t + 1] = after, level, stack[level, rows]
        phases[strings.beyond().T] = DEAD
        return _Run(phases.T, heights.T, tops.T, told.T)

    def legal_batch(self, strings: Strings) -> BoolArray:
        run = self._run(strings)
        rows = np.zeros((*run.phase.shape, self.end + 1), dtype=np.bool_)
        instruction = run.phase == INSTRUCTION
        begun = instruction & (run.height > 0)
        rows[:, :, WRITE] = instruction & (run.height < self.writes)
        rows[:, :, READ] = rows[:, :, IGNORE] = rows[:, :, self.end] = begun
        rows[:, :, UNDO] = instruction & (run.height > 1)
        free = (run.phase == WRITTEN) | (run.phase == ANY)
        rows[:, :, ZERO] = free | ((run.phase == READ_BIT) & (run.top == 0))
        rows[:, :, ONE] = free | ((run.phase == READ_BIT) & (run.top == 1))
        return rows

    def accepts_batch(self, strings: Strings) -> BoolArray:
        run = self._run(strings)
        last = np.arange(len(strings)), strings.lengths
        accepted: BoolArray = (run.phase[last] == INSTRUCTION) & (run.height[last] > 0)
        return accepted

    def ambiguous_batch(self, strings: Strings, window: int) -> BoolArray:
        run = self._run(strings)
        live: BoolArray = run.phase != DEAD
        if window == 0:
            return live
        t = np.arange(run.phase.shape[1])
        # The stack may be higher or lower than it is, as far as the window stays within 1..H. It
        # may have been empty before a first w, so the lower bound holds only from then on.
        lowest = trailing_minimum(run.height, window - 1)
        highest = -trailing_minimum(-run.height, window)
        several_heights = highest - lowest < self.writes - 1
        at_bound = (run.height == lowest) | (run.height == highest)
        height_open = (run.phase == INSTRUCTION) & several_heights & at_bound
        # The bit on top was last told by a write or a read: it is open if that is out of sight.
        bit_open = (run.phase == READ_BIT) & (run.told <= t - window)
        ambiguous: BoolArray = (height_open | bit_open) & (t >= window) & live
        return ambiguous

    def _completions(self, pairs: int) -> list[list[int]]:
        """Entry ``[m][h]``: how m more pairs can follow when h writes are stacked (0 < h <= H)."""
        known = self._known_completions
        while len(known) <= pairs:
            last = known[-1]
            # u and w take either bit, i either bit, r one.
            inner = (
                2 * last[h - 1] + 3 * last[h] + 2 * last[h + 1] for h in range(1, self.writes + 1)
            )
            known.append([0, *inner, 0])
        return known

    def _count(self, length: int) -> int:
        if length % 2 or not length:
            return 0
        return 2 * self._completions(length // 2)[length // 2 - 1][1]

    def _draw(self, length: int, count: int, generator: np.random.Generator) -> NDArray[np.int16]:
        completions = self._completions(length // 2)
        tokens = np.empty((count, length), dtype=np.int16)
        stack = np.zeros((min(self.writes, length) + 2, count), dtype=np.int16)
        rows = np.arange(count)
        height = np.zeros(count, dtype=np.int32)
        for t in range(0, length, 2):
            if t == 0:
                instruction = np.full(count, WRITE, dtype=np.int16)
            else:
                instruction = draw_letters(
                    self._log_weights(completions[(length - t) // 2 - 1]), height, generator
                )
            height += (instruction == WRITE).astype(np.int32) - (instruction == UNDO)
            bit = generator.integers(2, size=count, dtype=np.int16)
            stack[height, rows] = np.where(instruction == WRITE, bit, stack[height, rows])
            tokens[:, t] = instruction
            tokens[:, t + 1] = ZERO + np.where(instruction == READ, stack[height, rows], bit)
        return tokens

    def _log_weights(self, completions: list[int]) -> NDArray[np.float64]:
        """log2 of the members through w, r, i, u from every height, ``[H + 1, 4]``."""
        logs = np.array([log2(value) if value else -np.inf for value in completions])
        here, higher = logs[:-1], logs[1:]
        lower = np.concatenate([[-np.inf], logs[:-2]])
        return np.stack([1 + higher, here, 1 + here, 1 + lower], axis=1)

    def definiteness(self, limit: int = 64) -> int | None:
        return None  # between a write and its read any number of ignored pairs may stand

    @property
    def growth(self) -> Growth:
        return "exponential"

    @property
    def nested(self) -> bool:
        return False
