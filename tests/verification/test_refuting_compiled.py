"""What is proven is never refuted, by no search; what brute force found wrong always is."""

import pytest
from test_mutants import KINDS, NAMES, wrong_mutants
from test_refutation import Blind

from starfree.compiler.compile import compile as compile_language
from starfree.languages.catalog import language
from starfree.verification.refutation import refute

STAR_FREE = (
    "tomita-1", "tomita-2", "tomita-4", "tomita-7", "d-2", "d-3", "d-4", "d-12", "aabbccddee",
    "ab-d-bc", "012-02", "flipflop",
)  # fmt: skip
COUNTERS = (
    "dyck-1", "shuffle-2", "shuffle-4", "shuffle-6", "boolean-3", "boolean-5", "anbn", "anbncn",
    "anbncndn",
)  # fmt: skip
COMPILED = [
    *((name, target) for name in STAR_FREE for target in ("mamba", "paper")),
    *((name, target) for name in COUNTERS for target in ("mamba", "paper")),
    *((f"dyck-{k}-{h}", "paper") for k, h in ((1, 3), (2, 3), (8, 10))),
    *((name, "signed") for name in ("parity", "aa-star", "aaaa-star", "tomita-3", "tomita-5")),
    *((name, "signed") for name in ("abab-star", "flipflop", "z-2")),
    *((name, "rotation") for name in ("tomita-6", "z-3", "s3")),
    *((name, "reflection") for name in ("parity", "s3", "s5")),
]
FAST = [("flipflop", "mamba"), ("dyck-1", "mamba"), ("tomita-3", "signed"), ("dyck-8-10", "paper")]


def check(name, target, symbols, longest, monkeypatch):
    """No search does: neither the one that visits states, nor those that only read strings."""
    spoken = language(name)
    model = compile_language(spoken, target).model
    found = refute(model, spoken, symbols=symbols)
    assert found.counterexample is None
    monkeypatch.setattr("starfree.verification.refutation.STATES", 10)
    found = refute(model, spoken, symbols=symbols, longest=longest, seed=1)
    assert found.counterexample is None
    assert found.searched.complete or found.searched.families > 0
    if not found.searched.complete:
        assert found.searched.pumped_to > 100
        assert found.searched.climbed > 0


@pytest.mark.parametrize(("name", "target"), FAST)
def test_a_compiled_model_is_not_refuted(name, target, monkeypatch):
    check(name, target, 300_000, 2_000, monkeypatch)


@pytest.mark.full
@pytest.mark.parametrize(("name", "target"), COMPILED)
def test_no_compiled_model_is_refuted(name, target, monkeypatch):
    check(name, target, 600_000, 100_000, monkeypatch)


def check_mutants(name, kind, count, blind):
    spoken = language(name)
    for model, shortest in wrong_mutants(name, kind, count):
        found = refute(Blind(model) if blind else model, spoken, symbols=300_000)
        assert found.status == "COUNTEREXAMPLE"
        assert found.counterexample.position == shortest
        assert found.counterexample.shortest


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_mutants_are_refuted_on_a_shortest_string(kind):
    check_mutants("d-3", kind, 3, blind=False)


@pytest.mark.full
@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize(("kind", "count"), [("weight", 50), ("cube", 20), ("epsilon", 10)])
@pytest.mark.parametrize("name", NAMES)
def test_many_wrong_mutants_are_refuted_on_a_shortest_string(name, kind, count, blind):
    check_mutants(name, kind, count, blind)
