"""Made-up results of the experiments with a report of their own, without any training."""

from starfree.experiments.builtin import load
from starfree.experiments.plan import PlannedTrial, write_plan
from starfree.experiments.store import Store

FRAME = {
    "format": 1, "stopped": "budget", "parameters": 1, "steps": 1, "tokens": 1, "seconds": 1.0,
    "validation": None, "version": "0", "commit": "abc", "finished": "2026-01-01",
    "machine": {"cpu": "c", "cores": 2, "system": "s", "libraries": {"torch": "2"}},
    "total_seconds": 1.0, "first_solved": None,
}  # fmt: skip


def planned(tmp_path, name, scale="smoke"):
    experiment = load(name, scale)[0]
    store = Store(tmp_path / "found")
    trials = experiment.trials(experiment.seeds)
    store.folder.mkdir()
    write_plan(
        store.folder,
        experiment,
        [
            PlannedTrial(t.hash, t.language, m.shown, t.training.learning_rate, t.seed)
            for m, t in trials
        ],
    )
    return experiment, store, [trial for _, trial in trials]


def save(store, trial, **measured):
    folder = store.trial_folder(trial.hash)
    folder.mkdir(parents=True)
    store.save_result(trial.hash, FRAME | {"trial": trial.model_dump(mode="json")} | measured)


def flipflop_result(errors, collapse, reads=200):
    tests = ["FFL(0.8)", "FFL(0.98)", "FFL(0.1)"]
    rate = {"value": errors[-1] / reads, "n": reads, "low": 0.0, "high": 0.5}
    right = {"value": 0.5, "n": 100, "low": 0.4, "high": 0.6}
    return {
        "bins": {t: {"metrics": {"string_accuracy": right, "read_error": rate}} for t in tests},
        "stress": {"rows": 12, "ignored": [1, 10, 100], "wrong": [0, 0, 1], "collapse": collapse},
        "curve": {
            "iteration": [20 * (i + 1) for i in range(len(errors))],
            "train_loss": [0.5] * len(errors),
            "tests": {
                t: {"right": [0.5] * len(errors), "wrong_reads": errors, "reads": reads}
                for t in tests
            },
        },
    }


def dyck_result(micro, far=0.5):
    counts = {"0": [50, 50], "2": [20, 25], "6": [5, 10], "40": [0, 15]}
    measured = {
        "metrics": {"closing_accuracy": {"value": micro, "n": 100, "low": 0.0, "high": 1.0}},
        "closing_accuracy": micro, "closing_accuracy_over_distances": 0.3,
        "closing_accuracy_far": far, "by_distance": counts, "ceiling": 1.0,
        "empty": [1, 2], "full": [3, 3], "open_end": [0, 4],
    }  # fmt: skip
    tests = ["train", "dev", "test", "test20", "depth 15"]
    point = {"step": 1, "tokens": 5, "train_loss": 2.0, "validation_loss": 1.7}
    bins = {test: dict(measured) for test in tests}
    bins["test20"]["ceiling"] = 0.829
    return {"bins": bins, "curve": [point]}
