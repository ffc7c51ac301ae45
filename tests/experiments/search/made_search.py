"""Searches with made-up losses, so that their logic is tested without any training."""

import json
import random
from contextlib import suppress

from starfree.experiments.events import Failed, Finished, Progressed, Started
from starfree.experiments.search.experiment import SearchTrial
from starfree.experiments.search.pruning import fails
from starfree.experiments.search.rounds import SearchRun
from starfree.experiments.spec import parse_experiment
from starfree.experiments.store import Store

GRID = """
name: made
languages: [d-2, parity]
models: [{name: lstm, label: LSTM}]
seeds: [0, 1]
training: {tokens: 1000, evaluations: 10}
search:
  method: grid
  space: {d_model: [4, 8, 16], learning_rate: [0.001, 0.01]}
"""

TPE = """
name: made
languages: [d-2, parity]
models: [{name: lstm, label: LSTM}]
seeds: [0, 1]
training: {tokens: 1000, evaluations: 10}
search:
  method: tpe
  trials: 16
  pruning: {rule: median, trials: 3}
  space:
    d_model: {low: 4, high: 64, log: true}
    learning_rate: {low: 0.0001, high: 0.1, log: true}
    clip: [0.0, 1.0]
"""


def final(trial):
    """The best is d_model 16 at rate 0.01 for d-2, d_model 8 for parity; both without clipping."""
    best = 16 if trial.language == "d-2" else 8
    off = abs(trial.options["d_model"] - best) / 10 + 50 * abs(trial.training.learning_rate - 0.01)
    return 0.1 + off + 0.05 * trial.training.clip


def made_result(trial):
    points = trial.training.evaluations
    result = {
        "format": 1, "trial": trial.model_dump(mode="json"), "parameters": 10, "steps": 1,
        "stopped": "budget", "tokens": 1000, "seconds": 1.0, "total_seconds": 2.0,
        "first_solved": None, "right_prefix": None, "data": {}, "version": "0", "commit": "abc",
        "finished": "2026-01-01T00:00:00+00:00", "bins": {},
        "machine": {"cpu": "c", "cores": 2, "system": "s", "libraries": {"torch": "2"}},
        "language": {"name": trial.language, "title": trial.language, "definiteness": None,
                     "language_class": "star-free", "nested": False},
        "validation": {"on": "validation", "loss": final(trial), "strings": 10,
                       "string_accuracy": 0.5},
    }  # fmt: skip
    if not isinstance(trial, SearchTrial):
        right = {"value": 0.5, "n": 10, "low": 0.2, "high": 0.8}
        result["bins"] = {
            window: {
                "strings": 10, "metrics": {"string_accuracy": right}, "identifiable": True,
                "by_length": {}, "baseline_by_length": {},
                "best_baseline": {"kind": "last 4 symbols", "value": 0.1},
            }
            for window in ("1-50", "51-100")
        }  # fmt: skip
        return result
    losses = []
    for point in range(1, points + 1):
        losses.append((point, final(trial) + 0.02 * (points - point)))
        if point < points and trial.hurdles is not None and fails(trial.hurdles, losses):
            result |= {"stopped": "pruned", "tokens": 1000 * point // points}
            result["validation"] |= {"loss": losses[-1][1]}
            break
    return result | {"losses": losses}


class MadeEngine:
    """An engine that writes made results, in an order of its own.

    Args:
        stop_after: jobs after which the driver is killed.
        fail: whether a trial fails.
    """

    workers = 2

    def __init__(self, store, stop_after=None, fail=lambda trial: False, shuffled=0):
        self.store = store
        self.stop_after = stop_after
        self.fail = fail
        self.random = random.Random(shuffled)
        self.ran = []

    def run(self, jobs, report):
        for job in self.random.sample(jobs, len(jobs)):
            if self.stop_after is not None and len(self.ran) >= self.stop_after:
                raise KeyboardInterrupt
            report(Started(job.hash, 0))
            report(Progressed(job.hash, "training", 0.5, 0.25))
            self.ran.append(job)
            if self.fail(job.trial):
                report(Failed(job.hash, 0, "it broke", "Traceback"))
                continue
            # As it comes back from disk.
            self.store.save_result(job.hash, json.loads(json.dumps(made_result(job.trial))))
            report(Finished(job.hash, 0))


def made_search(folder, spec=GRID, **engine):
    """The store, the engine and the outcome of a made search."""
    store = Store(folder)
    store.trials.mkdir(parents=True, exist_ok=True)
    made = MadeEngine(store, **engine)
    outcome = None
    with suppress(KeyboardInterrupt):
        outcome = SearchRun(parse_experiment(spec, "made.yaml"), store, made).run()
    return store, made, outcome
