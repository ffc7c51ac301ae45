"""Published numbers beside ours, matched by the point of the grid and not by their value."""

import pytest
from own_results import dyck_result, planned, save

from starfree.experiments.published_results import published_results
from starfree.report.beside import NOT_RUN, Ours, shown_beside
from starfree.report.bounded_dyck_beside import bounded_dyck_beside
from starfree.report.flipflop_beside import flipflop_beside


def numbers(experiment, **wanted):
    return [
        number
        for number in published_results()
        if number.experiment == experiment
        and all(getattr(number, name) == value for name, value in wanted.items())
    ]


def test_a_bounded_dyck_number_stands_beside_its_own_width(tmp_path):
    """At widths 60 and 100 the paper has the same development accuracy."""
    experiment, store, trials = planned(tmp_path, "bounded-dyck", "full")
    chosen = {}
    for trial in trials:
        point = (trial.options["layers"], trial.options["d_model"], trial.training.learning_rate)
        if point in ((2, 60, 0.001), (2, 100, 0.001), (1, 20, 0.0001)):
            chosen[point] = trial
    save(store, chosen[2, 60, 0.001], **dyck_result(0.9))
    save(store, chosen[2, 100, 0.001], **dyck_result(0.5))
    save(store, chosen[1, 20, 0.0001], **dyck_result(0.7))
    dev = numbers("bounded-dyck", bin="dev", metric="closing_accuracy", layers=2, value=0.9982)
    assert len(dev) == 2, "the case that this test is about"
    found = bounded_dyck_beside(experiment, store, numbers("bounded-dyck"))
    assert sorted(found[number].value for number in dev) == [0.5, 0.9]
    assert {n.metric for n in found} == {"closing_accuracy", "loss_nats", "runtime_seconds"}
    of_one_layer = {(n.metric, n.bin): ours for n, ours in found.items() if n.layers == 1}
    assert len(of_one_layer) == 7
    assert of_one_layer["loss_nats", "train"].value == 2.0
    assert of_one_layer["loss_nats", "dev"].value == 1.7
    assert "batches" in of_one_layer["loss_nats", "dev"].reason
    assert "epochs, theirs 15" in of_one_layer["closing_accuracy", "dev"].reason


def long_run(first_solved, steps=1400):
    right = [0.25] * (first_solved - 1) + [1.0] * (steps - first_solved + 1)
    tests = ("FFL(0.8)", "FFL(0.98)", "FFL(0.1)")
    curve = {
        "iteration": [100 * (step + 1) for step in range(steps)],
        "tests": {test: {"right": right} for test in tests},
    }
    return {"bins": {}, "stress": {}, "curve": curve}


def test_a_flip_flop_number_stands_beside_the_same_iteration(tmp_path):
    experiment, store, trials = planned(tmp_path, "flipflop", "full")
    assert flipflop_beside(experiment, store, numbers("flipflop")) == {}
    (trial,) = (t for t in trials if t.arm == "published, 1e-5")
    save(store, trial, **long_run(first_solved=1100))
    found = flipflop_beside(experiment, store, numbers("flipflop"))
    assert len(found) == len(numbers("flipflop")), "every published number has ours beside it"
    by_setting = {n.setting: ours for n, ours in found.items() if n.bin == "FFL(0.8)"}
    assert by_setting["evaluation=1028"].value == 0.25
    assert by_setting["evaluation=1100"].value == 1.0
    low, high = by_setting["evaluation=1100"].interval
    assert 0.99 < low < high == 1.0, "of a thousand strings"
    firsts = [ours for n, ours in found.items() if n.metric == "first_solved_evaluation"]
    assert [(ours.value, ours.interval) for ours in firsts] == [(1100, None)] * 2


def test_a_run_that_never_solves_says_so(tmp_path):
    experiment, store, trials = planned(tmp_path, "flipflop", "full")
    (trial,) = (t for t in trials if t.arm == "published, 1e-5")
    save(store, trial, **long_run(first_solved=1401))
    found = flipflop_beside(experiment, store, numbers("flipflop"))
    first, _ = (n for n in found if n.metric == "first_solved_evaluation")
    assert shown_beside(first, found[first])[0] == "never"


@pytest.mark.parametrize(
    ("interval", "status"),
    [((0.9, 1.0), "agrees"), ((0.0, 0.1), "differs: why"), (None, "no interval: why")],
)
def test_a_status_says_why(interval, status):
    number = numbers("flipflop", metric="string_accuracy", value=1.0)[0]
    assert shown_beside(number, Ours(0.95, interval, "why"))[1:] == ("-0.05", status)
    assert shown_beside(number, None)[2] == NOT_RUN
