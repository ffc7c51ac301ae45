"""compile and certify."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file


def test_a_language_is_compiled_and_its_certificate_checked_again(starfree, tmp_path):
    done = starfree("compile", "tomita-4", "--target", "mamba", "--out", tmp_path / "t4")
    assert done.code == 0, done.err
    assert "PROVEN_ALL_LENGTHS: right on prefixes of members of tomita-4" in done.out
    names = {path.name for path in (tmp_path / "t4").iterdir()}
    assert names >= {"model.safetensors", "config.json", "circuit.json", "certificate.json"}
    written = json.loads((tmp_path / "t4" / "certificate.json").read_text())
    for dtype in ("float32", "bfloat16", "float16"):
        again = starfree("certify", tmp_path / "t4", "--dtype", dtype, "--json")
        assert again.code == 0
        found = json.loads(again.out)
        assert found["status"] == "PROVEN_ALL_LENGTHS"
        assert found["arithmetic"].startswith(dtype)
        assert found["language_hash"] == written["language_hash"]
        assert (found["model_hash"] == written["model_hash"]) == (dtype == "float32")


def test_a_changed_weight_ends_with_code_3(starfree, tmp_path):
    assert starfree("compile", "d-2", "--out", tmp_path).code == 0
    weights = load_file(tmp_path / "model.safetensors")
    weights["backbone.layers.0.mixer.out_proj.weight"].neg_()
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    done = starfree("certify", tmp_path, "d-2")
    assert done.code == 3
    assert "COUNTEREXAMPLE: after " in done.out
    assert "no shorter string" in done.out
    found = json.loads(starfree("certify", tmp_path, "d-2", "--json").out)
    assert found["counterexample"]["shortest"] is True


def test_counting_is_refused_with_a_sentence(starfree, tmp_path):
    done = starfree("compile", "parity", "--out", tmp_path / "p")
    assert done.code == 2
    assert "not star-free: after" in done.err
    assert "a non-negative gate cannot do that" in done.err
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("name", "target", "status"),
    [
        ("tomita-4", "paper", "PROVEN_ALL_LENGTHS"),
        ("parity", "signed", "PROVEN_ALL_LENGTHS"),
        ("s3", "rotation", "PROVEN_ALL_LENGTHS"),
        ("s5", "reflection", "PROVEN_ALL_LENGTHS"),
        ("shuffle-2", "paper", "PROVEN_UP_TO"),
    ],
)
def test_each_target_is_compiled_and_checked_again(starfree, tmp_path, name, target, status):
    done = starfree("compile", name, "--target", target, "--out", tmp_path, "--json")
    assert json.loads(done.out)["status"] == status
    again = json.loads(starfree("certify", tmp_path, "--max-states", "500", "--json").out)
    assert again["status"] == status
    assert again["model_hash"] == json.loads(done.out)["model_hash"]


def test_recognisers_are_right_on_all_strings(starfree, tmp_path):
    done = starfree(
        "compile", "regex:(ab)*@a,b,c", "--task", "recognise", "--out", tmp_path, "--json"
    )
    found = json.loads(done.out)
    assert (found["status"], found["domain"]) == ("PROVEN_ALL_LENGTHS", "all")
    assert json.loads(starfree("certify", tmp_path, "--json").out)["domain"] == "all"


def test_every_direction_is_explained(starfree, tmp_path):
    done = starfree("compile", "tomita-4", "--out", tmp_path, "--precision", "exact", "--explain")
    for name in ("letter=0", "level1.before=", "level2.after=", "answer $=yes", "layer 3"):
        assert name in done.out


def test_a_user_s_model_is_certified(starfree, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from starfree.models.model import build as one\n"
        "def build(vocabulary, outputs):\n"
        "    return one('lstm', vocabulary, outputs, d_model=4)\n"
    )
    monkeypatch.chdir(tmp_path)
    from starfree.models.model import build

    torch.manual_seed(0)
    save_file(build("lstm", 4, 3, d_model=4).state_dict(), tmp_path / "weights.safetensors")
    assert starfree("certify", "mine:build@weights.safetensors", "d-2").code == 3
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    done = starfree("certify", "mine:build@other.safetensors", "d-2")
    assert done.code == 2
    assert "other.safetensors: not the weights of mine:build" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["certify", "nowhere", "d-2"], "nowhere: no such directory"),
        (["certify", "nowhere:1234", "d-2"], "nowhere: no run is here"),
        (["compile", "dyck-1", "--out", "x"], "unit depth1 is a counter"),
        (["compile", "d-2", "--target", "lstm", "--out", "x"], "--target"),
        (["compile", "s5", "--target", "rotation", "--out", "x"], "use reflection gates"),
    ],
)
def test_wrong_input_is_explained(starfree, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = starfree(*arguments)
    assert done.code == 2
    assert said in done.err


def test_another_alphabet_is_refused(starfree, tmp_path):
    assert starfree("compile", "d-2", "--out", tmp_path).code == 0
    done = starfree("certify", tmp_path, "tomita-4")
    assert done.code == 2
    assert "its alphabet is a b, that of tomita-4 is 0 1" in done.err
