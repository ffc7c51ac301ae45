"""export and bench."""

import json

import pytest
from commands import SMALL, finish, process

from starfree.experiments import bench


def test_a_trained_trial_is_exported(tmp_path, starfree):
    (tmp_path / "small.yaml").write_text(SMALL)
    assert finish(process("run", "small.yaml", "--out", "out", cwd=tmp_path)).code == 0
    found = {}
    for path in (tmp_path / "out" / "trials").glob("*/spec.json"):
        spec = json.loads(path.read_text())
        found[spec["model"], spec["language"]] = path.parent.name
    done = starfree(
        "export", f"{tmp_path}/out:{found['mamba', 'd-2'][:6]}", "--out", tmp_path / "m"
    )
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "m").iterdir()} == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip
    transformers = pytest.importorskip("transformers")
    model = transformers.MambaForCausalLM.from_pretrained(tmp_path / "m")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "m")
    read = tokenizer("ab", return_tensors="pt")
    assert read.input_ids.tolist() == [[3, 0, 1]]
    assert model(**read).logits.shape == (1, 3, 4)
    refused = starfree("export", f"{tmp_path}/out:{found['lstm', 'd-2']}", "--out", tmp_path / "n")
    assert refused.code == 2
    assert "its model is lstm, not mamba" in refused.err
    assert not (tmp_path / "n").exists()


def test_bench_prints_lines_or_json(starfree, monkeypatch):
    def run(quick, say):
        say(f"measured, quick {quick}")
        return {"format": 1, "workloads": {}}

    monkeypatch.setattr(bench, "run", run)
    assert starfree("bench", "--quick").out == "measured, quick True\n"
    assert json.loads(starfree("bench", "--json").out) == {"format": 1, "workloads": {}}


def test_the_doctor_says_which_kernels_compute(starfree, monkeypatch):
    monkeypatch.setenv("STARFREE_KERNELS", "off")
    said = "plain PyTorch: STARFREE_KERNELS is off"
    assert starfree("bench", "--doctor").out == said + "\n"
    assert json.loads(starfree("bench", "--doctor", "--json").out)["kernels"] == said
