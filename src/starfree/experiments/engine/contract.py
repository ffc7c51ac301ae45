"""What runs jobs, and what runs one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from starfree.experiments.events import Event, Job, Progress

Report = Callable[[Event], None]
Runner = Callable[[Job, Progress], None]

RUNNER = "starfree.experiments.runner:run_trial"
ATTEMPTS = 3  # a trial whose worker died this often is given up


class Engine(Protocol):
    """What runs jobs: here, or on many machines."""

    @property
    def workers(self) -> int:
        """How many trials run at once."""

    def run(self, jobs: Sequence[Job], report: Report) -> None:
        """Run all jobs; every job ends in one `Finished` or one `Failed`.

        Raises:
            OSError: results can no longer be written, so that going on is of no use.
        """


def free_number(taken: Collection[int]) -> int:
    """The smallest number of a worker that no other has."""
    return next(number for number in range(len(taken) + 1) if number not in taken)
