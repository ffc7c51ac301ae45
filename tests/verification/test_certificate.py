"""The prover against brute force: faulty models, shortest counterexamples, statuses."""

import json

import pytest
import torch
from torch import nn

from starfree.algebra.circuits import circuit
from starfree.compiler.to_mamba import to_mamba
from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.models.model import build
from starfree.verification.certificate import Certificate, certify


class Delayed(nn.Module):
    """Right about a* until it has read `patience` letters; then it forgets that a may follow."""

    def __init__(self, patience):
        super().__init__()
        self.patience = patience

    def initial_state(self, batch):
        return {"count": torch.zeros(batch, dtype=torch.int64)}

    def step(self, tokens, state):
        count = state["count"] + (tokens == 0)
        logits = torch.where(count >= self.patience, -1.0, 0.5)
        return torch.stack([logits, torch.ones_like(logits)], dim=1), {"count": count}


def test_a_late_fault_is_found_at_its_length():
    found = certify(Delayed(37), language("regex:a*"))
    assert found.status == "COUNTEREXAMPLE"
    assert found.counterexample.string == "a" * 37
    assert (found.counterexample.expected, found.counterexample.given) == (["a", "$"], ["$"])


def test_endless_states_are_proven_up_to_a_length():
    found = certify(Delayed(1000), language("regex:a*"), max_states=50)
    assert (found.status, found.length, found.margin) == ("PROVEN_UP_TO", 49, 0.5)


def test_a_margin_can_be_asked_for():
    found = certify(Delayed(1000), language("regex:a*"), margin=0.75)
    assert (found.status, found.reading) == ("COUNTEREXAMPLE", "margin 0.75")


def test_not_a_number_is_a_fault():
    model = to_mamba(circuit(language("tomita-1"))).model
    with torch.no_grad():
        model.head.weight[0, 0] = float("nan")
    assert certify(model, language("tomita-1")).status == "COUNTEREXAMPLE"


def test_the_domain_says_which_strings_count():
    spoken = language("tomita-2")
    model = to_mamba(circuit(spoken)).model
    assert certify(model, spoken).domain == "prefixes"
    assert certify(model, spoken, domain="all").status == "COUNTEREXAMPLE"


def test_a_trained_kind_of_model_can_be_asked():
    spoken = language("d-2")
    torch.manual_seed(0)
    found = certify(build("lstm", 4, 3, d_model=4).eval(), spoken)
    assert found.status == "COUNTEREXAMPLE"


def test_models_without_steps_are_refused():
    with pytest.raises(InputError, match="has no `step`"):
        certify(build("transformer", 4, 3, d_model=8, heads=1), language("d-2"))


def test_a_model_of_another_size_is_refused():
    with pytest.raises(InputError, match="cannot read the 3 tokens of d-2"):
        certify(build("lstm", 2, 3, d_model=4).eval(), language("d-2"))
    with pytest.raises(InputError, match="has 2 outputs; 3 are needed"):
        certify(build("lstm", 4, 2, d_model=4).eval(), language("d-2"))


def test_an_inexact_proof_names_its_kernel():
    model = to_mamba(circuit(language("flipflop"))).model
    for module in model.modules():
        if isinstance(module, nn.RMSNorm):
            module.eps = 1e-5
    found = certify(model, language("flipflop"))
    assert found.status == "PROVEN_ALL_LENGTHS"
    assert 7.99 < found.margin < 8
    assert found.arithmetic.startswith("float32, sequential: for this kernel")
    assert "layer by layer in PyTorch, batches up to 1024" in found.kernel


def test_certificates_survive_json():
    spoken = language("tomita-4")
    for domain in ("prefixes", "all"):
        found = certify(to_mamba(circuit(spoken)).model, spoken, domain=domain)
        assert Certificate.from_json(json.loads(json.dumps(found.to_json()))) == found
    with pytest.raises(InputError, match="format 2 is not 1"):
        Certificate.from_json(found.to_json() | {"format": 2})
    with pytest.raises(InputError, match="missing or wrong field"):
        Certificate.from_json({"format": 1})


def test_hashes_tell_models_and_languages_apart():
    first = certify(to_mamba(circuit(language("d-2"))).model, language("d-2"))
    again = certify(to_mamba(circuit(language("d-2"))).model, language("regex:(a(ab)*b)*"))
    exact = certify(to_mamba(circuit(language("d-2")), "exact").model, language("d-2"))
    other = certify(to_mamba(circuit(language("d-3"))).model, language("d-3"))
    assert first.model_hash == again.model_hash
    assert first.language_hash == again.language_hash
    assert len({first.model_hash, exact.model_hash, other.model_hash}) == 3
    assert first.language_hash != other.language_hash
