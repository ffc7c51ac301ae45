"""The flip-flop experiment: its plan, its draws, what it measures."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from starfree.data.published_task import CleanReadTask, MaskedReadTask
from starfree.errors import InputError
from starfree.experiments.builtin import load, text
from starfree.experiments.events import Job
from starfree.experiments.flipflop_trial import flipflop_data, measure_large
from starfree.experiments.ignore_stress import measure_stress, stress_points
from starfree.experiments.part import make_part
from starfree.experiments.runner import run_trial
from starfree.experiments.spec import parse_experiment, read_experiment
from starfree.languages.catalog import language


class Remembers(nn.Module):
    """Reads flip-flops without error, but forgets after so many symbols; counts symbols read."""

    def __init__(self, task, forgets=None):
        super().__init__()
        self.task, self.forgets = task, forgets
        self.masked = isinstance(task, MaskedReadTask)
        names = "01-riw" if self.masked else task_alphabet()
        self.write, self.read, self.one, self.mask = (names.find(symbol) for symbol in "wr1-")

    def initial_state(self, batch):
        # the bit, the symbols since it was written, the symbol before
        return torch.zeros(batch, 3, dtype=torch.int64)

    def step(self, token, state):
        bit, age, last = state.T
        bit = torch.where(last == self.write, (token == self.one).long(), bit)
        age = torch.where(last == self.write, torch.zeros_like(age), age + 1)
        known = bit if self.forgets is None else torch.where(age > self.forgets, 1 - bit, bit)
        asked = token == self.mask if self.masked else token == self.read
        answer = torch.where(asked, known, torch.full_like(known, self.task.outputs - 1))
        logits = nn.functional.one_hot(answer, self.task.outputs).float()
        return logits, torch.stack([bit, age, token], dim=1)

    def advance(self, tokens, state):
        answers = []
        for token in tokens.T:
            logits, state = self.step(token, state)
            answers.append(logits)
        return torch.stack(answers, dim=1), state

    def forward(self, tokens):
        return self.advance(tokens, self.initial_state(len(tokens)))[0]


def task_alphabet():
    return "".join(language("flipflop").alphabet)


def smoke():
    return load("flipflop", "smoke")[0]


@pytest.fixture(params=[MaskedReadTask, CleanReadTask])
def task(request):
    return request.param(language("flipflop"))


def test_the_plan_survives_its_own_writing():
    for experiment in (load("flipflop")[0], smoke()):
        again = read_experiment(json.loads(json.dumps(experiment.plain())))
        first, second = (e.trials(e.seeds) for e in (experiment, again))
        assert [trial.hash for _, trial in first] == [trial.hash for _, trial in second]


def test_every_trial_is_one_of_its_own_in_the_order_of_the_arms():
    experiment = load("flipflop")[0]
    trials = [trial for _, trial in experiment.trials(experiment.seeds)]
    assert len({trial.hash for trial in trials}) == len(trials)
    arms = list(dict.fromkeys(trial.arm for trial in trials))
    assert arms == [arm.name for arm in experiment.arms]
    published = next(trial for trial in trials if trial.arm == "published, 1e-5")
    assert published.training.tokens == 140_000 * 16 * 512
    assert published.training.evaluations == 1_400
    assert make_part(experiment, models=["lstm"]).models == {
        "clean, mixture: LSTM, 1 layer", "clean, FFL(0.8): LSTM, 1 layer",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('models: ["Mamba, 1 layer"]', "models: [Mumba]", "asks for the model 'Mumba'"),
        ("name: published, 1e-5", "name: published, 1e-4", "two arms are called"),
        ("weight_decay: 0.1", "tokens: 100", "tokens follows from iterations"),
        ("kind: flipflop", "kind: flipflap", "kind: no such field"),
    ],
)
def test_a_wrong_spec_says_where(old, new, message):
    changed = text("flipflop").replace(old, new)
    assert changed != text("flipflop")
    with pytest.raises(InputError, match=message):
        parse_experiment(changed, "mine.yaml")


def test_training_strings_differ_by_seed_and_epoch_the_checks_do_not():
    experiment, spoken = smoke(), language("flipflop")
    _, trial = experiment.trials([0])[0]
    data = flipflop_data(trial, spoken)
    other = flipflop_data(trial.model_copy(update={"seed": 1}), spoken)
    epochs = [data.train.draw(0), data.train.draw(1), other.train.draw(0)]
    assert np.array_equal(epochs[0].tokens, data.train.draw(0).tokens)
    assert len({key for strings in epochs for key in strings.keys()})  # noqa: SIM118 > 0.99 * 3 * len(epochs[0])
    for name, strings in data.bins.items():
        assert np.array_equal(strings.tokens, other.bins[name].tokens)
        assert spoken.accepts_batch(strings).all()


def test_a_model_that_remembers_is_right_and_one_that_forgets_is_found_out(task):
    spoken, trial = language("flipflop"), smoke().trials([0])[0][1]
    test = trial.tests[0]
    perfect = measure_large(Remembers(task), task, spoken, test, trial)
    assert perfect["metrics"]["string_accuracy"]["value"] == 1
    assert perfect["metrics"]["read_error"]["value"] == 0
    assert perfect["metrics"]["read_error"]["n"] > 2 * test.strings
    forgetful = measure_large(Remembers(task, 20), task, spoken, test, trial)
    assert 0 < forgetful["metrics"]["read_error"]["value"] < 0.5
    assert forgetful["metrics"]["string_accuracy"]["value"] < 1


def test_stress_finds_where_memory_ends(task):
    """A model that forgets after 200 symbols: 2 a pair, and `r` (with the mask) at the end."""
    spoken = language("flipflop")
    perfect = measure_stress(Remembers(task), task, spoken, 300, seed=0)
    assert perfect["collapse"] is None
    assert not any(perfect["wrong"])
    assert perfect["rows"] == 12
    forgetful = measure_stress(Remembers(task, 200), task, spoken, 300, seed=0)
    first = next(
        n for n in stress_points(300) if 2 * n + (2 if Remembers(task).masked else 1) > 200
    )
    assert forgetful["collapse"] == first
    assert forgetful["wrong"][-1] == 12


def test_a_model_without_constant_memory_gives_the_same_answers(task):
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Remembers(task, 100)

        def forward(self, tokens):
            return self.inner(tokens)

    spoken = language("flipflop")
    by_state = measure_stress(Whole().inner, task, spoken, 120, seed=0)
    assert measure_stress(Whole(), task, spoken, 120, seed=0) == by_state


def test_a_trial_end_to_end(tmp_path):
    experiment = smoke()
    trial = next(t for _, t in experiment.trials([0]) if t.mode == "published")
    settings = trial.training.model_copy(update={"tokens": 40_960, "evaluations": 4})
    trial = trial.model_copy(update={"training": settings, "stress": 20})
    folder = tmp_path / "trials" / trial.hash
    folder.mkdir(parents=True)
    run_trial(Job(trial, trial.hash, "m", folder), lambda *_: None)
    result = json.loads((folder / "result.json").read_text())
    assert result["steps"] == 40
    assert result["curve"]["iteration"] == [10, 20, 30, 40]
    assert set(result["bins"]) == {"FFL(0.8)", "FFL(0.98)", "FFL(0.1)"}
    assert result["bins"]["FFL(0.98)"]["strings"] == 400
    sparse = result["curve"]["tests"]["FFL(0.98)"]
    assert len(sparse["right"]) == 4
    assert 0 <= sparse["wrong_reads"][-1] <= sparse["reads"]
