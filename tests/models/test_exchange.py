"""Weights in and out: a directory made by transformers, and mamba_ssm's layout read naively."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from starfree.errors import InputError
from starfree.models import exchange
from starfree.models.model import build
from starfree.models.scan.fused import fused

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture
def transformers():
    return pytest.importorskip("transformers")


def noisy(**options):
    """A model whose every parameter is drawn, also those that start at 0 or 1."""
    torch.manual_seed(5)
    model = build("mamba", **{"vocabulary": 4, "outputs": 3, "d_model": 12, "d_state": 5} | options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def tokens(vocabulary, batch=3, length=23):
    return torch.randint(vocabulary, (batch, length), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def their_logits(model, inputs):
    return model.eval()(inputs, use_cache=False).logits


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    "sizes",
    [{}, {"conv_kernel": 3, "expand": 3, "time_step_rank": 2, "layer_norm_epsilon": 1e-3},
     {"use_conv_bias": False}],
)  # fmt: skip
def test_a_directory_made_by_transformers(transformers, tmp_path, tied, sizes):
    torch.manual_seed(0)
    config = transformers.MambaConfig(
        vocab_size=7, hidden_size=20, num_hidden_layers=2, state_size=6,
        tie_word_embeddings=tied, **sizes,
    )  # fmt: skip
    theirs = transformers.MambaForCausalLM(config)
    theirs.save_pretrained(tmp_path)
    inputs = tokens(7)
    ours = exchange.read_transformers(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(ours(inputs), their_logits(theirs, inputs), **CLOSE)
    back = tmp_path / "back"
    exchange.write_transformers(ours, back)
    again = transformers.MambaForCausalLM.from_pretrained(back)
    torch.testing.assert_close(their_logits(again, inputs), their_logits(theirs, inputs), **CLOSE)


def test_biases_of_the_outer_projections(transformers, tmp_path):
    """No option of ours has them; they are read, trained in plain PyTorch and written again."""
    torch.manual_seed(0)
    config = transformers.MambaConfig(
        vocab_size=7, hidden_size=20, num_hidden_layers=2, use_bias=True
    )
    theirs = transformers.MambaForCausalLM(config)
    for name, parameter in theirs.named_parameters():
        if name.endswith("_proj.bias"):
            torch.nn.init.normal_(parameter)
    theirs.save_pretrained(tmp_path)
    ours = exchange.read_transformers(tmp_path)
    assert fused(ours) is None
    logits = ours(tokens(7))
    torch.testing.assert_close(logits, their_logits(theirs, tokens(7)), **CLOSE)
    logits.square().sum().backward()
    for layer in ours.layers:
        for projection in (layer.mixer.in_proj, layer.mixer.out_proj):
            assert projection.bias.grad.abs().min() > 0
    exchange.write_transformers(ours, tmp_path / "back")
    again = transformers.MambaForCausalLM.from_pretrained(tmp_path / "back")
    torch.testing.assert_close(their_logits(again, tokens(7)), logits.detach(), **CLOSE)


def test_shards_are_read(transformers, tmp_path):
    config = transformers.MambaConfig(vocab_size=7, hidden_size=32, num_hidden_layers=2)
    theirs = transformers.MambaForCausalLM(config)
    theirs.save_pretrained(tmp_path, max_shard_size="10KB")
    assert (tmp_path / exchange.SHARDS).exists()
    with torch.no_grad():
        ours = exchange.read_transformers(tmp_path)(tokens(7))
    torch.testing.assert_close(ours, their_logits(theirs, tokens(7)), **CLOSE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_our_model_loads_in_transformers(transformers, tmp_path, dtype):
    ours = noisy(layers=2).to(dtype)
    exchange.write_transformers(ours, tmp_path, symbols=("a", "b"))
    theirs, report = transformers.MambaForCausalLM.from_pretrained(
        tmp_path, dtype="auto", output_loading_info=True
    )
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    logits = their_logits(theirs, tokens(4))
    with torch.no_grad():  # they give every logit as float32
        torch.testing.assert_close(logits[..., :3], ours(tokens(4)).float(), **CLOSE)
    assert not (logits[..., 3] > 0).any()  # ^ never is a legal answer
    again = exchange.read_transformers(tmp_path, outputs=3)
    assert again.options.model_dump() | {"dt_rank": 0} == ours.options.model_dump()
    assert all(torch.equal(t, again.state_dict()[n]) for n, t in ours.state_dict().items())


def test_more_outputs_than_tokens(transformers, tmp_path):
    ours = noisy(outputs=9)
    exchange.write_transformers(ours, tmp_path)
    theirs = transformers.MambaForCausalLM.from_pretrained(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(their_logits(theirs, tokens(4)), ours(tokens(4)), **CLOSE)


@pytest.mark.parametrize(
    ("symbols", "text"), [(("a", "b"), "abba"), (("(0", ")0", "x"), "(0 x )0")]
)
def test_the_tokenizer_reads_and_writes_strings(transformers, tmp_path, symbols, text):
    n = len(symbols)
    exchange.write_transformers(noisy(vocabulary=n + 2, outputs=n + 1), tmp_path, symbols)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    expected = [n + 1, *(symbols.index(s) for s in (text if " " not in text else text.split()))]
    assert tokenizer(text).input_ids == expected
    assert tokenizer("").input_ids == [n + 1]
    assert tokenizer.decode([*expected, n], skip_special_tokens=True) == text
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (n + 1, n)


def test_generate_yields_symbols_until_the_end(transformers, tmp_path):
    ours = noisy()
    with torch.no_grad():
        ours.head.weight.fill_(0.0)  # every logit is 0: only what is suppressed is never drawn
    exchange.write_transformers(ours, tmp_path, symbols=("a", "b"))
    theirs = transformers.MambaForCausalLM.from_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    torch.manual_seed(0)
    start = tokenizer([""] * 40, return_tensors="pt")
    drawn = theirs.generate(**start, do_sample=True, max_new_tokens=12)
    assert (drawn[:, 0] == 3).all()
    assert (drawn[:, 1:] != 3).all()
    for row in drawn[:, 1:].tolist():
        assert row[row.index(2) :].count(2) == len(row) - row.index(2) if 2 in row else True
    assert set(tokenizer.batch_decode(drawn, skip_special_tokens=True)) > {"", "a", "b"}


class NaiveMixerModel:
    """state-spaces/mamba's MixerModel over its state dict, position by position."""

    def __init__(self, state, epsilon=1e-5):
        self.state = state
        self.epsilon = epsilon
        self.layers = len({name.split(".")[1] for name in state if name.startswith("layers.")})

    def norm(self, x, name):
        weight, bias = self.state[f"{name}.weight"], self.state.get(f"{name}.bias")
        if bias is not None:
            x = x - x.mean(-1, keepdim=True)
        x = x / (x.square().mean(-1, keepdim=True) + self.epsilon).sqrt() * weight
        return x if bias is None else x + bias

    def __call__(self, inputs):
        x = self.state["embedding.weight"][inputs]
        for i in range(self.layers):
            x = x + torch.stack([self.mixer(row, i) for row in self.norm(x, f"layers.{i}.norm")])
        return self.norm(x, "norm_f")

    def mixer(self, x, i):
        p = {
            name.removeprefix(f"layers.{i}.mixer."): tensor
            for name, tensor in self.state.items()
            if name.startswith(f"layers.{i}.mixer.")
        }
        inner, states = p["A_log"].shape
        rank, taps = p["dt_proj.weight"].shape[1], p["conv1d.weight"].shape[2]
        u, z = (p["in_proj.weight"] @ x.T).split(inner)
        u = F.silu(
            F.conv1d(u[None], p["conv1d.weight"], p["conv1d.bias"], padding=taps - 1,
                     groups=inner)[0, :, : x.shape[0]]
        )  # fmt: skip
        h, rows = torch.zeros(inner, states), []
        for t in range(x.shape[0]):
            dt, B, C = (p["x_proj.weight"] @ u[:, t]).split([rank, states, states])
            delta = F.softplus(p["dt_proj.weight"] @ dt + p["dt_proj.bias"])[:, None]
            h = torch.exp(-delta * p["A_log"].exp()) * h + delta * B * u[:, t, None]
            rows.append(p["out_proj.weight"] @ ((h @ C + p["D"] * u[:, t]) * F.silu(z[:, t])))
        return torch.stack(rows)


