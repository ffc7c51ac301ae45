"""Every metric against a count in plain Python, on a model whose mistakes are known."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

import starfree.training.metrics as metrics
from starfree.data.task import Examples
from starfree.data.tasks import make_task
from starfree.languages.catalog import language
from starfree.languages.strings import Strings
from starfree.models.model import build
from starfree.training.intervals import binomial_interval
from starfree.training.metrics import evaluate, evaluate_examples
from starfree.training.objectives import OBJECTIVES


class LastSymbols(nn.Module):
    """A causal model with mistakes: logits are a fixed random function of the last two inputs."""

    def __init__(self, vocabulary, outputs, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.table = torch.randn(vocabulary, vocabulary, outputs, generator=generator)

    def forward(self, tokens):
        before = torch.cat([tokens[:, :1], tokens[:, :-1]], dim=1)
        return self.table[before, tokens]


class Knows(nn.Module):
    """Answers from the language itself, with one bit turned after the prefixes it is told."""

    def __init__(self, found, mistaken=lambda prefix: False):
        super().__init__()
        self.found, self.mistaken = found, mistaken

    def forward(self, tokens):
        logits = torch.stack([self.answer(string) for string in tokens.tolist()])
        return logits * torch.linspace(0.5, 2, logits.shape[-1])

    def answer(self, string):
        rows = torch.from_numpy(self.found.legal(string[1:])).clone()
        for t in range(len(rows)):
            if self.mistaken(tuple(string[1 : t + 1])):
                rows[t, t % rows.shape[1]].logical_not_()
        return 2.0 * rows - 1


@pytest.fixture
def strings(draw_strings):
    return draw_strings("d-3", range(0, 17), 6, seed=3)


def test_all_metrics_against_a_plain_count(strings):
    found = language("d-3")
    task = make_task(found, "predict")
    model = Knows(
        found, mistaken=lambda prefix: hash(prefix) % 13 == 0
    )  # the same in every process
    given = evaluate(model, task, strings, states=found.state_batch(strings))

    positions, bits = [0, 0], [0, 0]
    string_right, relaxed, losses = [], [], []
    first_errors, lengths, classes, transitions = Counter(), {}, {}, {}

    def note(table, key, right):
        entry = table.setdefault(key, [0, 0])
        entry[0] += right
        entry[1] += 1

    for string in strings:
        inputs = [found.begin, *map(int, string)]
        legal = found.legal(string)
        states = found.state_batch(Strings.of([string]))[0]
        logits = model(torch.tensor([inputs]))[0].numpy()
        right = []
        for t in range(len(inputs)):
            agree = (logits[t] > 0) == legal[t]
            losses += list(np.log1p(np.exp(np.where(legal[t], -logits[t], logits[t]))))
            bits[0] += int(agree.sum())
            bits[1] += len(agree)
            right.append(bool(agree.all()))
            note(classes, "".join(str(int(bit)) for bit in legal[t]), right[-1])
            if t:
                note(transitions, (int(states[t - 1]), inputs[t]), right[-1])
        positions[0] += sum(right)
        positions[1] += len(right)
        relaxed.append(np.mean(right))
        string_right.append(all(right))
        note(lengths, len(inputs), all(right))
        if not all(right):
            first_errors[right.index(False)] += 1

    assert given.strings == (sum(string_right), len(string_right))
    assert given.string_right.tolist() == string_right
    assert given.positions == tuple(positions)
    assert given.bits == tuple(bits)
    assert given.relaxed_accuracy == pytest.approx(np.mean(relaxed))
    assert given.loss == pytest.approx(np.mean(losses), rel=1e-5)
    assert given.first_errors == dict(first_errors)
    assert {key: list(share) for key, share in given.by_length.items()} == lengths
    assert {key: list(share) for key, share in given.by_class.items()} == classes
    assert {key: list(share) for key, share in given.by_transition.items()} == transitions
    # The comparison is not one of all or nothing.
    assert 0.2 < given.string_accuracy < 0.8
    assert 0.5 < given.position_accuracy < 0.99
    assert len(first_errors) > 2


def test_a_perfect_model_is_perfect(strings):
    found = language("d-3")
    given = evaluate(Knows(found), make_task(found, "predict"), strings)
    assert given.string_accuracy == given.position_accuracy == given.bit_accuracy == 1.0
    assert given.first_errors == {}
    assert given.string_interval == binomial_interval(len(strings), len(strings))


def test_one_wrong_position_spoils_its_strings_alone(strings):
    found = language("d-3")
    prefix = (0, 0, 1)
    given = evaluate(
        Knows(found, mistaken=lambda given: given == prefix), make_task(found, "predict"), strings
    )
    spoiled = [tuple(map(int, string[:3])) == prefix for string in strings]
    assert any(spoiled)
    assert given.string_right.tolist() == [not wrong for wrong in spoiled]
    assert given.first_errors == {3: sum(spoiled)}


def test_recognition_counts_one_answer_a_string():
    found = language("parity")
    task = make_task(found, "recognise")
    strings = Strings.of([[1], [1, 1], [], [0, 1, 0], [1, 0, 0, 1]])
    model = LastSymbols(task.vocabulary, 1)
    model.table = torch.ones_like(model.table)  # says "member" always
    given = evaluate(model, task, strings)
    assert given.strings == given.positions == given.bits == (3, 5)
    assert given.string_right.tolist() == [False, True, True, False, True]
    assert given.by_class == {"0": (0, 2), "1": (3, 3)}


def test_states_are_classes():
    found = language("s3")
    task = make_task(found, "state")
    strings = Strings.of([[0, 1, 1, 0], [1, 1], [0]])  # longest first, as an evaluation reads
    states = torch.from_numpy(found.state_batch(strings)).long().clamp(min=0)

    class Says(nn.Module):
        def forward(self, tokens):
            return nn.functional.one_hot(states[:, : tokens.shape[1]], task.outputs).float()

    examples = task.encode(strings)
    given = evaluate_examples(Says(), OBJECTIVES["classes"], examples)
    assert given.string_accuracy == 1.0
    assert given.bits is None
    assert given.bit_accuracy is None
    assert sum(share.total for share in given.by_class.values()) == 5 + 3 + 2


def test_published_cross_entropy_counts_padding_in_file_order():
    """A pad that is mispredicted spoils its string; which pads there are depends on the batch."""
    lengths = np.array([3, 1, 2, 2], dtype=np.int32)
    real = np.arange(3) < lengths[:, None]
    targets = np.where(real, 1, 0)
    examples = Examples(targets, targets, real.astype(np.float32), lengths)

    class AlwaysOne(nn.Module):
        def forward(self, tokens):
            return torch.tensor([0.0, 1.0]).expand(*tokens.shape, 2)

    def right(batch_size):
        given = evaluate_examples(
            AlwaysOne(), OBJECTIVES["class-ce"], examples, batch_size=batch_size
        )
        return given.string_right.tolist()

    assert right(4) == [True, False, False, False]
    assert right(2) == [True, False, True, True]
    assert right(1) == [True, True, True, True]
    given = evaluate_examples(AlwaysOne(), OBJECTIVES["class-mse"], examples)
    assert given.string_accuracy == 1.0


@pytest.mark.parametrize("name", ["mamba", "lstm", "transformer"])
def test_batches_and_pieces_do_not_change_the_result(monkeypatch, name, strings):
    found = language("d-3")
    task = make_task(found, "predict")
    torch.manual_seed(0)
    model = build(name, task.vocabulary, task.outputs)
    whole = evaluate(model, task, strings)
    monkeypatch.setattr(metrics, "PIECE", 3)
    monkeypatch.setattr("starfree.training.batches.EVALUATION_POSITIONS", 40)
    parts = evaluate(model, task, strings)
    assert parts.string_right.tolist() == whole.string_right.tolist()
    assert parts.positions == whole.positions
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)


def test_evaluation_leaves_the_model_as_it_was(strings):
    task = make_task(language("d-3"), "predict")
    model = build("lstm", task.vocabulary, task.outputs)
    for training in (True, False):
        model.train(training)
        evaluate(model, task, strings)
        assert model.training is training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_no_strings_give_no_number():
    task = make_task(language("d-3"), "predict")
    given = evaluate(LastSymbols(task.vocabulary, task.outputs), task, Strings.of([]))
    assert given.strings == (0, 0)
    assert np.isnan(given.string_accuracy)
    assert given.by_length == given.by_class == given.first_errors == {}


def test_json_holds_plain_values_only(strings):
    import json

    found = language("d-3")
    task = make_task(found, "predict")
    model = LastSymbols(task.vocabulary, task.outputs)
    for given in (
        evaluate(model, task, strings, states=found.state_batch(strings)),
        evaluate(model, task, Strings.of([])),
    ):
        text = json.dumps(given.as_json(), allow_nan=False)
        assert json.loads(text)["n"] == given.strings.total
