"""Losses and answers against formulas written out in numpy, position by position."""

import numpy as np
import pytest
import torch

from starfree.errors import InputError
from starfree.training.objectives import OBJECTIVES, Batch, objective_of

LENGTHS, WIDTH, OUTPUTS = (5, 3, 1), 5, 4
REAL = np.arange(WIDTH) < np.array(LENGTHS)[:, None]


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(3, WIDTH, OUTPUTS, generator=generator, dtype=torch.float64)


def bits_batch():
    generator = torch.Generator().manual_seed(1)
    targets = torch.rand(3, WIDTH, OUTPUTS, generator=generator) < 0.5
    weights = torch.from_numpy(REAL.astype(np.float32))
    return Batch(torch.zeros(3, WIDTH, dtype=torch.int64), targets, weights)


def classes_batch():
    generator = torch.Generator().manual_seed(2)
    targets = torch.randint(1, OUTPUTS, (3, WIDTH), generator=generator)
    weights = torch.from_numpy(REAL.astype(np.float32))
    return Batch(targets, torch.where(weights > 0, targets, 0), weights)


def mean(name, logits, batch):
    total, count = OBJECTIVES[name].loss(logits, batch)
    return float(total / count)


def negative_log_softmax(row, wanted):
    return np.log(np.exp(row).sum()) - row[wanted]


def test_bits_is_cross_entropy_over_bits_of_real_positions(logits):
    batch = bits_batch()
    losses = []
    for i, length in enumerate(LENGTHS):
        for t in range(length):
            for j in range(OUTPUTS):
                p = 1 / (1 + np.exp(-float(logits[i, t, j])))
                losses.append(-np.log(p if batch.targets[i, t, j] else 1 - p))
    assert mean("bits", logits, batch) == pytest.approx(np.mean(losses))


def test_classes_is_cross_entropy_over_real_positions(logits):
    batch = classes_batch()
    losses = [
        negative_log_softmax(logits[i, t].numpy(), int(batch.targets[i, t]))
        for i, length in enumerate(LENGTHS)
        for t in range(length)
    ]
    assert mean("classes", logits, batch) == pytest.approx(np.mean(losses))


def test_published_squared_error_divides_by_padding_too(logits):
    batch = classes_batch()
    masked = logits.numpy() * REAL[..., None]
    wanted = np.eye(OUTPUTS)[batch.targets.numpy()] * REAL[..., None]
    assert mean("class-mse", logits, batch) == pytest.approx(np.mean((masked - wanted) ** 2))


def test_published_cross_entropy_asks_for_the_padding_as_class_zero(logits):
    batch = classes_batch()
    losses = [
        negative_log_softmax(logits[i, t].numpy(), int(batch.targets[i, t]) if REAL[i, t] else 0)
        for i in range(3)
        for t in range(WIDTH)
    ]
    assert mean("class-ce", logits, batch) == pytest.approx(np.mean(losses))
    assert OBJECTIVES["class-ce"].counted(batch).all()


@pytest.mark.parametrize("name", ["bits", "classes", "class-mse"])
def test_nothing_on_padding_changes_the_loss(name, logits):
    batch = bits_batch() if name == "bits" else classes_batch()
    before = mean(name, logits, batch)
    logits[~torch.from_numpy(REAL)] = 17.0
    assert mean(name, logits, batch) == before
    assert np.array_equal(OBJECTIVES[name].counted(batch).numpy(), REAL)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_parts_of_a_batch_add_up(name, logits):
    batch = bits_batch() if name == "bits" else classes_batch()
    total, count = OBJECTIVES[name].loss(logits, batch)
    parts = [
        OBJECTIVES[name].loss(
            logits[:, low:high],
            Batch(*(t[:, low:high] for t in (batch.inputs, batch.targets, batch.weights))),
        )
        for low, high in ((0, 2), (2, WIDTH))
    ]
    assert float(sum(part for part, _ in parts)) == pytest.approx(float(total))
    assert float(sum(part for _, part in parts)) == float(count)


def test_right_needs_every_bit_on_its_side_of_zero():
    targets = torch.tensor([[[True, False], [True, False], [True, False], [False, False]]])
    batch = Batch(torch.zeros(1, 4, dtype=torch.int64), targets, torch.ones(1, 4))
    answers = torch.tensor([[[0.1, -0.1], [0.1, 0.1], [0.0, -1.0], [0.0, -0.1]]])
    assert OBJECTIVES["bits"].right(answers, batch).tolist() == [[True, False, False, True]]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_is_not_a_finite_number_is_never_right(name, bad):
    targets = torch.tensor([[[True, False]]]) if name == "bits" else torch.tensor([[0]])
    batch = Batch(torch.zeros(1, 1, dtype=torch.int64), targets, torch.ones(1, 1))
    assert OBJECTIVES[name].right(torch.tensor([[[1.0, -1.0]]]), batch).all()
    assert not OBJECTIVES[name].right(torch.tensor([[[1.0, bad]]]), batch).any()


def test_an_unknown_objective_is_named():
    with pytest.raises(InputError, match="'mse' is unknown; choose one of bits, classes, class-m"):
        objective_of("mse")
