"""classify and cite."""

import json

from starfree.algebra.theorems import THEOREMS


def test_classify_prints_a_witness_and_verdicts(starfree):
    plain = json.loads(starfree("classify", "parity", "--json").out)
    assert plain["star_free"] is False
    assert plain["witness"]["period"] == 2
    assert plain["groups"][0]["order"] == 2
    done = starfree("classify", "parity")
    assert done.code == 0
    assert "not star-free" in done.out
    assert "period 2" in done.out


def test_classify_a_formula(starfree):
    plain = json.loads(starfree("classify", "pltl:H(b -> Y a)", "--json").out)
    assert plain["star_free"] is True
    assert plain["witness"] is None
    assert {v["answer"] for v in plain["verdicts"]} <= {"can", "cannot", "open"}


def test_every_theorem_of_a_verdict_can_be_cited(starfree):
    plain = json.loads(starfree("classify", "s5", "--json").out)
    ids = {theorem.id for theorem in THEOREMS}
    for verdict in plain["verdicts"]:
        assert verdict["theorem"] in ids or verdict["answer"] == "open"
    done = starfree("cite", "sarrof2024")
    assert "@inproceedings{sarrof2024" in done.out
    assert starfree("cite", "nobody1900").code == 2


def test_classify_tells_a_model_from_a_language(starfree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert starfree("compile", "d-2", "--out", "d-2").code == 0
    done = starfree("classify", "d-2")
    assert done.out.startswith("d-2: star-free")
    assert "the model in the folder of that name is ./d-2" in done.err
    done = starfree("classify", "./d-2")
    assert "row of the verdict table: non-negative diagonal SSM (Mamba)" in done.out
    assert "gates" in done.out
    plain = json.loads(starfree("classify", "./d-2", "--json").out)
    assert plain["language"] == "d-2"
    assert (plain["gates"]["low"], plain["gates"]["high"]) == (0.0, 1.0)
    assert plain["gates"]["complex"] is False
    assert {v["answer"] for v in plain["verdicts"]} == {"can"}
    done = starfree("classify", "e-2")
    assert done.code == 2
    assert "unknown language 'e-2'" in done.err
    assert "no model: that is a directory, RUN_DIR:HASH, or package.module:build@" in done.err
    assert starfree("classify", "runs/x:12").code == 2


def test_classify_does_not_guess_the_gates_of_a_user_s_module(starfree, tmp_path, monkeypatch):
    import torch
    from safetensors.torch import save_file
    from torch import nn

    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain_module.py").write_text(
        "from torch import nn\n"
        "def build(vocabulary, outputs):\n"
        "    return nn.Sequential(nn.Embedding(vocabulary, 2), nn.Linear(2, outputs))\n"
    )
    torch.manual_seed(0)
    made = nn.Sequential(nn.Embedding(4, 2), nn.Linear(2, 3))
    save_file(made.state_dict(), "w.safetensors")
    done = starfree("classify", "plain_module:build@w.safetensors")
    assert "unknown: a module of your own" in done.out
    assert "no row of the verdict table speaks of it" in done.out
