"""How far a model is right, arithmetic by arithmetic: ignored pairs, and counts.

Floats: the whole model in that dtype, its states carried on symbol after symbol. Fixed point: the
state, or state and layer outputs, as `verification.rounded` says; all formats of fixed point are
rows of one batch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from starfree.experiments.ignore_stress import stress_points
from starfree.languages.language import Language
from starfree.models.textbook import CountLimit
from starfree.verification.machine import Machine
from starfree.verification.number_formats import DTYPES, FixedFormat
from starfree.verification.reading import select
from starfree.verification.rounded import RoundedModel, Rounding

FILLINGS = ((0, 0), (1, 1), (0, 1))  # bits of ignored pairs, over and over
BITS = (0, 1)  # that are written
PIECE = 256  # ignored pairs that are read between two looks at whether states still change
GIVEN_UP = 3  # counts in a row at which nothing is right any more

Measured = dict[str, dict[str, Any]]
"""Name of an arithmetic -> what was measured."""


@torch.no_grad()
def ignored_pairs(
    model: nn.Module,
    language: Language,
    floats: Sequence[str],
    fixed: Sequence[FixedFormat],
    most: int,
) -> Measured:
    """``w b (i x)^n r`` for both b and three fillings x: is the legal set after r just {b}?

    The fillings repeat, so that a state that comes back after two pairs comes back for ever: then
    the answers are known for every n, and `settled` is an n by which all rows were there.

    Args:
        model: of task `predict` on `language`, which is `flipflop`.
        language: what is right.
        floats: names of `DTYPES`.
        fixed: formats of fixed point.
        most: the largest n.

    Returns:
        For each arithmetic `n` (the points), `right` (answers right at each, of `rows`), and
        `settled` (None if some state was still changing at `most`).
    """
    found: Measured = {}
    for name in floats:
        found |= _Stress(_Floats(model, DTYPES[name]), language, [name], most).run()
    if fixed:
        reader = _Fixed(model, fixed, len(BITS) * len(FILLINGS))
        found |= _Stress(reader, language, [form.name for form in fixed], most).run()
    return found


class Reader(Protocol):
    """Rows of strings, read from a state on."""

    def start(self, rows: int) -> Any:
        """The state before the first symbol."""

    def read(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """``[B, L]`` more symbols: logits after the last one, ``[B, outputs]``, and the state."""

    def keep(self, rows: Tensor) -> None:
        """From now on only these rows are read."""


class _Floats:
    """The whole model in one dtype."""

    def __init__(self, model: nn.Module, dtype: torch.dtype) -> None:
        self._model: Any = copy.deepcopy(model).to(dtype).eval()

    def start(self, rows: int) -> Any:
        return self._model.initial_state(rows)

    def read(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = self._model.advance(tokens, state)
        return logits[:, -1], state

    def keep(self, rows: Tensor) -> None:
        del rows  # the rows of a float format are all alike


class _Fixed:
    """Formats of fixed point side by side, so many rows each."""

    def __init__(self, model: nn.Module, formats: Sequence[FixedFormat], rows: int) -> None:
        def each(values: Sequence[int] | Sequence[bool]) -> Tensor:
            return torch.tensor(values).repeat_interleave(rows)

        self._model = RoundedModel(
            model,
            Rounding(
                each([form.bits for form in formats]),
                each([form.truncate for form in formats]),
                each([form.outputs for form in formats]),
            ),
        )

    def start(self, rows: int) -> Any:
        return self._model.initial_state(rows)

    def read(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        for token in tokens.unbind(1):
            logits, state = self._model.step(token, state)
        return logits, state

    def keep(self, rows: Tensor) -> None:
        self._model.rounding = self._model.rounding.rows(rows)


class _Stress:
    def __init__(self, reader: Reader, language: Language, names: Sequence[str], most: int) -> None:
        self._reader, self._names = reader, names
        self._points = [int(n) for n in stress_points(most)]
        letters = {symbol: token for token, symbol in enumerate(language.alphabet)}
        self._write, self._ask_token = letters["w"], letters["r"]
        self._begin, self._outputs = language.begin, language.end + 1
        bits = [letters[str(b)] for b in BITS for _ in FILLINGS]
        self._bits = torch.tensor(bits * len(names))
        i = letters["i"]
        pairs = [[i, letters[str(x)], i, letters[str(y)]] for _ in BITS for x, y in FILLINGS]
        self._two_pairs = torch.tensor(pairs * len(names))
        self._right = np.zeros((len(self._points), len(self._bits)), dtype=np.bool_)
        self._settled = np.full(len(self._bits), -1)
        self._alive = torch.arange(len(self._bits))  # rows that still change

    def run(self) -> Measured:
        """Read to every point, ask there, and drop what has settled."""
        beginning = torch.stack(
            [
                torch.full_like(self._bits, self._begin),
                torch.full_like(self._bits, self._write),
                self._bits,
            ],
            dim=1,
        )
        state = self._reader.read(beginning, self._reader.start(len(self._bits)))[1]
        n = 0
        for place, point in enumerate(self._points):
            while n < point and len(self._alive):
                ahead = min(point - n, PIECE)
                state, n = self._pairs(state, n, ahead), n + ahead
                if n == point:
                    self._right[place, self._alive] = self._ask(state)
                state = self._drop(state, n, place + (n == point))
        return self._measured()

    def _pairs(self, state: Any, n: int, ahead: int) -> Any:
        """So many more ignored pairs after n of them."""
        rows = self._two_pairs[self._alive].repeat(1, ahead // 2 + 2)
        low = 2 * (n % 2)
        return self._reader.read(rows[:, low : low + 2 * ahead], state)[1]

    def _ask(self, state: Any) -> Any:
        tokens = torch.full((len(self._alive), 1), self._ask_token)
        logits = self._reader.read(tokens, state)[0][:, : self._outputs]
        wanted = torch.nn.functional.one_hot(self._bits[self._alive], self._outputs).bool()
        right = ((logits > 0) == wanted).all(1) & ~logits.isnan().any(1)
        return right.numpy()

    def _drop(self, state: Any, n: int, place: int) -> Any:
        """Take out the rows whose state comes back after two pairs; all their answers are known.

        Args:
            state: after n pairs.
            n: so many.
            place: of the first point that was not asked.
        """
        one = self._pairs(state, n, 1)
        two = self._pairs(one, n + 1, 1)
        same = torch.ones(len(self._alive), dtype=torch.bool)
        leaves = zip(pytree.tree_leaves(state), pytree.tree_leaves(two), strict=True)
        for old, new in leaves:
            same &= (old == new).flatten(1).all(1)
        if not same.any():
            return state
        answers = {n % 2: self._ask(state), (n + 1) % 2: self._ask(one)}
        gone = self._alive[same].numpy()
        for later in range(place, len(self._points)):
            self._right[later, gone] = answers[self._points[later] % 2][same.numpy()]
        self._settled[gone] = n
        left = torch.nonzero(~same)[:, 0]
        self._alive = self._alive[left]
        self._reader.keep(left)
        return select(state, left)

    def _measured(self) -> Measured:
        shape = (len(self._points), len(self._names), -1)
        right = self._right.reshape(shape).sum(axis=2)
        settled = self._settled.reshape(shape[1:])
        return {
            name: {
                "n": self._points,
                "right": right[:, place].tolist(),
                "rows": settled.shape[1],
                "settled": None if (settled[place] < 0).any() else int(settled[place].max()),
            }
            for place, name in enumerate(self._names)
        }


@torch.no_grad()
def counts(
    model: nn.Module,
    language: Language,
    floats: Sequence[str],
    fixed: Sequence[FixedFormat],
    points: Sequence[int],
) -> Measured:
    """``x^n y^n``, x and y the first two letters: is every legal set right, all the way?

    A model that knows the range of its arithmetic may refuse a string (`CountLimit`): `refused` is
    the first n at which it did; that counts as not right. After `GIVEN_UP` points in a row without
    a right answer larger ones are not read and count as wrong.

    Returns:
        For each arithmetic `n`, `right` (0 or 1 at each), `rows` 1, `refused`.
    """
    found: Measured = {}
    readers: list[tuple[list[str], Reader]] = [
        ([name], _Floats(model, DTYPES[name])) for name in floats
    ]
    if fixed:
        readers.append(([form.name for form in fixed], _Fixed(model, fixed, 1)))
    for names, reader in readers:
        right, refused = _count(reader, language, len(names), points)
        for place, name in enumerate(names):
            found[name] = {
                "n": list(points),
                "right": right[:, place].astype(int).tolist(),
                "rows": 1,
                "refused": refused,
            }
    return found


def _count(
    reader: Reader, language: Language, rows: int, points: Sequence[int]
) -> tuple[Any, int | None]:
    machine = Machine(language)
    right = np.zeros((len(points), rows), dtype=np.bool_)
    place, n = machine.start, 0
    logits, state = reader.read(_same(language.begin, rows), reader.start(rows))
    good = _legal(logits, machine, place)
    for index, point in enumerate(points):
        try:
            while n < point:
                logits, state = reader.read(_same(0, rows), state)
                place, n = machine.successor(place, 0), n + 1
                good &= _legal(logits, machine, place)
            ahead, where, fine = state, place, good.clone()
            for _ in range(point):
                logits, ahead = reader.read(_same(1, rows), ahead)
                where = machine.successor(where, 1)
                fine &= _legal(logits, machine, where)
                if not fine.any():
                    break
        except CountLimit:
            return right, point
        right[index] = fine.numpy()
        if index + 1 >= GIVEN_UP and not right[index + 1 - GIVEN_UP : index + 1].any():
            break
    return right, None


def _same(token: int, rows: int) -> Tensor:
    return torch.full((rows, 1), token)


def _legal(logits: Tensor, machine: Machine, place: int) -> Tensor:
    """Which rows give the legal set of a configuration."""
    legal = torch.from_numpy(machine.legal(np.array([place])))
    logits = logits[:, : legal.shape[1]]
    right: Tensor = ((logits > 0) == legal).all(1) & ~logits.isnan().any(1)
    return right
