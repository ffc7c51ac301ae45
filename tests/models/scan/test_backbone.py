"""A whole Mamba as one operation against the naive one."""

import math
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from scan_oracles import (
    converted,
    leaves,
    naive_mamba,
    naive_mixer,
    random_parameters,
    relative,
)
from torch.nn import functional as F

from starfree.models.scan import backbone, library
from starfree.models.scan.backbone import LayerParameters, Shape
from starfree.models.scan.step import AdamW, TrainStep

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(library.library() is None, reason="no compiled kernels here"),
]
SMALL = Shape(2, 12, 24, 4, 4, 1, 5, 3, False, 1e-5)
ODD = Shape(2, 19, 37, 7, 3, 2, 5, 4, True, 1e-5)
SIGNED = ODD._replace(signed=True)


def sample(shape: Shape, batch: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(shape.vocabulary, (batch, length))
    lengths = torch.randint(1, length + 1, (batch,))
    lengths[0] = length
    return tokens, lengths


def compare(shape: Shape, batch: int, length: int, dtype: torch.dtype, bound: float) -> None:
    truth = random_parameters(shape)
    ours = converted(truth, dtype)
    tokens, lengths = sample(shape, batch, length)
    real = torch.arange(length) < lengths[:, None]
    expected = naive_mamba(tokens, shape, truth)
    logits = backbone.backbone(tokens, lengths, shape, ours)
    assert relative(logits[real], expected[real]) < bound
    assert bool((logits[~real] == 0).all())
    cotangent = torch.randn_like(expected) * real[..., None]
    (expected * cotangent).sum().backward()
    (logits * cotangent.to(dtype)).sum().backward()
    for mine, right in zip(leaves(ours), leaves(truth), strict=True):
        assert relative(mine.grad, right.grad) < 10 * bound


@pytest.mark.parametrize("length", [1, 2, 3, 17, 63, 100])
@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("shape", [SMALL, ODD, SIGNED], ids=["small", "odd", "signed"])
def test_logits_and_gradients(shape: Shape, batch: int, length: int) -> None:
    torch.manual_seed(length)
    compare(shape, batch, length, torch.float64, 1e-13)
    compare(shape, batch, length, torch.float32, 2e-6)


def test_step_sizes_of_a_higher_rank_than_channels() -> None:
    torch.manual_seed(0)
    shape = Shape(2, 6, 3, 2, 2, 20, 5, 3, False, 1e-5)
    compare(shape, 3, 20, torch.float64, 1e-13)
    compare(shape, 3, 20, torch.float32, 2e-6)


def test_long_sequences_span_several_blocks() -> None:
    torch.manual_seed(0)
    compare(SMALL, 2, 1000, torch.float64, 1e-12)


@pytest.fixture
def poison() -> Iterator[None]:
    """New memory holds NaN: torch's by its own switch, the kernels' by a run with NaN weights."""
    torch.use_deterministic_algorithms(True)
    assert bool(torch.empty(3).isnan().all())
    rotten = converted(random_parameters(ODD), torch.float32)
    for tensor in leaves(rotten):
        tensor.data.fill_(float("nan"))
    tokens, lengths = sample(ODD, 9, 400)
    backbone.backbone(tokens, lengths, ODD, rotten).sum().backward()
    backbone.stream(tokens, lengths, ODD, rotten)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("length", [1, 17, 300])
def test_nothing_is_read_before_it_is_written(length: int, poison: None) -> None:
    torch.manual_seed(length)
    for shape in (SMALL, ODD):
        compare(shape, 3, length, torch.float32, 2e-6)
        parameters = converted(random_parameters(shape), torch.float32)
        tokens, lengths = sample(shape, 3, length)
        step = TrainStep(shape, parameters, "bits")
        legal, weights = torch.rand(3, length, shape.outputs) < 0.5, torch.ones(3, length)
        assert math.isfinite(step(tokens, legal, weights, lengths, AdamW(1e-3)))
        assert all(bool(p.isfinite().all()) for p in leaves(parameters))


def test_a_few_tokens_are_projected_like_many() -> None:
    """No table of tokens is made for as few positions as there are tokens: the same bits."""
    torch.manual_seed(0)
    parameters = converted(random_parameters(SMALL), torch.float32)
    tokens, _ = sample(SMALL, 1, 30)
    whole = backbone.backbone(tokens, None, SMALL, parameters)
    state = backbone.stream_state(1, SMALL, parameters)
    for t in range(30):
        step = backbone.stream(tokens[:, t : t + 1], None, SMALL, parameters, state)
        assert torch.equal(step[:, 0], whole[:, t])
    few, many = sample(SMALL, 1, SMALL.vocabulary)[0], sample(SMALL, 4, 50)[0]
    many[0, : SMALL.vocabulary] = few
    gradients = []
    for batch in (few, many):
        given = converted(parameters, torch.float64)
        logits = backbone.backbone(batch, None, SMALL, given)
        logits[0, : SMALL.vocabulary].square().sum().backward()
        gradients.append([leaf.grad for leaf in leaves(given)])
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-12)


