"""classify of a model, and the page of a language."""

import json

import torch
from safetensors.torch import save_file
from torch import nn


def test_classify_tells_a_model_from_a_language(starfree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert starfree("compile", "d-2", "--target", "paper", "--out", "d-2").code == 0
    done = starfree("classify", "d-2")
    assert done.out.startswith("d-2: ")
    assert "star-free" in done.out
    assert "the model in the folder of that name is ./d-2" in done.err
    done = starfree("classify", "./d-2")
    assert "row of the verdict table: non-negative diagonal SSM (Mamba)" in done.out
    assert "gates" in done.out
    plain = json.loads(starfree("classify", "./d-2", "--json").out)
    assert plain["language"] == "d-2"
    assert (plain["gates"]["low"], plain["gates"]["high"]) == (0.0, 1.0)
    assert plain["gates"]["complex"] is False
    assert {v["answer"] for v in plain["verdicts"]} == {"can"}
    refused = starfree("classify", "./d-2", "--page", "x.html")
    assert refused.code == 2
    assert "--page draws a language, and this is a model" in refused.err


def test_what_is_neither_is_refused(starfree):
    done = starfree("classify", "e-2")
    assert done.code == 2
    assert "unknown language 'e-2'" in done.err
    assert "no model: that is a directory, RUN_DIR:HASH, or package.module:build@" in done.err
    assert starfree("classify", "runs/x:12").code == 2


def test_the_gates_of_a_user_s_module_are_not_guessed(starfree, tmp_path, monkeypatch):
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
    assert "unknown: its gates cannot be read" in done.out
    assert "no row of the verdict table speaks of it" in done.out


def test_a_page_is_written_where_one_asks_for_it(starfree, tmp_path):
    done = starfree("classify", "parity", "--page", tmp_path / "parity.html")
    assert done.code == 0
    assert f"page: {tmp_path / 'parity.html'}" in done.out.replace("\n", "")
    text = (tmp_path / "parity.html").read_text(encoding="utf-8")
    assert "Why it is not star-free" in text
    quiet = starfree("classify", "parity", "--page", tmp_path / "again.html", "--json")
    assert json.loads(quiet.out)["star_free"] is False
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == text
    refused = starfree("classify", "parity", "--page", tmp_path / "nowhere" / "x.html")
    assert refused.code == 1
    assert "No such file or directory" in refused.err
