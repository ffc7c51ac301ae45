"""Compiled Mamba weights against the languages' definitions, and against transformers."""

import warnings

import numpy as np
import pytest
import torch

from starfree.algebra.cascade import cascade
from starfree.algebra.circuits import circuit
from starfree.algebra.refusals import NotStarFree
from starfree.compiler.folder import open_folder, save
from starfree.compiler.to_mamba import to_mamba
from starfree.data.sampling import sample
from starfree.errors import InputError
from starfree.languages.automaton import Automaton
from starfree.languages.catalog import language
from starfree.languages.regular import RegularLanguage
from starfree.verification.certificate import certify

SMALL = (
    *("tomita-1", "tomita-2", "tomita-4", "tomita-7", "d-2", "d-3", "d-4", "aabbccddee"),
    *("ab-d-bc", "012-02", "flipflop", "dyck-2-4"),
)
EDGES = (
    *(
        "regex:a*@a,b",
        "regex:~(.*)@a",
        "regex:()@a",
        "regex:a|b|aa",
        "regex:aaa",
        "regex:(ab)*@a,b,c",
    ),
    *("pltl:(!b) S a", "dyck-2-2"),
)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def transformers_model(folder, dtype=torch.float32):
    from transformers import MambaForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MambaForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def wrong_bits(model, spoken, tokens):
    """How many bits of the legal sets the model gets wrong on a prefix of members; its logits."""
    letters = len(spoken.alphabet)
    with torch.inference_mode():
        given = model(torch.tensor([[letters + 1, *tokens]]))
    logits = getattr(given, "logits", given)[0].float()
    right = torch.from_numpy(spoken.legal(np.asarray(tokens)))
    return int(((logits[:, : letters + 1] > 0) != right).sum()), logits


@pytest.mark.parametrize("precision", ["exact", "robust"])
@pytest.mark.parametrize("name", SMALL + EDGES)
def test_star_free_languages_are_proven(name, precision):
    spoken = language(name)
    found = certify(to_mamba(circuit(spoken), precision).model, spoken)
    assert found.status == "PROVEN_ALL_LENGTHS"
    assert found.arithmetic.startswith("float32, exact")
    assert found.margin in (8.0, None)


@pytest.mark.full
@pytest.mark.parametrize("depth", [5, 6, 7, 8, 9, 10, 11])
def test_each_depth_is_proven(depth):
    spoken = language(f"d-{depth}")
    found = certify(to_mamba(circuit(spoken)).model, spoken)
    assert (found.status, found.margin) == ("PROVEN_ALL_LENGTHS", 8.0)


