"""Strings drawn anew for every epoch, and a learning rate that follows the validation loss."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from starfree.data.stream import Stream
from starfree.data.tasks import make_task
from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.models.model import build
from starfree.models.reproducible import seeded
from starfree.training.loop import train
from starfree.training.plateau import Plateau
from starfree.training.settings import TrainSettings

SETTINGS = TrainSettings(tokens=3_000, batch_size=4, learning_rate=1e-2, evaluations=6)


class Killed(Exception):
    pass


@pytest.fixture
def task():
    return make_task(language("tomita-4"), "predict")


def stream(draw_strings, asked):
    def epoch(number):
        asked.append(number)
        return draw_strings("tomita-4", range(4, 8), 16, seed=number)

    return Stream(epoch)


def trained(task, data, folder=None, on_event=None, settings=SETTINGS):
    with seeded(0):
        model = build("mamba", task.vocabulary, task.outputs, d_model=8)
    result = train(model, task, data, settings, 0, folder, on_event)
    return result, model.state_dict()


def test_a_stream_is_read_epoch_by_epoch(task, make_data, draw_strings):
    asked, seen = [], []
    data = make_data()
    data.train = stream(draw_strings, asked)

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(task.vocabulary, task.outputs)

        def forward(self, tokens):
            if self.training:
                seen.extend(map(tuple, tokens.tolist()))
            return self.embedding(tokens)

    train(Spy(), task, data, SETTINGS, seed=0)
    assert asked == list(range(max(asked) + 1))
    assert len(asked) > 3
    first = task.encode(draw_strings("tomita-4", range(4, 8), 16, seed=0)).inputs
    padded = {row + (0,) * (first.shape[1] - len(row)) for row in seen[: len(first)]}
    assert padded == set(map(tuple, first.tolist()))


def test_a_stream_resumes_in_a_later_epoch(task, make_data, draw_strings, tmp_path):
    data = make_data()
    data.train = stream(draw_strings, [])
    whole, weights = trained(task, data)

    def kill(event):
        if event.tokens > 1_600:
            raise Killed

    with pytest.raises(Killed):
        trained(task, data, tmp_path, kill)
    data.train = stream(draw_strings, asked := [])
    again, resumed = trained(task, data, tmp_path)
    assert asked[:2] != [0, 1], "it went on in a later epoch"
    assert again.step == whole.step
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


def test_the_rate_follows_torch():
    """`ReduceLROnPlateau` with the settings of the published runs, on a wandering loss."""
    losses = np.cumsum(np.random.default_rng(0).normal(size=200)) * 1e-3 + 2
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    theirs = ReduceLROnPlateau(optimiser, mode="min", factor=0.5, patience=0, eps=0)
    ours = Plateau()
    for loss in losses:
        theirs.step(loss)
        ours.look(loss)
        assert ours.factor == optimiser.param_groups[0]["lr"]
    assert ours.factor < 1


def test_three_looks_without_a_gain_are_the_end():
    plateau = Plateau()
    ends = [plateau.look(loss) for loss in (2.0, 1.9, 1.89995, 1.91, 1.8, 1.8, 1.8, 1.8)]
    assert ends == [False, False, False, False, False, False, False, True]


def test_a_plateau_ends_training_and_survives_a_kill(task, make_data, tmp_path):
    """A rate so high that the loss soon stands still."""
    settings = SETTINGS.model_copy(
        update={"decay": "plateau", "learning_rate": 3.0, "tokens": 60_000, "evaluations": 60}
    )
    data = make_data()
    whole, weights = trained(task, data, settings=settings)
    assert whole.stopped == "plateau"
    assert whole.tokens < 60_000

    def kill(event):
        if event.tokens > whole.tokens - 900:
            raise Killed

    with pytest.raises(Killed):
        trained(task, data, tmp_path, kill, settings)
    again, resumed = trained(task, data, tmp_path, settings=settings)
    assert (again.stopped, again.step) == (whole.stopped, whole.step)
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


def test_a_plateau_needs_validation_strings(task, make_data):
    data = make_data()
    data.validation = None
    settings = SETTINGS.model_copy(update={"decay": "plateau"})
    with pytest.raises(InputError, match="decay: plateau needs validation strings"):
        trained(task, data, settings=settings)
