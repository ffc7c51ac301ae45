"""A checkpoint is whole or not there, and damage is noticed."""

import pytest
import torch
from torch import nn

from starfree.errors import StarfreeError
from starfree.training.checkpoint import (
    gather_tensors,
    read_checkpoint,
    restore_tensors,
    write_checkpoint,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


def test_what_is_written_is_read(path):
    tensors = {
        "a": torch.randn(2, 3, dtype=torch.float64),
        "scalar": torch.tensor(3.0),
        "turned": torch.randn(3, 2).t(),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "empty": torch.zeros(0, 4),
    }
    tensors["tied"] = tensors["a"]
    state = {"step": 3, "curve": [{"loss": None}], "name": "ä"}
    write_checkpoint(path, tensors, state)
    read, read_state = read_checkpoint(path)
    assert read_state == state
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())


def test_no_file_is_no_checkpoint(path):
    assert read_checkpoint(path) is None


def test_every_damaged_byte_is_noticed(path):
    write_checkpoint(path, {"a": torch.randn(4), "b": torch.randn(2)}, {"step": 12})
    content = path.read_bytes()
    for position in range(8, len(content)):
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
        )
        with pytest.raises(StarfreeError, match="delete it to train from the start"):
            read_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"abc", b"\x00" * 100, b"{}" * 50])
def test_what_is_no_checkpoint_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(StarfreeError, match="not a readable checkpoint; delete it"):
        read_checkpoint(path)


def test_half_a_file_is_refused(path):
    write_checkpoint(path, {"a": torch.randn(100)}, {"step": 1})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StarfreeError, match="not a readable checkpoint"):
        read_checkpoint(path)


def test_model_optimiser_and_generator_come_back():
    def made():
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        return model, torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)

    def steps(model, optimiser, count):
        for _ in range(count):
            optimiser.zero_grad()
            model(torch.ones(8, 3)).square().sum().backward()
            optimiser.step()
        return [parameter.detach().clone() for parameter in model.parameters()]

    torch.manual_seed(5)
    model, optimiser = made()
    steps(model, optimiser, 3)
    tensors = {name: tensor.clone() for name, tensor in gather_tensors(model, optimiser).items()}
    wanted = steps(model, optimiser, 4)
    torch.manual_seed(6)
    other, other_optimiser = made()
    restore_tensors(tensors, other, other_optimiser)
    assert all(map(torch.equal, steps(other, other_optimiser, 4), wanted))