@pytest.mark.parametrize("norm", ["rms", "layer"])
@pytest.mark.parametrize("bias", [True, False])
def test_mamba_ssm_weights_both_ways(norm, bias):
    ours = noisy(layers=2, norm=norm, head_bias=bias)
    mixer, head = exchange.to_mixer_model(ours)
    assert set(head) == ({"weight", "bias"} if bias else {"weight"})
    inputs = tokens(4, batch=2, length=9)
    expected = F.linear(NaiveMixerModel(mixer)(inputs), head["weight"], head.get("bias"))
    with torch.no_grad():
        torch.testing.assert_close(ours(inputs), expected, **CLOSE)
        theirs = {f"mamba.{n}": t for n, t in mixer.items()}
        theirs |= {f"linear.{n}": t for n, t in head.items()}
        again = exchange.from_mixer_model(theirs)
        torch.testing.assert_close(again(inputs), expected, **CLOSE)
        assert again.options.norm == norm


@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_without_an_output_layer_the_final_norm_gives_the_logits(norm):
    mixer, _ = exchange.to_mixer_model(noisy(layers=1, norm=norm, d_model=18, vocabulary=18))
    inputs = tokens(18, batch=2, length=9)
    ours = exchange.from_mixer_model(mixer, epsilon=1e-3)
    with torch.no_grad():
        assert ours(inputs).shape == (2, 9, 18)
        expected = NaiveMixerModel(mixer, epsilon=1e-3)(inputs)
        torch.testing.assert_close(ours(inputs), expected, **CLOSE)


