"""Counter languages in genuine Mamba weights, against their definitions and `transformers`."""

import numpy as np
import pytest
import torch

from starfree.compiler.compile import compile
from starfree.compiler.folder import open_folder, save
from starfree.data.sampling import sample
from starfree.languages.catalog import language
from starfree.models.mamba import Mamba
from starfree.verification.certificate import certify

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
COUNTERS = (
    *("dyck-1", "shuffle-2", "shuffle-4", "shuffle-6", "boolean-3", "boolean-5"),
    *("anbn", "anbncn", "anbncndn"),
)


def right(model, spoken, word):
    read = torch.tensor([[spoken.begin, *map(int, word)]])
    with torch.inference_mode():
        logits = model(read)[0].float()
    assert not (logits[:, spoken.begin] > 0).any()
    return np.array_equal((logits[:, : spoken.end + 1] > 0).numpy(), spoken.legal(word))


def deep_dyck(depth):
    """All the way up, then down to 0 with a pair opened and closed on the way."""
    return [0] * depth + [1] * (depth // 2) + [0, 1] + [1] * (depth - depth // 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", COUNTERS)
def test_one_layer_of_mamba_counts(name, dtype):
    spoken = language(name)
    model = compile(spoken, "mamba").model.to(dtype)
    assert isinstance(model, Mamba)
    assert len(model.layers) == 1
    for low, high in ((1, 20), (100, 120)):
        strings = sample(spoken, low, high, 3, seed=1)
        for row, size in zip(strings.tokens, strings.lengths, strict=True):
            assert right(model, spoken, row[:size])


def test_dyck_1_takes_a_stream_of_8_and_an_underflowing_rate():
    model = compile(language("dyck-1"), "mamba").model
    assert model.options.d_model == 8
    assert (model.layers[0].mixer.A_log == -110).all()


@pytest.mark.parametrize(("dtype", "depth"), [(torch.float32, 10_000), (torch.float16, 2_000)])
def test_deep_strings_are_counted(dtype, depth):
    spoken = language("dyck-1")
    word = deep_dyck(depth)
    assert spoken.accepts(word)
    assert right(compile(spoken, "mamba").model.to(dtype), spoken, word)


@pytest.mark.parametrize("name", ["dyck-1", "anbncn", "boolean-3"])
def test_transformers_gives_the_same_signs(name, tmp_path):
    transformers = pytest.importorskip("transformers")
    spoken = language(name)
    made = compile(spoken, "mamba")
    save(made, tmp_path, certify(made.model, spoken))
    theirs = transformers.MambaForCausalLM.from_pretrained(tmp_path).eval()
    ours = open_folder(tmp_path).model
    (length,) = [size for size in range(150, 160) if spoken.count(size)][:1]
    words = spoken.draw(length, 3, np.random.default_rng(0))
    read = torch.tensor([[spoken.begin, *word] for word in words.tolist()])
    with torch.inference_mode():
        signs = theirs(read).logits > 0
        assert torch.equal(signs, ours(read) > 0)
    for word, row in zip(words, signs.numpy()[:, :, : spoken.end + 1], strict=True):
        assert np.array_equal(row, spoken.legal(word))


@pytest.mark.full
def test_transformers_counts_to_a_depth_of_10_000(tmp_path):
    transformers = pytest.importorskip("transformers")
    spoken = language("dyck-1")
    made = compile(spoken, "mamba")
    save(made, tmp_path, certify(made.model, spoken))
    theirs = transformers.MambaForCausalLM.from_pretrained(tmp_path).eval()
    word = deep_dyck(10_000)
    with torch.inference_mode():
        logits = theirs(torch.tensor([[spoken.begin, *word]])).logits[0]
    assert np.array_equal((logits[:, :3] > 0).numpy(), spoken.legal(word))


@pytest.mark.parametrize("name", COUNTERS)
def test_the_certificate_names_the_range(name):
    spoken = language(name)
    found = certify(compile(spoken, "mamba").model, spoken)
    assert (found.status, found.method, found.reading) == ("PROVEN_UP_TO", "inductive", "sign")
    assert "only the logits' signs are claimed" in found.covers
    step = {"boolean-3": 2, "boolean-5": 4}.get(name, 1)
    assert found.length == (2**24 - 1) // step + (step == 1)
