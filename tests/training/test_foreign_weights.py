"""A directory made by transformers is fine-tuned here and goes back."""

import pytest
import torch

from starfree.data.tasks import make_task
from starfree.languages.catalog import language
from starfree.models.exchange import read_transformers, write_transformers
from starfree.training.loop import train
from starfree.training.settings import TrainSettings


def test_a_model_of_transformers_learns_tomita_4_and_goes_back(make_data, tmp_path):
    transformers = pytest.importorskip("transformers")
    spoken = language("tomita-4")
    task = make_task(spoken, "predict")
    torch.manual_seed(0)
    config = transformers.MambaConfig(vocab_size=8, hidden_size=16, num_hidden_layers=1)
    transformers.MambaForCausalLM(config).save_pretrained(tmp_path / "theirs")
    model = read_transformers(tmp_path / "theirs", outputs=task.outputs)
    settings = TrainSettings(tokens=40_000, learning_rate=1e-2, evaluations=2, bin_strings=0)
    result = train(model, task, make_data(), settings, seed=0)
    assert result.curve[-1].validation_string_accuracy > 0.9
    write_transformers(model, tmp_path / "ours", spoken.alphabet)
    back = transformers.MambaForCausalLM.from_pretrained(tmp_path / "ours").eval()
    inputs = torch.randint(task.vocabulary, (4, 60))
    with torch.no_grad():
        theirs = back(inputs, use_cache=False).logits[..., : task.outputs]
        torch.testing.assert_close(theirs, model(inputs), rtol=1e-5, atol=1e-5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "ours")
    start = tokenizer([""] * 50, return_tensors="pt")
    made = back.generate(**start, do_sample=True, top_k=0, max_new_tokens=30)
    right = 0
    for row in made[:, 1:].tolist():
        read = row[: row.index(task.outputs - 1)] if task.outputs - 1 in row else row
        right += bool(spoken.legal(read)[-1].any())  # in tomita-4 every legal prefix is a member
    assert right >= 40
