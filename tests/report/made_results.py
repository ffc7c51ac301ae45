"""A run's folder with made-up results, so that reports are tested without any training."""

import json

from starfree.experiments.execution import Run
from starfree.experiments.part import make_part
from starfree.experiments.spec import parse_experiment
from starfree.experiments.store import Store

SPEC = """
name: made
title: Made <up>
languages: [d-2, parity, dyck-1, aa-star]
models:
  - {name: mamba, label: "Mamba", layers: 1, d_model: 8}
  - {name: lstm, label: "LSTM", d_model: 8}
seeds: [0, 1]
learning_rates: [0.001, 0.01]
training: {tokens: 1000}
"""

FACTS = {
    "d-2": ("(a(ab)*b)*", "star-free", None, False),
    "parity": ("an even number of 1", "not star-free", None, False),
    "dyck-1": ("balanced ( )", "counter", None, False),
    "aa-star": ("(aa)*", "not star-free", None, True),
}
WINDOWS = ("1-50", "51-100", "101-150")
STRINGS = 200


def accuracies(trial):
    """Mamba solves d-2 and is at 0.5 (seed 0) or 0.7 elsewhere; the LSTM solves all."""
    if trial.model == "lstm" or trial.language == "d-2":
        return (1.0, 1.0, 1.0)
    return (1.0, 0.5 + 0.2 * trial.seed, 0.0) if trial.language == "dyck-1" else (0.25, 0.0, 0.0)


def made_result(trial):
    title, language_class, definiteness, nested = FACTS[trial.language]
    bins = {}
    for window, accuracy in zip(WINDOWS, accuracies(trial), strict=True):
        low, high = map(int, window.split("-"))
        right = round(accuracy * STRINGS)
        half = STRINGS // 2
        bins[window] = {
            "strings": STRINGS,
            "metrics": {"string_accuracy": {"value": accuracy, "n": STRINGS,
                                            "low": 0.0, "high": 1.0}},
            "by_length": {str(low): [min(right, half), half],
                          str(high): [max(right - half, 0), half]},
            "baseline_by_length": {str(low): [10, half], str(high): [0, half]},
            "best_baseline": {"kind": "last 4 symbols", "value": 0.05},
            "identifiable": trial.language != "dyck-1" or window == "1-50",
        }  # fmt: skip
    return {
        "format": 1,
        "trial": trial.model_dump(mode="json"),
        "language": {"name": trial.language, "title": title, "language_class": language_class,
                     "definiteness": definiteness, "nested": nested},
        "parameters": 100, "stopped": "budget", "steps": 10, "tokens": 1000, "seconds": 2.0,
        "total_seconds": 3.0, "first_solved": None,
        # the larger learning rate is better
        "validation": {"on": "validation", "loss": 1 / trial.training.learning_rate,
                       "strings": 10, "string_accuracy": 0.5},
        "bins": bins,
        "right_prefix": {"length": 24, "of": 150} if nested and trial.model == "mamba" else
                        {"length": 150, "of": 150} if nested else None,
        "data": {}, "version": "0.1.0", "commit": "abc", "finished": "2026-01-01T00:00:00+00:00",
        "machine": {"cpu": "a processor", "cores": 2, "system": "Linux", "python": "3.11",
                    "libraries": {"torch": "2.0"}},
    }  # fmt: skip


class MadeEngine:
    """An engine that writes made results."""

    def __init__(self, store, leave_out=()):
        self.store = store
        self.leave_out = leave_out
        self.ran = []

    def run(self, jobs, report):
        from starfree.experiments.events import Failed, Finished, Progressed, Started

        for job in jobs:
            report(Started(job.hash, 0))
            report(Progressed(job.hash, "training", 0.5, 0.25))
            if job.trial.language in self.leave_out:
                report(Failed(job.hash, 0, "it broke", "Traceback"))
                continue
            self.ran.append(job)
            self.store.save_result(job.hash, made_result(job.trial))
            row = {"tokens": 500, "bins": dict.fromkeys(WINDOWS, 0.5)}
            (job.folder / "curve.jsonl").write_text(json.dumps(row) + "\n")
            report(Finished(job.hash, 0))


def made_run(
    folder,
    spec=SPEC,
    leave_out=(),
    watch=lambda event: None,
    announce=lambda jobs, kept: None,
    **part,
):
    """The store of a made run, and its outcome."""
    store = Store(folder)
    store.trials.mkdir(parents=True, exist_ok=True)
    engine = MadeEngine(store, leave_out)
    experiment = parse_experiment(spec, "made.yaml")
    outcome = Run(experiment, store, engine, announce, watch, make_part(experiment, **part)).run()
    return store, engine, outcome
