"""Layer strings, and what of them is refused."""

import pytest
import torch

from starfree.errors import InputError
from starfree.models.hybrid import LAYERS, AttentionLayer, parse_blocks
from starfree.models.mamba import Mixer
from starfree.models.model import build


def test_the_string_names_the_layers():
    model = build(
        "hybrid", 4, 3, blocks=" mamba attention(heads=2,position = rotary)mamba ", d_model=16
    )
    first, middle, last = model.layers
    assert isinstance(first, Mixer)
    assert isinstance(last, Mixer)
    assert isinstance(middle, AttentionLayer)
    assert (middle.heads, middle.rotary) == (2, True)


@pytest.mark.parametrize("name", list(LAYERS))
def test_every_layer_can_be_mixed_in(name):
    torch.manual_seed(0)
    model = build("hybrid", 4, 3, blocks=f"{name} mamba", d_model=16)
    assert model(torch.zeros(2, 5, dtype=torch.int64)).shape == (2, 5, 3)


def test_options_have_their_types():
    ((_, options),) = parse_blocks("mamba(d_state=8, recurrence=false)", 16)
    assert (options.d_model, options.d_state, options.recurrence) == (16, 8, False)


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ("", "names no layer; choose from mamba, mamba2"),
        ("mamba + attention", "cannot read '\\+ attention'"),
        ("mamba rwkv", "layer 'rwkv' is unknown; choose from mamba, mamba2"),
        ("attention(heads=3)", "layer attention: `heads` 3 does not divide `d_model` 16"),
        ("attention(heads)", "'heads' is no option=value \\(options: heads, position\\)"),
        ("mamba(layers=2)", "'layers=2' is no option=value \\(options: d_state, d_conv"),
        ("mlp(heads=2)", "it has no options"),
        ("mamba(gates=odd)", "layer mamba: gates: Input should be 'positive' or 'signed'"),
        ("mamba(d_state=x)", "layer mamba: d_state: Input should be a valid integer"),
    ],
)
def test_refused(blocks, said):
    with pytest.raises(InputError, match=said):
        build("hybrid", 4, 3, blocks=blocks, d_model=16)
