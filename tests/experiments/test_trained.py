"""A trial by name, and its model."""

import json

import pytest
import torch

from starfree.errors import InputError
from starfree.experiments.spec import parse_experiment
from starfree.experiments.trained import find_trial, load_mamba
from starfree.models.model import build
from starfree.training.checkpoint import write_weights

SPEC = """
name: small
languages: [tomita-4]
models: [{name: MODEL, d_model: 8}]
seeds: [0]
"""


@pytest.fixture
def finish(tmp_path):
    """Make a trial that looks finished; the trial and its model."""

    def make(name="mamba"):
        ((_, trial),) = parse_experiment(SPEC.replace("MODEL", name), "spec").trials([0])
        folder = tmp_path / "run" / "trials" / trial.hash
        folder.mkdir(parents=True)
        model = build(trial.model, 4, 3, **trial.options)
        (folder / "spec.json").write_text(json.dumps(trial.model_dump(mode="json")))
        (folder / "result.json").write_text('{"format": 1}')
        write_weights(folder / "weights.safetensors", model.state_dict())
        return trial, model, folder

    return make


def test_a_trial_is_found_by_the_start_of_its_hash(finish):
    trial, model, folder = finish()
    for digits in (trial.hash, trial.hash[:4]):
        found = find_trial(f"{folder.parent.parent}:{digits}")
        assert found.trial == trial
        assert found.symbols == ("0", "1")
    tokens = torch.randint(4, (2, 9))
    with torch.no_grad():
        assert torch.equal(load_mamba(found)(tokens), model(tokens))


def test_what_is_not_there_is_named(finish, tmp_path):
    trial, _, folder = finish()
    run = folder.parent.parent
    for reference, words in (
        ("run", "not of the form"),
        (f"{tmp_path}/nowhere:1", "no run is here"),
        (f"{run}:zz", "0 trials start with zz"),
    ):
        with pytest.raises(InputError, match=words):
            find_trial(reference)
    (run / "trials" / f"{trial.hash[0]}zz").mkdir()
    with pytest.raises(InputError, match="2 trials start with"):
        find_trial(f"{run}:{trial.hash[0]}")
    (folder / "result.json").unlink()
    with pytest.raises(InputError, match="not finished"):
        find_trial(f"{run}:{trial.hash}")


def test_only_a_mamba_is_given_out(finish):
    trial, _, folder = finish("lstm")
    with pytest.raises(InputError, match="its model is lstm, not mamba"):
        load_mamba(find_trial(f"{folder.parent.parent}:{trial.hash}"))
