"""What TensorBoard's own reader finds in the files of a run."""

import json
import sys
import warnings

import pytest

pytest.importorskip("tensorboard")

from starfree.errors import InputError
from starfree.experiments.events import Failed, Finished, Lost, Progressed, Started, Waiting
from starfree.experiments.spec import parse_experiment
from starfree.experiments.store import Store
from starfree.experiments.tracking import TensorBoard

SPEC = """
name: tracked
languages: [parity]
models: [{name: lstm, d_model: 4}]
seeds: [0]
training: {tokens: 1000, warmup: 0.1, decay: linear, evaluations: 10}
"""


@pytest.fixture
def trial():
    ((_, made),) = parse_experiment(SPEC, "x").trials((0,))
    return made


@pytest.fixture
def store(tmp_path, trial):
    made = Store(tmp_path / "run")
    folder = made.trial_folder(trial.hash)
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(trial.model_dump_json())
    return made


def row(number):
    return {
        "step": 10 * number,
        "tokens": 100 * number,
        "seconds": 2.0 * number,
        "train_loss": 1 / number,
        "validation_loss": None if number == 2 else 2 / number,
        "validation_string_accuracy": number / 10,
        "bins": {"1-50": number / 10, "51-100": 0.0},
        "slices": {},
    }


def write_curve(store, trial, points):
    lines = [json.dumps(row(number)) + "\n" for number in range(1, points + 1)]
    (store.trial_folder(trial.hash) / "curve.jsonl").write_text("".join(lines))


def read(store, trial):
    """Tag -> (step, value) in the order of the files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TensorBoard's own imports
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(str(store.folder / "tensorboard" / trial.hash))
        found.Reload()
        tags = found.Tags()["scalars"]
        return {tag: [(e.step, e.value, e.wall_time) for e in found.Scalars(tag)] for tag in tags}


def steps(scalars):
    return [step for step, _, _ in scalars]


def test_every_number_of_the_curve_is_there_with_the_learning_rate(store, trial):
    board = TensorBoard(store)
    board.watch(Started(trial.hash, 0))
    write_curve(store, trial, 1)
    board.watch(Progressed(trial.hash, "training", 0.1))
    write_curve(store, trial, 10)
    board.watch(Progressed(trial.hash, "training", 1.0))
    board.watch(Finished(trial.hash, 0))
    found = read(store, trial)
    assert found.keys() == {
        "training/loss", "training/learning rate", "validation/loss",
        "validation/string accuracy", "bins/1-50", "bins/51-100",
    }  # fmt: skip
    for tag, scalars in found.items():
        wanted = [n for n in range(1, 11) if (tag, n) != ("validation/loss", 2)]
        assert steps(scalars) == [10 * n for n in wanted], tag
    assert [value for _, value, _ in found["training/loss"]] == pytest.approx(
        [1 / n for n in range(1, 11)]
    )
    # the warm-up ends at 100 of 1,000 tokens, and at the end of the budget the rate is 0
    assert [value for _, value, _ in found["training/learning rate"]] == pytest.approx(
        [1e-3 * (1 - (n - 1) / 9) for n in range(1, 11)], abs=1e-9
    )
    times = [time for _, _, time in found["training/loss"]]
    assert times[-1] - times[0] == pytest.approx(18.0, abs=0.01)


def test_a_lost_worker_leaves_no_step_twice(store, trial):
    board = TensorBoard(store)
    write_curve(store, trial, 5)
    board.watch(Progressed(trial.hash, "training", 0.5))
    board.watch(Lost(trial.hash, 0, "killed"))
    write_curve(store, trial, 3)  # what its last checkpoint knew
    board.watch(Started(trial.hash, 1))
    write_curve(store, trial, 7)
    board.watch(Waiting("no memory"))
    board.watch(Finished(trial.hash, 1))
    assert steps(read(store, trial)["training/loss"]) == [10, 20, 30, 40, 50, 60, 70]


def test_a_driver_that_was_killed_leaves_no_step_twice(store, trial):
    killed = TensorBoard(store)
    write_curve(store, trial, 5)
    killed.watch(Progressed(trial.hash, "training", 0.5))
    write_curve(store, trial, 3)
    board = TensorBoard(store)
    board.watch(Started(trial.hash, 0))
    assert steps(read(store, trial)["training/loss"]) == [10, 20, 30]
    write_curve(store, trial, 6)
    board.watch(Failed(trial.hash, 0, "it broke", ""))
    assert steps(read(store, trial)["training/loss"]) == [10, 20, 30, 40, 50, 60]
    killed.close()


def test_trials_that_were_finished_before_are_written_once(store, trial):
    write_curve(store, trial, 4)
    store.save_result(trial.hash, {"format": 1})
    TensorBoard(store).catch_up()
    assert steps(read(store, trial)["training/loss"]) == [10, 20, 30, 40]
    TensorBoard(store).catch_up()
    assert len(list((store.folder / "tensorboard" / trial.hash).iterdir())) == 1


def test_the_rate_of_a_plateau_is_halved_where_training_halved_it(store, trial):
    settings = trial.training.model_copy(update={"decay": "plateau", "warmup": 0.0})
    plateau = trial.model_copy(update={"training": settings})
    (store.trial_folder(trial.hash) / "spec.json").write_text(plateau.model_dump_json())
    losses = [1.0, 0.5, 0.5, 0.4, 0.4]
    rows = [row(n) | {"validation_loss": loss} for n, loss in enumerate(losses, start=1)]
    (store.trial_folder(trial.hash) / "curve.jsonl").write_text(
        "".join(json.dumps(r) + "\n" for r in rows)
    )
    board = TensorBoard(store)
    board.watch(Finished(trial.hash, 0))
    values = [value for _, value, _ in read(store, trial)["training/learning rate"]]
    assert values == pytest.approx([1e-3, 1e-3, 1e-3, 5e-4, 5e-4])


def test_a_missing_package_is_named(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"pip install 'starfree\[track\]'"):
        TensorBoard(store)
