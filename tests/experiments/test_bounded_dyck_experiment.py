"""The bounded-Dyck experiment: its grid, the evaluator on models with known answers, a trial."""

import json
from math import log2

import numpy as np
import pytest
import torch
from torch import nn

from starfree.data.bounded_dyck import PAIRS
from starfree.data.closing import evaluator_stacks
from starfree.data.published_task import NextTokenTask
from starfree.errors import InputError
from starfree.experiments.bounded_dyck import LANGUAGE, information_bound, state_numbers
from starfree.experiments.bounded_dyck_trial import file
from starfree.experiments.builtin import load, text
from starfree.experiments.closing import measure_closing
from starfree.experiments.events import Job
from starfree.experiments.runner import run_trial
from starfree.experiments.spec import parse_experiment, read_experiment
from starfree.languages.catalog import language
from starfree.models.model import build


class Walks(nn.Module):
    """Gives the right close `share` of what it gives to all closes; forgets beyond `window`."""

    def __init__(self, share, window=10**6, illegal=0.0):
        super().__init__()
        self.share, self.window, self.illegal = share, window, illegal

    def forward(self, tokens):
        rows = []
        for row in tokens.tolist():
            stack, answers = [], []
            for t, token in enumerate(row):
                if token < PAIRS:
                    stack.append((token, t))
                elif token < 2 * PAIRS and stack:
                    stack.pop()
                answers.append(self.answer(stack, t))
            rows.append(answers)
        return torch.tensor(rows).clamp(min=1e-9).log()

    def answer(self, stack, t):
        masses = [0.0] * (2 * PAIRS + 2)
        legal = [*range(PAIRS)] if len(stack) < 10 else []
        if not stack:
            legal.append(2 * PAIRS + 1)
        rest = 1 - self.illegal
        if stack:
            close = rest / 2 if legal else rest
            rest -= close
            known = t - stack[-1][1] <= self.window
            for kind in range(PAIRS):
                right = kind == stack[-1][0]
                part = (self.share if right else (1 - self.share) / 7) if known else 1 / 8
                masses[PAIRS + kind] = close * part
        for token in legal:
            masses[token] += rest / len(legal)
        for token in range(len(masses)):
            masses[token] += self.illegal / len(masses)
        return masses


@pytest.fixture(scope="module")
def strings():
    return file("m10-dev", 60)


@pytest.fixture(scope="module")
def task():
    return NextTokenTask(language(LANGUAGE))


def score(model, task, strings, bound=10):
    return measure_closing(model, task, strings, PAIRS, bound)


def test_the_threshold_is_eight_tenths(task, strings):
    assert score(Walks(0.81), task, strings).micro == 1
    assert score(Walks(0.79), task, strings).micro == 0
    assert score(Walks(0.81), task, strings).macro == 1


def test_a_model_with_a_window_closes_what_the_window_holds(task, strings):
    found = score(Walks(0.9, window=6), task, strings)
    distance = evaluator_stacks(strings, PAIRS, 10).distance
    asked = distance[distance >= 0]
    assert found.micro == pytest.approx((asked <= 6).mean())
    assert found.micro == pytest.approx(found.within(6))
    assert found.macro == pytest.approx((np.unique(asked) <= 6).mean())
    assert found.beyond(7) == 0
    plain = found.as_json()
    assert plain["closes"] == len(asked) == sum(n for _, n in plain["by_distance"].values())
    assert plain["by_distance"]["6"][0] == plain["by_distance"]["6"][1] == (asked == 6).sum()


def test_what_may_not_come_is_watched_too(task, strings):
    good, bad = (score(Walks(0.9, illegal=part), task, strings) for part in (0.0, 0.6))
    for name in ("empty", "full"):
        right, total = getattr(good, name)
        assert right == total > 0
        assert getattr(bad, name).tolist() == [0, total]
    assert good.open_end.tolist() == [good.by_distance[1].sum()] * 2


def test_pieces_and_batches_do_not_change_the_score(task, strings):
    """A Mamba is read in pieces; the same weights as a plain function of whole strings are not."""
    torch.manual_seed(0)
    model = build("mamba", task.vocabulary, task.outputs, d_model=8)

    class Whole(nn.Module):
        def forward(self, tokens):
            return model(tokens)

    long = file("m10-test", 2)
    pieces, whole = score(model, task, long), score(Whole(), task, long)
    assert pieces.as_json() == whole.as_json()


def test_the_grid_has_both_rates_for_both_depths():
    experiment = load("bounded-dyck")[0]
    trials = [trial for _, trial in experiment.trials([0])]
    points = {(t.options["layers"], t.options["d_model"], t.training.learning_rate) for t in trials}
    assert points == {(n, w, r) for n in (1, 2) for w in range(20, 101, 10) for r in (1e-4, 1e-3)}
    assert len({trial.hash for trial in trials}) == 36
    again = read_experiment(json.loads(json.dumps(experiment.plain())))
    assert [t.hash for _, t in again.trials([0])] == [t.hash for t in trials]


def test_the_published_layout_is_a_variant_of_the_spec():
    experiment = load("bounded-dyck", "smoke", "no-output-layer")[0]
    options = [trial.options for _, trial in experiment.trials([0])]
    assert all(o["head"] == "none" and not o["head_bias"] for o in options)
    assert experiment.name == "bounded-dyck-no-output-layer-smoke"


def test_a_wrong_spec_says_where():
    with pytest.raises(InputError, match=r"tests\[0\].file"):
        parse_experiment(text("bounded-dyck").replace("m10-train", "m11-train"), "mine.yaml")


def test_state_and_bound_are_counted():
    options = {"layers": 2, "d_model": 60, "expand": 2, "d_state": 16, "d_conv": 4}
    assert state_numbers(options) == 2 * 120 * (16 + 3)
    assert information_bound() == pytest.approx(10 * log2(8), abs=0.2)


@pytest.mark.parametrize("protocol", [None, "no-output-layer"])
def test_a_trial_end_to_end(tmp_path, protocol):
    experiment = load("bounded-dyck", "smoke", protocol)[0]
    trial = experiment.trials([0])[0][1]
    settings = trial.training.model_copy(update={"tokens": 4_000, "evaluations": 2})
    change = {"training": settings, "train_strings": 50, "test_strings": 5}
    trial = trial.model_copy(update=change)
    folder = tmp_path / "trials" / trial.hash
    folder.mkdir(parents=True)
    run_trial(Job(trial, trial.hash, "m", folder), lambda *_: None)
    result = json.loads((folder / "result.json").read_text())
    assert set(result["bins"]) == {"train", "dev", "test", "test20", "depth 15"}
    assert result["bins"]["test20"]["ceiling"] < 1 == result["bins"]["depth 15"]["ceiling"]
    assert [point["tokens"] >= 2_000 for point in result["curve"]] == [True, True]
    assert 0 < result["curve"][-1]["validation_loss"] < 4