@pytest.mark.full
@pytest.mark.parametrize("precision", ["exact", "robust"])
@pytest.mark.parametrize("name", ["d-12", "dyck-8-3"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_large_languages_are_proven(name, precision, dtype):
    spoken = language(name)
    found = certify(to_mamba(circuit(spoken), precision).model.to(dtype), spoken)
    assert found.status == "PROVEN_ALL_LENGTHS"
    assert found.margin == 8.0


@pytest.mark.parametrize("name", ["tomita-4", "d-2", "flipflop", "regex:a|b|aa"])
def test_recognisers_are_proven_on_all_strings(name):
    spoken = language(name)
    made = to_mamba(cascade(spoken.automaton, "recogniser", "nonnegative"))
    assert certify(made.model, spoken, domain="all").status == "PROVEN_ALL_LENGTHS"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tomita-4", "flipflop", "d-4"])
def test_each_dtype_is_proven(name, dtype):
    spoken = language(name)
    found = certify(to_mamba(circuit(spoken)).model.to(dtype), spoken)
    assert (found.status, found.margin) == ("PROVEN_ALL_LENGTHS", 8.0)


@pytest.mark.parametrize("name", ["tomita-4", "d-4", "flipflop"])
def test_transformers_gives_the_same_logits(name, tmp_path):
    spoken = language(name)
    made = to_mamba(circuit(spoken))
    save(made, tmp_path, certify(made.model, spoken))
    strings = sample(spoken, 40, 60, 3, seed=1)
    for dtype in DTYPES:
        theirs = transformers_model(tmp_path, dtype)
        ours = open_folder(tmp_path).model.to(dtype)
        for row, length in zip(strings.tokens, strings.lengths, strict=True):
            tokens = row[:length].tolist()
            errors, logits = wrong_bits(theirs, spoken, tokens)
            assert errors == 0
            assert set(logits.unique().tolist()) == {-8.0, 8.0}
            assert torch.equal(logits, wrong_bits(ours, spoken, tokens)[1])


class ReadsBegin(torch.nn.Module):
    """A compiled model whose `^` is one more letter, legal everywhere."""

    def __init__(self, model, letters):
        super().__init__()
        self.model, self.letters = model, letters

    def initial_state(self, batch):
        return self.model.initial_state(batch)

    def step(self, tokens, state):
        begin = self.letters + 1
        logits, state = self.model.step(torch.where(tokens >= self.letters, begin, tokens), state)
        assert (logits[:, begin] == -8).all()
        always = torch.full((len(logits), 1), 8.0)
        return torch.cat([logits[:, :-2], always, logits[:, -2:-1]], dim=1), state


@pytest.mark.parametrize("name", ["tomita-4", "flipflop", "d-3", "dyck-2-2"])
def test_begin_changes_nothing_wherever_it_stands(name):
    spoken = language(name)
    own = spoken.automaton
    stays = np.arange(own.states, dtype=np.int32)[:, None]
    rows = np.concatenate([own.transitions, stays], axis=1)
    wider = Automaton((*own.alphabet, "^"), rows, own.start, own.accepting)
    model = ReadsBegin(to_mamba(circuit(spoken)).model, len(own.alphabet))
    found = certify(model, RegularLanguage("with ^", wider))
    assert found.status == "PROVEN_ALL_LENGTHS"


def test_a_long_ignored_run_is_remembered():
    spoken = language("flipflop")
    ignored = [token for _ in range(3000) for token in spoken.encode("i1")]
    tokens = [*spoken.encode("w0i0w1"), *ignored, *spoken.encode("r")]
    made = to_mamba(circuit(spoken))
    assert wrong_bits(made.model, spoken, tokens)[0] == 0


@pytest.mark.full
@pytest.mark.parametrize("name", ["tomita-4", "d-4", "flipflop", "012-02", "aabbccddee"])
def test_transformers_is_exact_on_long_strings(name, tmp_path):
    spoken = language(name)
    made = to_mamba(circuit(spoken))
    save(made, tmp_path, certify(made.model, spoken))
    (row,) = sample(spoken, 10_000, 10_000, 1, seed=0).tokens
    assert wrong_bits(transformers_model(tmp_path), spoken, row.tolist())[0] == 0


@pytest.mark.full
def test_a_million_ignored_letters_change_nothing():
    spoken = language("flipflop")
    tokens = np.concatenate([spoken.encode("w0i0w1"), np.tile(spoken.encode("i1"), 500_000)])
    legal = torch.from_numpy(spoken.legal(tokens))
    model = to_mamba(circuit(spoken)).model
    read = torch.from_numpy(np.concatenate([[6], tokens]))
    state = model.initial_state(1)
    with torch.inference_mode():
        for some, right in zip(read.split(20_000), legal.split(20_000), strict=True):
            logits, state = model.advance(some[None], state)
            assert torch.equal(logits[0, :, :6] > 0, right)


def test_a_folder_gives_back_what_was_saved(tmp_path):
    spoken = language("tomita-4")
    made = to_mamba(circuit(spoken))
    certificate = certify(made.model, spoken)
    save(made, tmp_path, certificate)
    opened = open_folder(tmp_path)
    assert opened.circuit == made.circuit
    assert opened.names == made.names
    assert opened.certificate == certificate
    assert certify(opened.model, spoken).model_hash == certificate.model_hash


def test_the_robust_form_survives_noise_and_the_default_epsilon():
    spoken = language("d-4")
    model = to_mamba(circuit(spoken), "robust").model
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.mul_(1 + 1e-5 * noise)
        for module in model.modules():
            if isinstance(module, torch.nn.RMSNorm):
                module.eps = 1e-5
    found = certify(model, spoken)
    assert found.status in ("PROVEN_ALL_LENGTHS", "PROVEN_UP_TO")
    assert found.margin > 7.9
    assert found.arithmetic.startswith("float32, sequential")


def test_every_used_direction_has_a_name():
    made = to_mamba(circuit(language("tomita-4")))
    used = made.model.embedding.weight.ne(0).any(0).nonzero().max()
    assert len(made.names.stream) == used + 1
    for block, names in zip(made.model.layers, made.names.layers, strict=True):
        written = block.mixer.out_proj.weight.ne(0).any(0).nonzero()[:, 0]
        assert len(names) > max(written.tolist(), default=0)
    assert "letter=0" in made.names.stream
    assert "level1.after=" in made.names.explain()


def test_languages_that_count_are_refused_with_a_witness():
    with pytest.raises(NotStarFree, match="not star-free: "):
        circuit(language("parity"))
    with pytest.raises(InputError, match="is a cyclic, and the target mamba has resets only"):
        to_mamba(circuit(language("parity"), "signed"))
