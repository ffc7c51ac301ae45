"""The registry: options are checked, and a user's own model is loaded or refused clearly."""

import sys

import pytest
import torch

from starfree.errors import InputError
from starfree.models.model import MODELS, build, check_options, load_builder


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("rwkv", {}, "model 'rwkv' is unknown; choose one of mamba, transformer, lstm"),
        ("mamba", {"d_mode": 3}, "model mamba: option `d_mode` is unknown; allowed: layers, d_"),
        ("mamba", {"layers": 0}, "option `layers` is 0: input should be greater than or equal"),
        ("mamba", {"layers": "2"}, "option `layers` is '2': input should be a valid integer"),
        ("mamba", {"norm": "batch"}, "option `norm` is 'batch': input should be 'rms' or 'layer'"),
        ("transformer", {"heads": 5}, "transformer: `heads` 5 does not divide `d_model` 64"),
        ("transformer", {"position": "rotary", "d_model": 12}, "needs an even `d_model` / `heads`"),
        ("transformer", {"position": "sinusoidal", "d_model": 3, "heads": 1}, "an even `d_model`"),
        ("lstm", {"heads": 1}, "model lstm: option `heads` is unknown; allowed: layers, d_model"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(name, options, said):
    with pytest.raises(InputError) as caught:
        build(name, 4, 3, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", MODELS)
def test_every_default_is_explicit(name):
    options = check_options(name, {})
    assert check_options(name, options.model_dump()) == options


def test_learned_positions_end_with_a_clear_message():
    model = build("transformer", 4, 3, position="learned", max_length=6)
    assert model(torch.zeros(1, 6, dtype=torch.int64)).shape == (1, 6, 3)
    with pytest.raises(InputError, match=r"7 positions.*ends at 6.*max_length"):
        model(torch.zeros(1, 7, dtype=torch.int64))


USER_MODULE = """
import torch
from torch import nn

class Echo(nn.Module):
    def __init__(self, vocabulary, outputs, width=8):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.head = nn.Linear(width, outputs)

    def forward(self, tokens):
        return self.head(self.embedding(tokens))

def build(vocabulary, outputs):
    return Echo(vocabulary, outputs)

def wide(vocabulary, outputs, width):
    return Echo(vocabulary, outputs, width)

def no_module(vocabulary, outputs):
    return 3

def wrong_shape(vocabulary, outputs):
    return Echo(vocabulary, outputs + 1)

def no_tensor(vocabulary, outputs):
    return nn.LSTM(3, 3)

def fails(vocabulary, outputs):
    raise RuntimeError("first line\\nsecond line")

not_a_function = 3
"""


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    (tmp_path / "starfree_user_model.py").write_text(USER_MODULE)
    (tmp_path / "starfree_broken_model.py").write_text("import nowhere_to_be_found")
    (tmp_path / "starfree_failing_model.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith("starfree_")]:
        del sys.modules[name]


@pytest.mark.usefixtures("user_module")
def test_a_users_model_is_loaded_from_the_current_folder():
    path = list(sys.path)
    model = build("starfree_user_model:build", 5, 2)
    assert model(torch.zeros(3, 4, dtype=torch.int64)).shape == (3, 4, 2)
    assert model.training
    assert load_builder("starfree_user_model:build")(5, 2).head.out_features == 2
    assert sys.path == path


@pytest.mark.usefixtures("user_module")
def test_options_reach_a_users_function():
    assert build("starfree_user_model:wide", 5, 2, width=11).head.in_features == 11


@pytest.mark.usefixtures("user_module")
@pytest.mark.parametrize(
    ("reference", "options", "said"),
    [
        ("starfree_user_model:", {}, "is not of the form package.module:function"),
        (":build", {}, "is not of the form package.module:function"),
        ("starfree_missing:build", {}, "no module 'starfree_missing'"),
        ("starfree_broken_model:build", {}, "no module 'nowhere_to_be_found'"),
        ("starfree_failing_model:build", {}, "failed with ZeroDivisionError: division by zero"),
        ("starfree_user_model:absent", {}, "has no function absent"),
        ("starfree_user_model:not_a_function", {}, "not_a_function is no function (vocab"),
        ("starfree_user_model:build", {"width": 3}, "called as (vocabulary, outputs, width=...)"),
        ("starfree_user_model:no_module", {}, "returned int, not an nn.Module"),
        ("starfree_user_model:wrong_shape", {}, "gave (2, 3, 3), not a tensor (2, 3, 2)"),
        ("starfree_user_model:no_tensor", {}, "forward of int64 tokens [2, 3] failed with"),
        ("starfree_user_model:fails", {}, "failed with RuntimeError: first line"),
    ],
)
def test_a_users_model_that_cannot_be_used_is_refused_in_one_line(reference, options, said):
    with pytest.raises(InputError) as caught:
        build(reference, 5, 2, **options)
    assert said in str(caught.value)
    assert reference in str(caught.value)
    assert "\n" not in str(caught.value)
