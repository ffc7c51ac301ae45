"""Exact intervals against published values, closed forms and their own definition."""

import math

import numpy as np
import pytest

from starfree.training.intervals import binomial_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (5, 10, 0.187086, 0.812914),  # published tables of Clopper-Pearson limits
        (1, 10, 0.002529, 0.445016),
        (3, 5, 0.146633, 0.947255),
    ],
)
def test_published_limits(successes, trials, low, high):
    interval = binomial_interval(successes, trials)
    assert interval.low == pytest.approx(low, abs=2e-6)
    assert interval.high == pytest.approx(high, abs=2e-6)


@pytest.mark.parametrize("trials", [1, 5, 1000, 100_000])
def test_closed_form_at_the_ends(trials):
    assert binomial_interval(trials, trials) == (pytest.approx(0.025 ** (1 / trials)), 1.0)
    assert binomial_interval(0, trials) == (0.0, pytest.approx(1 - 0.025 ** (1 / trials)))


def test_a_thousand_right_strings_bound_the_error_below_four_per_mille():
    assert 1 - binomial_interval(1000, 1000).low < 0.004


def test_no_trials_say_nothing():
    assert binomial_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.97])
@pytest.mark.parametrize("trials", [7, 40])
def test_coverage_is_never_below_the_promise(p, trials):
    covered = sum(
        math.comb(trials, k) * p**k * (1 - p) ** (trials - k)
        for k in range(trials + 1)
        if binomial_interval(k, trials).low <= p <= binomial_interval(k, trials).high
    )
    assert covered >= 0.95


def test_the_limits_are_where_the_tails_are_as_asked():
    successes, trials, confidence = 17, 60, 0.8
    low, high = binomial_interval(successes, trials, confidence)
    ways = np.array([math.comb(trials, k) for k in range(trials + 1)], dtype=float)
    k = np.arange(trials + 1)
    at_least = (ways * low**k * (1 - low) ** (trials - k))[successes:].sum()
    at_most = (ways * high**k * (1 - high) ** (trials - k))[: successes + 1].sum()
    assert at_least == pytest.approx(0.1)
    assert at_most == pytest.approx(0.1)