def test_a_language_model_of_mamba_ssm():
    """MambaLMHeadModel ties its head to the embedding, and its state dict holds both."""
    mixer, _ = exchange.to_mixer_model(noisy())
    embedding = mixer["embedding.weight"]
    state = {f"backbone.{n}": t for n, t in mixer.items()} | {"lm_head.weight": embedding}
    inputs = tokens(4, batch=1, length=5)
    with torch.no_grad():
        logits = exchange.from_mixer_model(state)(inputs)
    torch.testing.assert_close(logits, NaiveMixerModel(mixer)(inputs) @ embedding.T, **CLOSE)


@pytest.mark.parametrize(
    ("options", "word"), [({"norm": "layer"}, "norm: rms"), ({"head_bias": True}, "head_bias: f")]
)
def test_what_transformers_cannot_say_is_refused(tmp_path, options, word):
    with pytest.raises(InputError, match=word):
        exchange.write_transformers(noisy(**options), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def broken(folder, change):
    exchange.write_transformers(noisy(), folder)
    change(folder)
    return folder


def edit_config(**fields):
    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | fields))

    return change


def edit_tensors(edit):
    def change(folder):
        tensors = load_file(folder / "model.safetensors")
        edit(tensors)
        save_file(tensors, folder / "model.safetensors")

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edit_config(model_type="mamba2"), "type 'mamba2'"),
        (edit_config(hidden_act="gelu"), "'gelu' is not silu"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"1"), "no readable"),
        (edit_tensors(lambda t: t.pop("backbone.layers.0.mixer.D")), "mixer.D is missing"),
        (
            edit_tensors(
                lambda t: t.update({"backbone.layers.0.mixer.x_proj.bias": torch.ones(48)})
            ),
            "x_proj.bias is no part",
        ),
        (
            edit_tensors(lambda t: t.update({"backbone.norm_f.weight": torch.ones(5)})),
            r"norm_f.weight is \(5,\), not \(12,\)",
        ),
    ],
)  # fmt: skip
def test_damaged_directories_are_named(tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        exchange.read_transformers(broken(tmp_path / "model", change))


def test_a_head_is_not_made_larger(tmp_path):
    exchange.write_transformers(noisy(), tmp_path)
    with pytest.raises(InputError, match="5 outputs asked for, and its head has 4"):
        exchange.read_transformers(tmp_path, outputs=5)
