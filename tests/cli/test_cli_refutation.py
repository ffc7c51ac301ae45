"""refute."""

import json

import torch
from safetensors.torch import load_file, save_file


def test_a_compiled_model_is_proven_and_a_spoiled_one_refuted(starfree, tmp_path):
    folder = tmp_path / "d2"
    assert starfree("compile", "d-2", "--target", "paper", "--out", folder).code == 0
    done = starfree("refute", folder, "--seconds", 10)
    assert done.code == 0, done.err
    assert done.out.startswith("PROVEN_ALL_LENGTHS: right on prefixes of members of d-2")
    weights = load_file(folder / "model.safetensors")
    name = max(weights, key=lambda key: weights[key].numel())
    weights[name] = torch.zeros_like(weights[name])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    done = starfree("refute", folder, "d-2", "--seconds", 10, "--json")
    assert done.code == 3
    found = json.loads(done.out)
    assert found["status"] == "COUNTEREXAMPLE"
    assert found["counterexample"]["shortest"] is True
    assert {"format", "searched", "family", "seconds"} <= found.keys()


def test_the_margin_is_drawn(starfree, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    trial = "leaky:build"
    (tmp_path / "leaky.py").write_text(LEAKY)
    save_file({"decay": torch.tensor(0.97)}, tmp_path / "weights.safetensors")
    reference = f"{trial}@{tmp_path / 'weights.safetensors'}"
    figure = tmp_path / "margin.svg"
    done = starfree(
        "refute",
        reference,
        "regex:(0|i|1(1|i|x)*0)*(1(1|i|x)*)?@0,1,i,x",
        "--figure",
        figure,
        "--seconds",
        20,
    )
    assert done.code == 3, done.err
    assert "the smallest margin goes from" in done.out
    assert "<svg" in figure.read_text()
    done = starfree("refute", reference, "d-2", "--figure", tmp_path / "margin.doc")
    assert done.code == 2


def test_an_automaton_is_extracted_and_read_again(starfree, tmp_path):
    assert starfree("compile", "d-2", "--target", "paper", "--out", tmp_path / "d2").code == 0
    done = starfree("extract", tmp_path / "d2", "--out", tmp_path / "d2.json")
    assert done.code == 0, done.err
    assert done.out.startswith("3 states; the model agreed with it on")
    assert "the automaton is that of d-2" in done.out
    assert starfree("compare", "d-2", f"dfa:{tmp_path / 'd2.json'}").out == "equal\n"


def test_bad_input_is_named(starfree, tmp_path):
    done = starfree("refute", tmp_path / "nothing", "d-2")
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err


LEAKY = """
import torch
from torch import nn


class Leaky(nn.Module):
    def __init__(self, vocabulary, outputs):
        super().__init__()
        self.decay = nn.Parameter(torch.tensor(0.0))
        self.outputs = outputs

    def initial_state(self, batch):
        return torch.full((batch,), -1.0)

    def step(self, tokens, state):
        state = torch.where(tokens == 1, 1.0, torch.where(tokens == 0, -1.0, state))
        state = torch.where(tokens == 2, self.decay * state - 0.004, state)
        rows = [torch.ones_like(state)] * self.outputs
        rows[min(3, self.outputs - 1)] = state
        return torch.stack(rows, dim=1), state

    def forward(self, tokens):
        state, rows = self.initial_state(len(tokens)), []
        for column in tokens.T:
            logits, state = self.step(column, state)
            rows.append(logits)
        return torch.stack(rows, dim=1)


def build(vocabulary, outputs):
    return Leaky(vocabulary, outputs)
"""
