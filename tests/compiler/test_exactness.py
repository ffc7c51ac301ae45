"""Compiled Mambas on long adversarial strings, in transformers, and in its `generate`."""

import numpy as np
import pytest
import torch

from starfree.compiler.compile import compile
from starfree.compiler.folder import open_folder, save
from starfree.languages.catalog import language
from starfree.models.transformers_cache import open_transformers
from starfree.verification.certificate import certify

SUITE = (
    *("tomita-1", "tomita-2", "tomita-4", "tomita-7", "d-2", "d-3", "d-4", "d-12", "aabbccddee"),
    *("ab-d-bc", "012-02", "flipflop"),
)
LARGE = ("dyck-2-4", "dyck-8-3")
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
CHUNK = 20_000


def adversarial(spoken, length, seed=0):
    """A prefix of a member: short random walks, each followed by one short cycle said many times.

    The cycles end in the state that they began in: they are what has to be ignored.
    """
    generator = np.random.default_rng(seed)
    rows = spoken.automaton.transitions
    state, tokens = spoken.automaton.start, []
    while len(tokens) < length:
        for _ in range(int(generator.integers(1, 12))):
            choices = np.flatnonzero(rows[state] >= 0)
            if not len(choices):
                return tokens
            tokens.append(int(generator.choice(choices)))
            state = rows[state, tokens[-1]]
        cycles = [word for word in _words(rows, state, 4) if word[0] == state]
        if cycles:
            _, word = cycles[generator.integers(len(cycles))]
            tokens += word * int(generator.integers(1, max(2, length // 4 // len(word))))
    return tokens[:length]


def _words(rows, state, longest):
    """(where it leads, word) of all live words up to a length."""
    layer = [(state, [])]
    for _ in range(longest):
        layer = [
            (rows[at, letter], [*word, letter])
            for at, word in layer
            for letter in range(rows.shape[1])
            if rows[at, letter] >= 0
        ]
        yield from layer


def right_logits(spoken, tokens):
    """+8 where a symbol is legal, else -8, and -8 for `^`."""
    legal = torch.from_numpy(spoken.legal(np.array(tokens, dtype=np.int64)))
    legal = torch.cat([legal, torch.zeros(len(legal), 1, dtype=torch.bool)], dim=1)
    return torch.where(legal, 8.0, -8.0)


def saved(name, folder, **how):
    spoken = language(name)
    made = compile(spoken, **how)
    save(made, folder, certify(made.model, spoken, max_states=10))
    return spoken


def check_transformers(name, length, folder, dtypes=DTYPES):
    spoken = saved(name, folder)
    tokens = adversarial(spoken, length)
    read = torch.tensor([[len(spoken.alphabet) + 1, *tokens]])
    for dtype in dtypes:
        model = open_transformers(folder).theirs.to(dtype)
        with torch.inference_mode():
            logits = model(read).logits[0].float()
        assert torch.equal(logits, right_logits(spoken, tokens))


@pytest.mark.parametrize("name", ["flipflop", "d-2"])
def test_transformers_is_exact(name, tmp_path):
    check_transformers(name, 500, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("name", SUITE)
def test_transformers_is_exact_at_length_10_000(name, tmp_path):
    check_transformers(name, 10_000, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("name", LARGE)
def test_transformers_is_exact_on_large_languages(name, tmp_path):
    check_transformers(name, 2_000, tmp_path, [torch.float32])


def check_fast_path(name, length, folder):
    spoken = saved(name, folder)
    tokens = adversarial(spoken, length, seed=1)
    model = open_folder(folder).model
    read = torch.tensor([len(spoken.alphabet) + 1, *tokens])
    right = right_logits(spoken, tokens)
    state = model.initial_state(1)
    with torch.inference_mode():
        for some, wanted in zip(read.split(CHUNK), right.split(CHUNK), strict=True):
            logits, state = model.advance(some[None], state)
            assert torch.equal(logits[0], wanted)


@pytest.mark.parametrize("name", SUITE)
def test_the_fast_path_is_exact(name, tmp_path):
    check_fast_path(name, 10_000, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("name", SUITE)
def test_the_fast_path_is_exact_at_length_1_000_000(name, tmp_path):
    check_fast_path(name, 1_000_000, tmp_path)


@pytest.mark.parametrize("name", ["d-3", "flipflop", "dyck-2-2"])
def test_what_transformers_generates_is_a_member(name, tmp_path):
    """Sampled at temperature 1: an illegal symbol has e^-16 of a legal one's chance."""
    from transformers import AutoTokenizer

    spoken = saved(name, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.padding_side = "left"
    model = open_transformers(tmp_path).theirs
    starts = [""] * 6 + [spoken.decode(adversarial(spoken, length)) for length in (1, 2, 3, 9)]
    asked = tokenizer(starts, return_tensors="pt", padding=True)
    torch.manual_seed(0)
    made = model.generate(**asked, do_sample=True, temperature=1.0, top_k=0, max_new_tokens=60)
    members = 0
    for row, start in zip(made, starts, strict=True):
        text = tokenizer.decode(row, skip_special_tokens=True)
        assert text.startswith(start)
        tokens = spoken.encode(text)
        legal = spoken.legal(tokens)
        assert legal[-1].any()  # the prefix of a member at least, where length ran out
        if tokenizer.eos_token_id in row[-1:].tolist() or len(tokens) < 60:
            assert spoken.accepts(tokens)
            members += 1
    assert members >= 5


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "noise"), [("d-12", 1e-4), ("flipflop", 1e-3), ("dyck-2-3", 1e-3)]
)
@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
def test_the_robust_form_withstands(name, noise, epsilon):
    """Relative noise on every weight, and the default or a larger epsilon in every norm."""
    spoken = language(name)
    model = compile(spoken, precision="robust").model
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1 + noise * torch.randn(parameter.shape, generator=generator))
        for module in model.modules():
            if isinstance(module, torch.nn.RMSNorm):
                module.eps = epsilon
    tokens = adversarial(spoken, 20_000, seed=2)
    with torch.inference_mode():
        logits = model(torch.tensor([[len(spoken.alphabet) + 1, *tokens]]))[0]
    right = right_logits(spoken, tokens)
    assert torch.equal(logits > 0, right > 0)
    assert logits.abs().min() > 7
