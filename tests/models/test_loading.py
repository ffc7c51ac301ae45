"""Every form of MODEL is loaded with its weights, and every bad one is refused by name."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from starfree.errors import InputError, StarfreeError
from starfree.experiments.spec import parse_experiment
from starfree.models.exchange import write_transformers
from starfree.models.loading import load
from starfree.models.model import build
from starfree.models.reference import names_a_model, parse
from starfree.models.textbook import LayerOptions, Textbook, TextbookOptions
from starfree.models.textbook_files import write_textbook

SPEC = """
name: small
languages: [tomita-4]
models: [{name: NAME, d_model: 8}]
seeds: [0]
"""
MINE = """
from torch import nn

class Mine(nn.Module):
    def __init__(self, vocabulary, outputs):
        super().__init__()
        self.into, self.out = nn.Embedding(vocabulary, 5), nn.Linear(5, outputs)
    def forward(self, tokens):
        return self.out(self.into(tokens))

def build(vocabulary, outputs):
    return Mine(vocabulary, outputs)

def narrow(vocabulary, outputs):
    if vocabulary > 3:
        raise ValueError("too many tokens")
    return Mine(vocabulary, outputs)

number = 3
"""


def same(one, other):
    tokens = torch.randint(4, (3, 9))
    with torch.no_grad():
        return torch.equal(one.eval()(tokens), other.eval()(tokens))


@pytest.fixture
def finish(tmp_path):
    """Make a trial that looks finished; its hash, model and folder."""

    def make(name="mamba"):
        ((_, trial),) = parse_experiment(SPEC.replace("NAME", name), "spec").trials([0])
        folder = tmp_path / "run" / "trials" / trial.hash
        folder.mkdir(parents=True)
        model = build(trial.model, 4, 3, **trial.options)
        (folder / "spec.json").write_text(json.dumps(trial.model_dump(mode="json")))
        (folder / "result.json").write_text('{"format": 1}')
        save_file(model.state_dict(), folder / "weights.safetensors")
        return trial.hash, model, folder

    return make


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A user's folder with a module of a name of its own, and its weights."""
    name = f"mine_{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:8]}"
    (tmp_path / f"{name}.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    model = build(f"{name}:build", 4, 3)
    save_file(model.state_dict(), "w.safetensors")
    return name, model


@pytest.mark.parametrize("name", ["mamba", "lstm", "transformer"])
def test_a_trial_is_found_by_the_start_of_its_hash(finish, name):
    digits, model, folder = finish(name)
    for given in (digits, digits[:4]):
        found = load(f"{folder.parent.parent}:{given}")
        assert (found.kind, found.architecture, found.task) == ("trial", name, "predict")
        assert found.language == "tomita-4"
        assert not found.model.training
        assert same(found.model, model)


def test_a_trial_that_is_not_there_is_named(finish, tmp_path):
    digits, _, folder = finish()
    run = folder.parent.parent
    for reference, words in (
        ("run", "no such directory; a model is a directory, RUN_DIR:HASH, or"),
        (f"{tmp_path}/nowhere:1", "no run is here"),
        (f"{run}:zz", f"no trial starts with zz; .* has {digits}"),
    ):
        with pytest.raises(InputError, match=words):
            load(reference)
    (run / "trials" / f"{digits[0]}zz").mkdir()
    with pytest.raises(InputError, match=r"2 trials start with .*; give more digits"):
        load(f"{run}:{digits[0]}")
    (folder / "spec.json").write_text('{"format": 7}')
    with pytest.raises(StarfreeError, match=r"spec\.json: missing, or of another version"):
        load(f"{run}:{digits}")
    (folder / "result.json").unlink()
    with pytest.raises(InputError, match="not finished"):
        load(f"{run}:{digits}")


def test_directories_tell_their_alphabet(tmp_path):
    mamba = build("mamba", 4, 3, d_model=8)
    write_transformers(mamba, tmp_path / "named", ("(a", "(b"))
    write_transformers(mamba, tmp_path / "bare")
    found = load(tmp_path / "named")
    assert (found.kind, found.architecture) == ("transformers", "mamba")
    assert found.symbols == ("(a", "(b")
    assert load(tmp_path / "bare").symbols is None
    with torch.no_grad():
        tokens = torch.randint(4, (2, 7))
        assert torch.equal(found.model(tokens)[..., :3], mamba(tokens))


def test_a_textbook_directory_gives_its_model_back(tmp_path):
    layer = LayerOptions(rules=1, state=1, hats=1, values=1, width=4)
    model = Textbook(4, 3, TextbookOptions(layers=[layer], answers=1))
    write_textbook(model, tmp_path)
    found = load(tmp_path)
    assert found.architecture == "textbook"
    assert same(found.model, model)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors is missing"):
        load(tmp_path)


def test_directories_without_a_model_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no config\.json is here, so no model"):
        load(tmp_path)
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(InputError, match="not JSON"):
        load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(InputError, match="the model is of type 'gpt2', not 'mamba'"):
        load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    torch.save({"x": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="weights in other formats: load them with transformers"):
        load(tmp_path)


def test_a_user_s_model_has_the_sizes_that_its_weights_fit(mine):
    name, model = mine
    assert same(load(f"{name}:build@w.safetensors").model, model)
    assert same(load(f"{name}:build@w.safetensors", symbols=2).model, model)
    with pytest.raises(InputError, match=r"built for 5 tokens and 4 outputs, the tensor into"):
        load(f"{name}:build@w.safetensors", symbols=3)


def test_weights_keep_their_dtype_and_random_numbers_are_left_alone(mine):
    name, model = mine
    save_file({k: t.bfloat16() for k, t in model.state_dict().items()}, "half.safetensors")
    before = torch.random.get_rng_state()
    found = load(f"{name}:build@half.safetensors")
    assert {p.dtype for p in found.model.parameters()} == {torch.bfloat16}
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_a_user_got_wrong_is_said(mine):
    name, _ = mine
    torch.save({"x": torch.zeros(1)}, "w.pt")
    save_file({"x": torch.zeros(1)}, "other.safetensors")
    save_file({"x": torch.zeros(2)}, "small.safetensors")
    for reference, words in (
        (f"{name}:build@w.pt", "w.pt: a pickle, which can run code"),
        (f"{name}:build@nowhere.safetensors", "nowhere.safetensors: no such file"),
        (f"{name}:build@.", "a folder, not a safetensors file"),
        (f"{name}:build@{name}.py", "no readable safetensors"),
        (f"{name}:number@w.safetensors", "number is no function (vocabulary, outputs)"),
        (f"{name}:nothing@w.safetensors", "has no function nothing"),
        ("no_such_module:build@w.safetensors", "no module 'no_such_module'"),
        (f"{name}:build@other.safetensors", f"not the weights of {name}:build: no size"),
        (f"{name}:build@small.safetensors", "the tensor into.weight is missing"),
        (f"{name}:narrow@w.safetensors", "the tensor into.weight is"),
    ):
        with pytest.raises(InputError) as caught:
            load(reference)
        assert words in str(caught.value)


def test_other_code_under_a_trial_s_name_is_refused(finish, mine):
    name, _ = mine
    digits, _, folder = finish()
    spec = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(
        json.dumps(spec | {"model": f"{name}:build", "options": {}, "model_file": "0" * 64})
    )
    with pytest.raises(InputError, match=r"is not the file that was trained"):
        load(f"{folder.parent.parent}:{digits}")


def test_forms_are_told_apart(tmp_path):
    assert parse("a/b:c1").run.name == "b"
    assert parse("m:build@x.safetensors").builder == "m:build"
    assert [names_a_model(t) for t in ("d-2", "runs/x:1", "m:b@w", str(tmp_path))] == [
        False, True, True, True,
    ]  # fmt: skip
