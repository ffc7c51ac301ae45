"""The loop: what the budget buys, what the seed fixes, and that an interruption leaves no trace."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from starfree.data.tasks import make_task
from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.languages.strings import Strings
from starfree.models.model import build
from starfree.models.reproducible import seeded, threads
from starfree.training.loop import train
from starfree.training.settings import TrainSettings

SETTINGS = TrainSettings(
    tokens=4_000, batch_size=8, learning_rate=1e-2, evaluations=5, bin_strings=10
)


class WithDropout(nn.Module):
    """A user's model that draws random numbers while it is trained."""

    def __init__(self, vocabulary, outputs):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 8)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(8, outputs))

    def forward(self, tokens):
        return self.head(self.embedding(tokens))


def new_model(name, task, seed=0):
    with seeded(seed):
        if name == "dropout":
            return WithDropout(task.vocabulary, task.outputs)
        return build(name, task.vocabulary, task.outputs, d_model=8)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def without_seconds(result):
    return [
        (p.step, p.tokens, p.train_loss, p.validation_loss, p.validation_string_accuracy, p.bins)
        for p in result.curve
    ]


@pytest.fixture
def task():
    return make_task(language("tomita-4"), "predict")


@pytest.mark.parametrize("name", ["mamba", "lstm", "transformer", "dropout"])
def test_same_seed_same_numbers(task, make_data, name):
    data = make_data()
    runs = []
    for noise in (1, 2):
        torch.manual_seed(noise)  # the caller's own randomness has no influence
        model = new_model(name, task)
        runs.append((train(model, task, data, SETTINGS, seed=3), weights(model)))
    assert same(runs[0][1], runs[1][1])
    assert without_seconds(runs[0][0]) == without_seconds(runs[1][0])
    model = new_model(name, task)
    train(model, task, data, SETTINGS, seed=4)
    assert not same(weights(model), runs[0][1])


def test_global_state_is_given_back(task, make_data):
    torch.manual_seed(7)
    generator = torch.get_rng_state()
    with threads(2):
        train(new_model("dropout", task), task, make_data(), SETTINGS, seed=0, thread_count=1)
        assert torch.get_num_threads() == 2
    assert torch.equal(torch.get_rng_state(), generator)


def test_the_budget_is_real_tokens_and_the_curve_is_evenly_spaced(task, make_data):
    data = make_data()
    result = train(new_model("lstm", task), task, data, SETTINGS, seed=0)
    largest = 8 * (12 + 1)
    assert result.stopped == "budget"
    assert 4_000 <= result.tokens < 4_000 + largest
    assert [point.tokens for point in result.curve] == sorted(p.tokens for p in result.curve)
    for number, point in enumerate(result.curve, start=1):
        assert number * 800 <= point.tokens < number * 800 + largest
    assert result.curve[-1].step == result.step
    assert set(result.curve[0].bins) == {"13-20"}


