"""Recognisers: an error latch in weights, right about members and all other strings."""

import itertools

import numpy as np
import pytest
import torch

from starfree.compiler.compile import compile
from starfree.languages.catalog import language
from starfree.languages.strings import Strings
from starfree.verification.certificate import certify

STAR_FREE = (
    *("tomita-1", "tomita-2", "tomita-4", "tomita-7", "d-2", "d-3", "d-4", "aabbccddee"),
    *("ab-d-bc", "012-02", "flipflop", "dyck-2-2", "regex:()@a", "regex:~(.*)@a,b"),
)
GROUPS = (("parity", "signed"), ("abab-star", "signed"), ("s3", "rotation"), ("s3", "reflection"))
TRIED = 5_000  # strings of one length, at most
LONGEST = 6


def all_strings(letters, tried):
    for length in range(LONGEST + 1):
        if letters**length <= tried:
            words = list(itertools.product(range(letters), repeat=length))
            yield np.array(words, dtype=np.int64).reshape(len(words), length)


def check_by_brute_force(name, model, tried=TRIED):
    """Legal sets of every string up to a length, member or not: none after an illegal letter."""
    spoken = language(name)
    letters = len(spoken.alphabet)
    strings = outside = 0
    for words in all_strings(letters, tried):
        begin = np.full((len(words), 1), letters + 1)
        with torch.inference_mode():
            logits = model(torch.from_numpy(np.concatenate([begin, words], axis=1)))
        assert set(logits.unique().tolist()) <= {-8.0, 8.0}
        given = (logits[:, -1, : letters + 1] > 0).numpy()
        read = Strings.of(words)
        legal = spoken.legal_batch(read)[:, -1]
        assert np.array_equal(given, legal)
        assert np.array_equal(given[:, -1], spoken.accepts_batch(read))
        outside += int((~legal.any(axis=1)).sum())
        strings += len(words)
    return strings, outside


@pytest.mark.parametrize("name", STAR_FREE)
def test_every_string_is_judged(name):
    made = compile(language(name), task="recognise")
    model = made.model
    found = certify(model, language(name), domain="all")
    assert (found.status, found.margin) == ("PROVEN_ALL_LENGTHS", 8.0)
    strings, outside = check_by_brute_force(name, model)
    assert outside > strings / 8 or name == "012-02"  # where every string begins a member


@pytest.mark.parametrize(
    ("name", "target"), [*((name, "paper") for name in ("tomita-4", "flipflop", "d-3")), *GROUPS]
)
def test_the_paper_s_form_recognises(name, target):
    model = compile(language(name), target, task="recognise").model
    assert certify(model, language(name), domain="all").status == "PROVEN_ALL_LENGTHS"
    check_by_brute_force(name, model)


@pytest.mark.full
@pytest.mark.parametrize("name", ["flipflop", "aabbccddee"])
def test_every_string_of_five_letters_is_judged(name):
    model = compile(language(name), task="recognise").model
    strings, _ = check_by_brute_force(name, model, tried=5**LONGEST)
    assert strings > 5**LONGEST


@pytest.mark.full
def test_every_string_is_judged_by_d_12():
    model = compile(language("d-12"), task="recognise").model
    found = certify(model, language("d-12"), domain="all")
    assert (found.status, found.margin) == ("PROVEN_ALL_LENGTHS", 8.0)
    check_by_brute_force("d-12", model)


@pytest.mark.full
@pytest.mark.parametrize("name", [*STAR_FREE, "d-12"])
def test_the_paper_s_form_recognises_all(name):
    model = compile(language(name), "paper", task="recognise").model
    found = certify(model, language(name), domain="all")
    assert found.status == "PROVEN_ALL_LENGTHS"
    check_by_brute_force(name, model)


def test_the_latch_is_a_unit_of_its_own():
    made = compile(language("d-2"), task="recognise")
    assert [unit.name for unit in made.circuit.levels[-1]] == ["error"]
    assert "error.after=an illegal letter" in made.names.stream
    (latch,) = made.circuit.levels[-1]
    assert {rule.action.value for rule in latch.rules} == {1}  # set for ever