MILLION = """
import resource, torch
from scan_oracles import converted, random_parameters
from starfree.models.scan import backbone
shape = backbone.Shape(1, 16, 32, 16, 4, 1, 5, 2, False, 1e-5)
parameters = converted(random_parameters(shape), torch.float32)
tokens = torch.randint(5, (1, 1_000_000))
backbone.stream(tokens[:, :1000], None, shape, parameters)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
logits = backbone.stream(tokens, None, shape, parameters)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert bool(logits.isfinite().all())
print((after - before) / 1024 - logits.numel() * 4 / 2**20)
"""


@pytest.mark.full
def test_memory_does_not_grow_with_length() -> None:
    """A million symbols: not 8 MB beyond the logits (the rows of one layer would be 2 GB)."""
    done = subprocess.run(
        [sys.executable, "-c", MILLION],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 8


@pytest.mark.parametrize(
    "count", [10, pytest.param(200, marks=pytest.mark.full)], ids=["10", "200"]
)
def test_random_shapes(count: int) -> None:
    draw = random.Random(5)
    torch.manual_seed(5)
    for _ in range(count):
        sizes = [draw.randint(1, 3), *(draw.randint(2, 40) for _ in range(2)), draw.randint(1, 18)]
        taps, rank, outputs = draw.randint(1, 6), draw.randint(1, 4), draw.randint(1, 40)
        flags = [draw.random() < 0.5 for _ in range(2)]
        shape = Shape(*sizes, taps, rank, 5, outputs, flags[0], 1e-5, flags[1])
        # LayerNorm makes two channels +1 and -1 whatever they were: their gradients cancel
        bound = 1e-9 if shape.layer_norm and shape.d_model == 2 else 1e-12
        compare(shape, draw.randint(1, 6), draw.randint(1, 30), torch.float64, bound)


def test_mixer_gradcheck() -> None:
    torch.manual_seed(0)
    layer = random_parameters(Shape(1, 3, 4, 2, 3, 1, 2, 2, False, 1e-5)).layers[0]
    x = torch.randn(2, 10, 3, dtype=torch.float64, requires_grad=True)
    assert relative(backbone.mixer(x, layer), naive_mixer(x, layer)) < 1e-13

    def run(x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        return backbone.mixer(x, LayerParameters(None, None, *weights))

    weights = [tensor.detach().requires_grad_() for tensor in layer[2:] if tensor is not None]
    assert torch.autograd.gradcheck(run, (x, *weights))


def test_no_worse_than_the_float32_reference() -> None:
    """Gradients' distance to float64: at most 1.5 times that of float32 autograd."""
    torch.manual_seed(7)
    shape = Shape(2, 32, 64, 16, 4, 2, 5, 4, False, 1e-5)
    truth = random_parameters(shape)
    plain, ours = converted(truth, torch.float32), converted(truth, torch.float32)
    tokens, _ = sample(shape, 4, 60)
    outputs = [
        naive_mamba(tokens, shape, truth),
        naive_mamba(tokens, shape, plain),
        backbone.backbone(tokens, None, shape, ours),
    ]
    cotangent = torch.randn_like(outputs[0])
    for logits in outputs:
        (logits * cotangent.to(logits.dtype)).sum().backward()
    right = [p.grad for p in leaves(truth)]
    worst = [
        max(relative(p.grad, g) for p, g in zip(leaves(ps), right, strict=True))
        for ps in (plain, ours)
    ]
    assert worst[1] <= 1.5 * worst[0]


@pytest.mark.parametrize("shape", [SMALL, ODD], ids=["small", "odd"])
def test_a_string_does_not_feel_its_batch_nor_its_chunks(shape: Shape) -> None:
    torch.manual_seed(1)
    parameters = converted(random_parameters(shape), torch.float32)
    tokens, lengths = sample(shape, 7, 400)
    together = backbone.stream(tokens, lengths, shape, parameters)
    assert torch.equal(together, backbone.backbone(tokens, lengths, shape, parameters))
    for i, n in enumerate(lengths.tolist()):
        alone = backbone.stream(tokens[i : i + 1, :n], None, shape, parameters)
        assert torch.equal(alone[0], together[i, :n])
    state = backbone.stream_state(7, shape, parameters)
    cuts = [0, 1, 2, 3, 40, 47, 300, 400]
    parts = [
        backbone.stream(tokens[:, low:high], None, shape, parameters, state)
        for low, high in pairwise(cuts)
    ]
    whole = backbone.stream(tokens, None, shape, parameters)
    assert torch.equal(torch.cat(parts, dim=1), whole)


def test_threads_change_neither_results_nor_torch() -> None:
    torch.manual_seed(2)
    tokens, lengths = sample(SMALL, 9, 90)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            parameters = converted(random_parameters(SMALL), torch.float32)
            logits = backbone.backbone(tokens, lengths, SMALL, parameters)
            logits.square().sum().backward()
            assert torch.get_num_threads() == threads
            results.append([logits, *(p.grad for p in leaves(parameters))])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def loss_of(
    objective: str, logits: torch.Tensor, targets: torch.Tensor, w: torch.Tensor
) -> torch.Tensor:
    if objective == "bits":
        each = F.binary_cross_entropy_with_logits(logits, targets.to(logits), reduction="none")
        each = each.mean(-1)
    elif objective == "class-ce":
        each = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    else:
        each = (logits - F.one_hot(targets, logits.shape[-1])).square().mean(-1)
    return (each * w).sum() / w.sum()


@pytest.mark.parametrize("objective", ["bits", "class-ce", "class-mse"])
def test_training_steps_are_torchs(objective: str) -> None:
    torch.manual_seed(3)
    shape = SMALL
    truth = random_parameters(shape)
    ours = converted(truth, torch.float64)
    tokens, lengths = sample(shape, 6, 25)
    weights = (torch.arange(25) < lengths[:, None]).double() * torch.rand(6, 25).double()
    targets = (
        torch.rand(6, 25, shape.outputs) < 0.5
        if objective == "bits"
        else torch.randint(shape.outputs, (6, 25))
    )
    groups = [{"params": [p], "weight_decay": 0.1 * (i % 2)} for i, p in enumerate(leaves(truth))]
    optimiser = torch.optim.AdamW(groups, lr=1e-2)
    step = TrainStep(shape, ours, objective, [0.1 * (i % 2) for i in range(len(groups))])
    for _ in range(4):
        optimiser.zero_grad()
        loss = loss_of(objective, naive_mamba(tokens, shape, truth), targets, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(leaves(truth), 0.5)
        optimiser.step()
        mine = step(tokens, targets, weights, lengths, AdamW(1e-2, clip=0.5))
        assert mine == pytest.approx(float(loss.detach()), rel=1e-10)
    for a, b in zip(leaves(ours), leaves(truth), strict=True):
        assert relative(a, b) < 1e-9


@pytest.mark.parametrize("bad", [-1, 5, 1 << 40])
def test_tokens_out_of_range_are_refused(bad: int) -> None:
    parameters = converted(random_parameters(SMALL), torch.float32)
    tokens = torch.tensor([[0, bad]])
    with pytest.raises(ValueError, match="out of range"):
        backbone.stream(tokens, None, SMALL, parameters)
    backbone.stream(tokens, torch.tensor([1]), SMALL, parameters)


def test_shapes_are_known_without_data() -> None:
    parameters = converted(random_parameters(SMALL), torch.float32)
    tokens, lengths = sample(SMALL, 3, 12)
    given, present = backbone._given(parameters.flat())
    sizes = [*map(float, SMALL)]
    # Not the test that compares every number of two runs: the rows saved for the backward have
    # gaps, which hold anything.
    torch.library.opcheck(
        torch.ops.starfree.backbone.default,
        (tokens, lengths, given, present, sizes, False),
        test_utils=("test_schema", "test_autograd_registration", "test_faketensor"),
    )
