"""When a trial is given up, against Optuna's own pruners asked the same questions."""

import math

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starfree.experiments.search.pruning import (
    HalvingPruning,
    Hurdles,
    MedianPruning,
    Trace,
    fails,
    hurdles,
)

POINTS = 8
optuna.logging.set_verbosity(optuna.logging.ERROR)


def ours(pruning, curves):
    """How many points each trial reaches, one trial after the other."""
    traces, reached = [], []
    for curve in curves:
        needed = hurdles(pruning, POINTS, traces)
        seen = []
        for point, loss in enumerate(curve, start=1):
            seen.append((point, loss))
            if point < POINTS and needed is not None and fails(needed, seen):
                break
        traces.append(Trace(dict(seen), len(seen) == POINTS))
        reached.append(len(seen))
    return reached


def optunas(pruner, curves):
    study = optuna.create_study(direction="minimize", pruner=pruner)
    reached = []
    for curve in curves:
        trial = study.ask()
        for point, loss in enumerate(curve, start=1):
            trial.report(loss, point)
            if point < POINTS and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, curve[-1])
        reached.append(point)
    return reached


losses = st.lists(
    st.lists(st.integers(1, 30).map(float), min_size=POINTS, max_size=POINTS),
    min_size=1, max_size=14,
)  # fmt: skip


@given(losses, st.integers(1, 6), st.integers(1, POINTS - 1))
@settings(max_examples=40, deadline=None)
def test_the_median_rule_is_optunas(curves, trials, first):
    pruning = MedianPruning(rule="median", start=first / POINTS, trials=trials)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=trials, n_warmup_steps=first)
    assert ours(pruning, curves) == optunas(pruner, curves)


@given(losses, st.integers(2, 4), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_the_halving_rule_is_optunas(curves, factor, first):
    pruning = HalvingPruning(rule="halving", start=first / POINTS, factor=factor)
    pruner = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=first, reduction_factor=factor, min_early_stopping_rate=0
    )
    assert ours(pruning, curves) == optunas(pruner, curves)


def test_halving_lets_the_best_third_go_on():
    pruning = HalvingPruning(rule="halving", start=0.25, factor=3)
    earlier = [Trace({2: float(loss)}, False) for loss in range(1, 9)]
    # Of nine with itself three go on: those that are as good as the third best of the others.
    assert hurdles(pruning, POINTS, earlier) == Hurdles(rule="halving", losses=((2, 3.0),))


def test_the_first_trials_are_never_given_up():
    median = MedianPruning(rule="median", trials=3)
    complete = Trace({point: 1.0 for point in range(1, 9)}, True)
    pruned = Trace({1: 1.0}, False)
    assert hurdles(median, POINTS, [complete, complete, pruned, pruned]) is None
    assert hurdles(median, POINTS, [complete] * 3) is not None
    assert hurdles(HalvingPruning(rule="halving"), POINTS, []) is None


def test_a_loss_that_is_no_number_fails_and_is_no_measure():
    needed = Hurdles(rule="halving", losses=((2, 5.0),))
    assert fails(needed, [(1, 1.0), (2, math.inf)])
    diverged = Trace({2: math.inf}, False)
    pruning = HalvingPruning(rule="halving", start=0.25, factor=2)
    assert hurdles(pruning, POINTS, [diverged]) is None


@pytest.mark.parametrize(
    ("losses", "failed"),
    [
        ([(1, 9.0)], False),  # before the hurdle
        ([(1, 9.0), (4, 9.0)], True),  # a large batch has jumped over points 2 and 3
        ([(1, 9.0), (4, 5.0)], False),
        ([(3, 1.0), (4, 9.0)], False),  # the hurdle is behind it
    ],
)
def test_a_hurdle_is_judged_at_the_first_point_that_reaches_it(losses, failed):
    assert fails(Hurdles(rule="halving", losses=((2, 5.0),)), losses) is failed


def test_median_judges_the_best_loss_so_far():
    needed = Hurdles(rule="median", losses=((2, 5.0), (3, 5.0)))
    assert not fails(needed, [(1, 4.0), (2, 9.0)])
    assert fails(Hurdles(rule="halving", losses=((2, 5.0),)), [(1, 4.0), (2, 9.0)])


def test_a_trace_is_read_at_the_next_point_it_has():
    trace = Trace({2: 2.0, 5: 5.0}, True)
    assert [trace.at(point) for point in (1, 2, 3, 5, 6)] == [2.0, 2.0, 5.0, 5.0, None]
