"""Which trial first, and how long will it all take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starfree.experiments.events import Event, Failed, Finished, Job, Lost, Progressed, Started
from starfree.experiments.spec import Trial

# Seconds a token and layer at equal width, one to another, as measured on short strings:
# only the order of trials and the first guess of the time hang on them.
_WEIGHTS = {
    "mamba": 0.3,
    "transformer": 1.7,
    "lstm": 1.0,
    "gru": 3.0,
    "rnn": 1.0,
    "diagonal": 2.0,
    "s4d": 8.0,
    "mamba2": 3.0,
    "gla": 4.0,
    "delta": 7.0,
    "mlstm": 8.0,
    "slstm": 13.0,
    "hybrid": 8.0,  # of three layers: its options do not say how many
    "hard_gated": 2.0,
    "compiled": 1e-5,  # not trained
    "units": 1e-5,
}
_DEFAULT_WEIGHT = 1.0


def cost(trial: Trial) -> float:
    """How long a trial takes, in a unit of its own that is good for comparing."""
    options = trial.options
    layers = options.get("layers", 1)
    width = options.get("d_model", 64)
    work = float(layers) * (64.0 + float(width)) if _numbers(layers, width) else 128.0
    return trial.training.tokens * work * _WEIGHTS.get(trial.model, _DEFAULT_WEIGHT)


def _numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) for value in values)


def longest_first(jobs: Sequence[Job]) -> list[Job]:
    """An order that keeps every worker busy until the end."""
    return sorted(jobs, key=lambda job: -cost(job.trial))


@dataclass
class _Running:
    began: float
    first_fraction: float | None = None
    fraction: float = 0.0


class Forecast:
    """Seconds left, learned from how fast the trials of each model went so far.

    Args:
        clock: seconds from any moment on.
    """

    def __init__(
        self, jobs: Sequence[Job], workers: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._workers = workers
        self._clock = clock
        self._model = {job.hash: job.trial.model for job in jobs}
        self._cost = {job.hash: 1.0 if job.trained else cost(job.trial) for job in jobs}
        self._left = {job.hash for job in jobs}
        self._running: dict[str, _Running] = {}
        self._spent: dict[str, tuple[float, float]] = {}  # model -> seconds, cost done in them

    def update(self, event: Event) -> None:
        """Take in what happened."""
        if isinstance(event, Started):
            self._running[event.hash] = _Running(self._clock())
        elif isinstance(event, Progressed):
            running = self._running[event.hash]
            if running.first_fraction is None and event.phase == "training":
                running.first_fraction = event.fraction  # a resumed trial does not start at 0
            running.fraction = event.fraction
        elif isinstance(event, Finished | Failed | Lost):
            running = self._running.pop(event.hash)
            if isinstance(event, Lost):
                return
            self._left.discard(event.hash)
            if isinstance(event, Finished):
                done = self._cost[event.hash] * (1 - (running.first_fraction or 0.0))
                self._add(event.hash, self._clock() - running.began, done)

    def _add(self, trial_hash: str, seconds: float, done: float) -> None:
        model = self._model[trial_hash]
        old = self._spent.get(model, (0.0, 0.0))
        self._spent[model] = (old[0] + seconds, old[1] + done)

    def seconds_left(self) -> float | None:
        """None while nothing is known."""
        spent = dict(self._spent)
        for trial_hash, running in self._running.items():
            done = running.fraction - (running.first_fraction or 0.0)
            if done > 0:
                model = self._model[trial_hash]
                seconds, so_far = spent.get(model, (0.0, 0.0))
                elapsed = self._clock() - running.began
                spent[model] = (seconds + elapsed, so_far + done * self._cost[trial_hash])
        total_seconds = sum(seconds for seconds, _ in spent.values())
        total_cost = sum(done for _, done in spent.values())
        if not total_cost:
            return None
        left = []
        for trial_hash in self._left:
            seconds, done = spent.get(self._model[trial_hash], (total_seconds, total_cost))
            speed = seconds / done if done else total_seconds / total_cost
            fraction = self._running[trial_hash].fraction if trial_hash in self._running else 0.0
            left.append(self._cost[trial_hash] * (1 - fraction) * speed)
        return max(sum(left) / self._workers, max(left, default=0.0))
