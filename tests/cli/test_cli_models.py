"""export and bench."""

import json

import pytest
from commands import SMALL, finish, process

from starfree.experiments.bench import comparison


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


STEP = {"median_ms": 2.0, "p10_ms": 2.0, "tokens_per_second": 1.0, "floor_fraction": 0.5}
RESULT = {
    "format": 1,
    "machine": {"processor": "P", "peak_gflops": 100, "exp_per_second": 8e9, "kernels": "K"},
    "workloads": {
        "W1": {"starfree": {**STEP, "peak_memory_mb": 3.0}, "two_threads": {"speedup": 1.5}}
    },
    "evaluation": {"starfree": {"tokens_per_second": 7.0}},
    "scaling": {
        axis: [{axis: 16, "us_per_token": 1.0}, {axis: 64, "us_per_token": 4.0}]
        for axis in ("length", "width")
    },
}


def test_bench_prints_lines_or_json_and_writes_files(starfree, monkeypatch, tmp_path):
    def run(quick, say):
        say(f"measured, quick {quick}")
        return RESULT

    monkeypatch.setattr(comparison, "run", run)
    assert starfree("bench", "--quick").out == "measured, quick True\n"
    assert json.loads(starfree("bench", "--json").out) == RESULT
    assert starfree("bench", "--out", tmp_path / "out").code == 0
    files = {"bench.json", "tables.md", "scaling.png", "scaling.pdf"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == files
    assert json.loads((tmp_path / "out" / "bench.json").read_text()) == RESULT
    tables = starfree("bench", "--tables", tmp_path / "out" / "bench.json")
    assert tables.out == (tmp_path / "out" / "tables.md").read_text()
    assert "| W1 | 1 | 16 | 16 | 50 | 2 ms |" in tables.out


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), ("{", "not JSON"), ("[]", "is no result of")]
)
def test_bench_tables_of_no_result(starfree, tmp_path, content, words):
    if content is not None:
        (tmp_path / "b.json").write_text(content)
    done = starfree("bench", "--tables", tmp_path / "b.json")
    assert done.code == 2
    assert words in done.err


def test_the_doctor_says_which_kernels_compute(starfree, monkeypatch):
    monkeypatch.setenv("STARFREE_KERNELS", "off")
    said = "plain PyTorch: STARFREE_KERNELS is off"
    assert starfree("bench", "--doctor").out == said + "\n"
    assert json.loads(starfree("bench", "--doctor", "--json").out)["kernels"] == said
