"""Order and forecast, against a run whose length is known."""

import pytest

from starfree.experiments.events import Finished, Job, Lost, Progressed, Started
from starfree.experiments.schedule import Forecast, cost, longest_first
from starfree.experiments.spec import parse_experiment

SPEC = """
name: x
languages: [parity]
models:
  - {name: lstm, layers: 1}
  - {name: lstm, layers: 3}
  - {name: transformer, layers: 3}
seeds: [0, 1]
"""


@pytest.fixture
def jobs(tmp_path):
    return [
        Job(trial, trial.hash, model.shown, tmp_path)
        for model, trial in parse_experiment(SPEC, "x").trials((0, 1))
    ]


def test_the_longest_go_first(jobs):
    order = [(job.trial.model, job.trial.options["layers"]) for job in longest_first(jobs)]
    assert order == [("transformer", 3)] * 2 + [("lstm", 3)] * 2 + [("lstm", 1)] * 2


def test_twice_the_tokens_cost_twice(jobs):
    trial = jobs[0].trial
    longer = trial.model_copy(
        update={"training": trial.training.model_copy(update={"tokens": 10_000_000})}
    )
    assert cost(longer) == 2 * cost(trial)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_the_forecast_learns_from_what_ran(jobs):
    clock = Clock()
    jobs = [job for job in jobs if job.trial.model == "lstm" and job.trial.options["layers"] == 1]
    forecast = Forecast(jobs, workers=1, clock=clock)
    assert forecast.seconds_left() is None
    forecast.update(Started(jobs[0].hash, 0))
    clock.now = 10.0
    forecast.update(Progressed(jobs[0].hash, "training", 0.0))
    assert forecast.seconds_left() is None
    clock.now = 15.0
    forecast.update(Progressed(jobs[0].hash, "training", 0.5))
    # half a trial took 15 s: half of this one and the other one are left
    assert forecast.seconds_left() == pytest.approx(15 + 30)
    clock.now = 28.0
    forecast.update(Finished(jobs[0].hash, 0))
    assert forecast.seconds_left() == pytest.approx(28)
    forecast.update(Started(jobs[1].hash, 0))
    forecast.update(Lost(jobs[1].hash, 0, "killed"))
    assert forecast.seconds_left() == pytest.approx(28)


def test_a_resumed_trial_is_not_taken_for_a_fast_one(jobs):
    clock = Clock()
    forecast = Forecast(jobs[:1], workers=1, clock=clock)
    forecast.update(Started(jobs[0].hash, 0))
    forecast.update(Progressed(jobs[0].hash, "training", 0.8))
    clock.now = 4.0
    forecast.update(Progressed(jobs[0].hash, "training", 0.9))
    assert forecast.seconds_left() == pytest.approx(4.0)


def test_workers_share_the_work(jobs):
    clock = Clock()
    alike = [job for job in jobs if job.trial.model == "transformer"]
    alone = Forecast(alike, workers=1, clock=clock)
    together = Forecast(alike, workers=2, clock=clock)
    for forecast in (alone, together):
        clock.now = 0.0
        forecast.update(Started(alike[0].hash, 0))
        clock.now = 8.0
        forecast.update(Finished(alike[0].hash, 0))
    assert alone.seconds_left() == pytest.approx(8)
    assert together.seconds_left() == pytest.approx(8)  # one trial is left: it cannot be shared
