"""The option that says who else watches a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starfree.experiments.events import Event
    from starfree.experiments.store import Store


class Tracker(StrEnum):
    """What can follow a run."""

    TENSORBOARD = "tensorboard"


@contextmanager
def watching(
    store: Store, watch: Callable[[Event], None], tracker: Tracker | None
) -> Iterator[Callable[[Event], None]]:
    """Tell events to `watch`, and to the tracker if there is one.

    Raises:
        InputError: the tracker's package is not installed.
    """
    if tracker is None:
        yield watch
        return
    from starfree.experiments.tracking import TensorBoard

    board = TensorBoard(store)

    def both(event: Event) -> None:
        watch(event)
        board.watch(event)

    try:
        board.catch_up()
        yield both
    finally:
        board.close()
