"""The transition monoid, enumerated up to a limit: for reports and for the classes of `classes.py`.

The monoid of the complete minimal automaton (with sink) is the syntactic monoid of the language.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from starfree.errors import ComplexityLimit
from starfree.languages.automaton import Automaton

Elements = NDArray[np.int32]

DEFAULT_ENTRY_LIMIT = 2_000_000


@dataclass(frozen=True, eq=False)
class Monoid:
    """All maps of the states (sink included, if there is one) that words perform.

    Attributes:
        elements: int32 ``[size, states]``, element m maps state q to ``elements[m, q]``; the
            first is the identity.
        right: int32 ``[size, letters]``, the element of the word extended by a letter.

    """

    elements: Elements
    right: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.elements)

    @cached_property
    def _index(self) -> dict[bytes, int]:
        return {row.tobytes(): number for number, row in enumerate(self.elements)}

    @property
    def identity_is_a_word(self) -> bool:
        """Whether a non-empty word acts as the identity (the semigroup then has it too)."""
        return bool((self.right == 0).any())

    @cached_property
    def left(self) -> NDArray[np.int32]:
        """int32 ``[size, letters]``: the element of a letter put before the word."""
        columns = [self.find(self.elements[:, self.elements[g]]) for g in self.right[0]]
        return np.stack(columns, axis=1) if columns else np.zeros((len(self), 0), dtype=np.int32)

    @cached_property
    def idempotent(self) -> NDArray[np.bool_]:
        """Bool ``[size]``: which elements satisfy ee = e."""
        squares = np.take_along_axis(self.elements, self.elements, axis=1)
        same: NDArray[np.bool_] = (squares == self.elements).all(axis=1)
        return same

    def find(self, maps: Elements) -> NDArray[np.int32]:
        """Numbers of the elements given as rows of maps."""
        rows = np.ascontiguousarray(maps, dtype=np.int32)
        return np.array([self._index[row.tobytes()] for row in rows], dtype=np.int32)


def enumerate_monoid(automaton: Automaton, max_entries: int = DEFAULT_ENTRY_LIMIT) -> Monoid:
    """Enumerate the transition monoid, breadth first by words.

    Args:
        automaton: the recogniser; a missing transition leads to the sink.
        max_entries: bound on elements times states, that is, on memory.

    Raises:
        ComplexityLimit: the bound was reached.

    """
    automaton = automaton.minimise()
    if automaton.accepting.any():
        table = automaton.complete().transitions
    else:
        table = np.zeros((1, len(automaton.alphabet)), dtype=np.int32)  # a sink alone
    states, letters = table.shape
    limit = max_entries // states
    layer: Elements = np.arange(states, dtype=np.int32)[None, :]
    index = {layer[0].tobytes(): 0}
    layers: list[Elements] = []
    right: list[list[int]] = []
    while len(layer):
        layers.append(layer)
        images = table[layer].transpose(0, 2, 1)  # [element, letter, state]
        fresh: list[NDArray[np.int32]] = []
        for maps in images:
            row = []
            for image in maps:
                key = image.tobytes()
                number = index.get(key)
                if number is None:
                    number = index[key] = len(index)
                    fresh.append(image)
                row.append(number)
            right.append(row)
        if len(index) > limit:
            raise ComplexityLimit(
                f"the transition monoid has more than {limit:,} elements of {states} states"
            )
        layer = np.array(fresh, dtype=np.int32).reshape(len(fresh), states)
    table_right = np.array(right, dtype=np.int32).reshape(len(index), letters)
    return Monoid(np.concatenate(layers), table_right)
