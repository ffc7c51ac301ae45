"""Models in the paper's form against the languages' definitions."""

import pytest
import torch

from starfree.algebra.refusals import NotSolvable
from starfree.compiler.compile import compile
from starfree.compiler.folder import open_folder, save
from starfree.compiler.units import held
from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.models.textbook import CountLimit, TextbookState
from starfree.verification.certificate import certify

STAR_FREE = (
    *("tomita-1", "tomita-2", "tomita-4", "tomita-7", "d-2", "d-3", "d-4", "aabbccddee"),
    *("ab-d-bc", "012-02", "flipflop", "dyck-2-4", "regex:~(.*)@a", "regex:a|b|aa"),
)
GROUPS = (
    *(("parity", "signed"), ("tomita-5", "signed"), ("aa-star", "signed"), ("tomita-3", "signed")),
    *(("aaaa-star", "signed"), ("abab-star", "signed"), ("tomita-6", "rotation")),
    *(("z-7", "rotation"), ("s3", "rotation"), ("z-5", "reflection"), ("s3", "reflection")),
    *(("s5", "reflection"), ("a5", "reflection")),
)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "target"), [*((name, "paper") for name in STAR_FREE), *GROUPS])
def test_regular_languages_are_proven(name, target, dtype):
    spoken = language(name)
    found = certify(compile(spoken, target).model.to(dtype), spoken)
    assert found.status == "PROVEN_ALL_LENGTHS"
    assert found.margin in (8.0, None)
    assert "exact: no sum of a linear map is rounded" in found.arithmetic


@pytest.mark.full
def test_d_12_is_proven():
    spoken = language("d-12")
    assert certify(compile(spoken, "paper").model, spoken).status == "PROVEN_ALL_LENGTHS"


@pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.bfloat16, 256), (torch.float16, 2048), (torch.float32, 2**24)]
)
def test_counting_beyond_the_exact_integers_is_refused(dtype, limit):
    """The next integer would be rounded to the limit, and every later answer could be wrong."""
    assert torch.tensor(float(limit), dtype=dtype) + 1 == limit
    model = compile(language("dyck-1"), "paper").model.to(dtype)
    ((_, previous),) = [model.initial_state(1)]
    opening, closing = torch.tensor([0]), torch.tensor([1])

    def at(count):
        return TextbookState((torch.tensor([[count]], dtype=dtype),), previous)

    with torch.inference_mode():
        assert model.step(opening, at(limit - 1))[1].hidden[0] == limit
        assert model.step(closing, at(limit))[1].hidden[0] == limit - 1
        with pytest.raises(CountLimit, match=f"counts beyond {limit:,}, the last integer"):
            model.step(opening, at(limit))
        if limit < 10_000:
            with pytest.raises(CountLimit):
                model(torch.zeros(1, limit + 1, dtype=torch.int64))


@pytest.mark.parametrize(("name", "target"), [("tomita-4", "paper"), ("s3", "rotation")])
def test_a_folder_gives_back_what_was_saved(name, target, tmp_path):
    spoken = language(name)
    made = compile(spoken, target)
    certificate = certify(made.model, spoken)
    save(made, tmp_path, certificate)
    opened = open_folder(tmp_path)
    assert (opened.circuit, opened.names) == (made.circuit, made.names)
    assert certify(opened.model, spoken).model_hash == certificate.model_hash
    (tmp_path / "model.safetensors").write_bytes(b"x" * 20)
    with pytest.raises(InputError, match="not a compiled model of this version"):
        open_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("parity", "paper", "'11' is, .* target signed, rotation or reflection"),
        ("tomita-6", "mamba", "in a cycle of 3, .* target rotation or reflection"),
        ("s5", "paper", "choose the target reflection"),
        ("tomita-6", "signed", "needs one of order 3; choose the target rotation or reflection"),
        ("a5", "signed", "needs one of order 60; choose the target reflection"),
    ],
)
def test_gates_that_are_too_weak_are_refused(name, target, said):
    with pytest.raises(InputError, match=said):
        compile(language(name), target)


@pytest.mark.parametrize(("name", "order"), [("s5", 120), ("a5", 60)])
def test_rotations_are_refused_groups_that_are_not_solvable(name, order):
    with pytest.raises(NotSolvable, match="choose the target reflection") as refused:
        compile(language(name), "rotation")
    assert refused.value.order == order


@pytest.mark.parametrize(
    ("name", "target", "levels"),
    [
        ("parity", "signed", ["cyclic"]),
        ("aa-star", "signed", ["cyclic"]),
        ("tomita-5", "signed", ["cyclic cyclic"]),
        ("aaaa-star", "signed", ["cyclic", "cyclic"]),
        ("abab-star", "signed", ["cyclic"]),
        ("tomita-3", "signed", ["reset", "cyclic", "reset"]),
        ("s3", "rotation", ["cyclic", "cyclic"]),
    ],
)
def test_groups_need_few_layers(name, target, levels):
    """Gates -1 and 1 alone, but for tomita-3, which also resets."""
    made = compile(language(name), target)
    assert [" ".join(unit.kind for unit in level) for level in made.circuit.levels] == levels
    if target == "signed":
        assert made.circuit.units
        assert {u.size for u in made.circuit.units} == {2}


@pytest.mark.parametrize("name", ["s5", "a5"])
def test_permutations_of_five_points_are_four_reflections_at_most(name):
    made = compile(language(name), "reflection")
    assert {unit.size for unit in made.circuit.units} == {5}
    for unit in made.circuit.units:
        for one in held(unit, "reflection").moves:
            assert len(one.swaps) <= 4


def test_recognisers_are_proven_on_all_strings():
    spoken = language("abab-star")
    model = compile(spoken, "signed", task="recognise").model
    assert certify(model, spoken, domain="all").status == "PROVEN_ALL_LENGTHS"
    assert certify(model, spoken, domain="all").states > 4