def test_an_epoch_of_the_budget_reads_each_string_once(task, make_data):
    """Tokens are counted as real symbols, `^` included: a budget of two epochs is two epochs."""
    data = make_data()
    epoch = int((data.train.lengths + 1).sum())
    seen = []

    class Spy(WithDropout):
        def forward(self, tokens):
            if self.training:
                seen.extend(tuple(row) for row in tokens.tolist())
            return super().forward(tokens)

    settings = SETTINGS.model_copy(update={"tokens": 2 * epoch, "shuffle": False})
    result = train(Spy(task.vocabulary, task.outputs), task, data, settings, seed=0)
    assert result.tokens == 2 * epoch
    assert result.step == 2 * -(-len(data.train) // 8)
    strings = [tuple(map(int, string)) for string in data.train]
    begin = language("tomita-4").begin
    assert [
        row[1 : 1 + len(string)] for row, string in zip(seen, strings * 2, strict=True)
    ] == strings * 2
    assert all(row[0] == begin for row in seen)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("name", ["mamba", "lstm", "transformer", "dropout"])
@pytest.mark.parametrize("kill_after", [0, 3])
def test_a_killed_run_ends_with_the_same_weights(
    task, make_data, tmp_path, name, kill_after, monkeypatch
):
    monkeypatch.setattr("starfree.training.loop.EVENT_SECONDS", 0.0)
    data = make_data()
    whole = new_model(name, task)
    wanted = train(whole, task, data, SETTINGS, seed=1)

    def kill(event):
        """Somewhere between two checkpoints."""
        if event.tokens > kill_after * 800 + 400:
            raise KilledError

    with pytest.raises(KilledError):
        train(new_model(name, task), task, data, SETTINGS, seed=1, folder=tmp_path, on_event=kill)
    resumed = new_model(name, task, seed=99)
    messages = []
    result = train(
        resumed,
        task,
        data,
        SETTINGS,
        seed=1,
        folder=tmp_path,
        on_event=lambda event: messages.append(event.message),
    )
    assert any(message.startswith("resumed after") for message in messages) == (kill_after > 0)
    if kill_after == 0:  # no checkpoint yet: the run starts again, from its own initial weights
        resumed = new_model(name, task)
        result = train(resumed, task, data, SETTINGS, seed=1)
    assert same(weights(resumed), weights(whole))
    assert without_seconds(result) == without_seconds(wanted)


@pytest.mark.parametrize("name", ["mamba", "dropout"])
@pytest.mark.parametrize("killed_at", [5, 17])
def test_between_two_points_a_checkpoint_is_made_by_the_clock(
    task, make_data, tmp_path, name, killed_at, monkeypatch
):
    monkeypatch.setattr("starfree.training.loop.EVENT_SECONDS", 0.0)
    data = make_data()
    whole = new_model(name, task)
    wanted = train(whole, task, data, SETTINGS, seed=1)
    assert all(point.step != killed_at for point in wanted.curve)

    def kill(event):
        if event.step == killed_at:
            raise KilledError

    at_once = {"folder": tmp_path, "checkpoint_seconds": 0.0}
    with pytest.raises(KilledError):
        train(new_model(name, task), task, data, SETTINGS, seed=1, on_event=kill, **at_once)
    resumed = new_model(name, task, seed=99)
    steps = []
    result = train(
        resumed, task, data, SETTINGS, seed=1, on_event=lambda e: steps.append(e.step), **at_once
    )
    assert steps[0] == killed_at  # not the point of the curve before it
    assert same(weights(resumed), weights(whole))
    assert without_seconds(result) == without_seconds(wanted)


def test_a_finished_run_is_not_run_again(task, make_data, tmp_path):
    data = make_data()
    model = new_model("lstm", task)
    first = train(model, task, data, SETTINGS, seed=0, folder=tmp_path)
    other = new_model("lstm", task, seed=5)
    again = train(other, task, data, SETTINGS, seed=0, folder=tmp_path)
    assert again == first
    assert same(weights(other), weights(model))
    assert same(load_file(tmp_path / "weights.safetensors"), weights(model))
    lines = (tmp_path / "curve.jsonl").read_text().splitlines()
    assert [json.loads(line)["tokens"] for line in lines] == [p.tokens for p in first.curve]


KILLED_BY_SIGNAL = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from conftest import Data, draw
    from starfree.data.tasks import make_task
    from starfree.languages.catalog import language
    from starfree.models.model import build
    from starfree.training.loop import train
    from starfree.models.reproducible import seeded
    from starfree.training.settings import TrainSettings

    task = make_task(language("tomita-4"), "predict")
    data = Data(draw("tomita-4", range(1, 13), 8, 0), draw("tomita-4", range(1, 13), 4, 1))
    with seeded(0):
        model = build("lstm", task.vocabulary, task.outputs, d_model=8)
    settings = TrainSettings.model_validate_json({settings!r})

    def kill(event):
        if event.tokens > 2_900:
            os.kill(os.getpid(), signal.SIGKILL)

    train(model, task, data, settings, seed=1, folder=Path({folder!r}), on_event=kill)
"""


def test_kill_9_loses_at_most_one_interval(task, make_data, tmp_path):
    script = KILLED_BY_SIGNAL.format(
        tests=os.path.dirname(__file__),
        settings=SETTINGS.model_dump_json(),
        folder=str(tmp_path),
    )
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert ended.returncode == -signal.SIGKILL
    data = make_data()
    data.bins = {}
    whole, resumed = new_model("lstm", task), new_model("lstm", task, seed=9)
    wanted = train(whole, task, data, SETTINGS, seed=1)
    tokens = []
    result = train(
        resumed,
        task,
        data,
        SETTINGS,
        seed=1,
        folder=tmp_path,
        on_event=lambda event: tokens.append(event.tokens),
    )
    assert 2_400 <= tokens[0] < 2_400 + 8 * 13
    assert same(weights(resumed), weights(whole))
    assert without_seconds(result) == without_seconds(wanted)


@pytest.mark.parametrize("change", ["settings", "seed", "data", "model"])
def test_another_runs_checkpoint_is_refused(task, make_data, tmp_path, change):
    train(new_model("lstm", task), task, make_data(), SETTINGS, seed=0, folder=tmp_path)
    settings = SETTINGS.model_copy(update={"clip": 0.5}) if change == "settings" else SETTINGS
    data = make_data(each=9) if change == "data" else make_data()
    name = "mamba" if change == "model" else "lstm"
    seed = 1 if change == "seed" else 0
    with pytest.raises(InputError, match="checkpoint of another run"):
        train(new_model(name, task), task, data, settings, seed=seed, folder=tmp_path)


def test_early_stopping_stops_when_all_is_right_and_says_so(make_data):
    task = make_task(language("tomita-2"), "predict")
    settings = SETTINGS.model_copy(
        update={"tokens": 200_000, "evaluations": 100, "early_stop": 3, "warmup": 0.0}
    )
    messages = []
    model = new_model("lstm", task)
    result = train(
        model,
        task,
        make_data("tomita-2"),
        settings,
        seed=0,
        on_event=lambda event: messages.append(event.message),
    )
    right = [point.validation_string_accuracy == 1.0 for point in result.curve]
    assert result.stopped == "solved"
    assert result.tokens < 100_000
    assert right[-3:] == [True] * 3
    assert not any(all(right[i : i + 3]) for i in range(len(right) - 3))
    assert result.first_solved == result.curve[right.index(True)]
    assert "stopped early after" in messages[-1]
    assert "3 times in a row" in messages[-1]


def test_a_loss_that_is_no_number_ends_the_run_as_diverged(task, make_data, tmp_path):
    class Breaks(WithDropout):
        calls = 0

        def forward(self, tokens):
            self.calls += self.training
            return super().forward(tokens) * (float("nan") if self.calls > 20 else 1.0)

    model = Breaks(task.vocabulary, task.outputs)
    result = train(model, task, make_data(), SETTINGS, seed=0, folder=tmp_path)
    assert result.stopped == "diverged"
    assert result.step == 21
    assert result.curve[-1].train_loss is None
    assert result.curve[-1].validation_string_accuracy == 0.0
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    json.dumps([vars(point) for point in result.curve], allow_nan=False)


def test_events_tell_how_far_it_is(task, make_data, monkeypatch):
    monkeypatch.setattr("starfree.training.loop.EVENT_SECONDS", 0.0)
    events = []
    result = train(
        new_model("lstm", task), task, make_data(), SETTINGS, seed=0, on_event=events.append
    )
    assert [event.step for event in events] == list(range(1, result.step + 1))
    assert {event.tokens_total for event in events} == {4_000}
    assert events[0].validation_accuracy is None
    assert events[-1].validation_accuracy == result.curve[-1].validation_string_accuracy


def test_clipping_bounds_the_first_step(task, make_data):
    """AdamW's step does not show the gradient's size, so look at the gradient itself."""
    data = make_data()
    for clip in (1e-3, 0.0):
        model = new_model("lstm", task)
        settings = SETTINGS.model_copy(update={"clip": clip, "tokens": 1, "evaluations": 1})
        train(model, task, data, settings, seed=0)
        norm = float(torch.cat([p.grad.reshape(-1) for p in model.parameters()]).norm())
        assert (norm <= 1e-3 * 1.001) == bool(clip)


def test_the_curve_reads_no_more_than_it_was_told(task, make_data):
    data = make_data()
    few = SETTINGS.model_copy(update={"validation_strings": 7, "bin_strings": 0})
    sizes = set()

    class Spy(WithDropout):
        def forward(self, tokens):
            if not self.training:
                sizes.add(len(tokens))
            return super().forward(tokens)

    result = train(Spy(task.vocabulary, task.outputs), task, data, few, seed=0)
    assert sizes == {7}
    assert result.curve[0].bins == {}


def test_a_data_set_without_validation_can_be_learned(task, make_data):
    data = make_data()
    data.validation = None
    result = train(new_model("lstm", task), task, data, SETTINGS, seed=0)
    assert result.curve[-1].validation_loss is None
    assert result.first_solved is None
    settings = SETTINGS.model_copy(update={"early_stop": 3})
    with pytest.raises(InputError, match="early_stop needs validation strings"):
        train(new_model("lstm", task), task, data, settings, seed=0)


def test_no_training_strings_is_an_error(task, make_data):
    data = make_data()
    data.train = Strings.of([])
    with pytest.raises(InputError, match="there are no training strings"):
        train(new_model("lstm", task), task, data, SETTINGS, seed=0)


@pytest.mark.parametrize(
    ("name", "options"), [("mamba", {}), ("lstm", {}), ("transformer", {"position": "rotary"})]
)
def test_learns_a_language_that_a_window_of_two_decides(make_data, name, options):
    """tomita-4 (no 000): every architecture must get it within seconds."""
    task = make_task(language("tomita-4"), "predict")
    data = make_data(each=40)
    settings = TrainSettings(tokens=60_000, batch_size=16, learning_rate=1e-2, evaluations=3)
    with seeded(0):
        model = build(name, task.vocabulary, task.outputs, d_model=16, layers=1, **options)
    result = train(model, task, data, settings, seed=0)
    assert result.curve[-1].validation_string_accuracy == 1.0
    assert result.curve[-1].validation_loss < result.curve[0].validation_loss


@pytest.mark.parametrize("kind", ["recognise", "state"])
def test_the_other_tasks_run_through_the_same_loop(make_data, kind):
    found = language("parity")
    task = make_task(found, kind)
    data = make_data("parity")
    result = train(new_model("lstm", task), task, data, SETTINGS, seed=0)
    assert result.stopped == "budget"
    assert np.isfinite(result.curve[-1].validation_loss)
