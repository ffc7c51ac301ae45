"""Our Mamba from and to the formats of others: `transformers` directories, `mamba_ssm` weights.

All three implementations compute the same function of the same tensors under other names, so that
weights move by renaming, and every size is read off the tensors. Neither package is needed here: a
`transformers` directory is a `config.json` and tensors in `model.safetensors`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from starfree.errors import InputError
from starfree.files import write_atomically
from starfree.models.mamba import NORM_EPSILON, Mamba, MambaOptions
from starfree.models.tokenizer_files import tokenizer_files

CONFIG, TENSORS, SHARDS = "config.json", "model.safetensors", "model.safetensors.index.json"
GENERATION = "generation_config.json"
BACKBONE, HEAD = "backbone.", "lm_head.weight"
THEIR_EMBEDDING = "backbone.embeddings.weight"

Tensors = Mapping[str, Tensor]


def read_transformers(folder: Path | str, outputs: int | None = None) -> Mamba:
    """The model of a directory that `transformers.MambaForCausalLM.save_pretrained` wrote.

    Args:
        folder: with `config.json` and the weights as safetensors.
        outputs: keep only the head's first rows, as a task needs them; by default all.

    Raises:
        InputError: no such directory, not a Mamba-1, or one with parts that ours does not have.
    """
    folder = Path(folder)
    config = _config(folder)
    tensors = _read_tensors(folder)
    ours = {}
    for name, tensor in tensors.items():
        if name == HEAD:
            ours["head.weight"] = tensor
        elif name == THEIR_EMBEDDING:
            ours["embedding.weight"] = tensor
        else:
            ours[name.removeprefix(BACKBONE)] = tensor
    if "head.weight" not in ours and "embedding.weight" in ours:
        ours["head.weight"] = ours["embedding.weight"]  # tied
    if outputs is not None and "head.weight" in ours:
        rows = len(ours["head.weight"])
        if not 1 <= outputs <= rows:
            raise InputError(f"{folder}: {outputs} outputs asked for, and its head has {rows}")
        ours["head.weight"] = ours["head.weight"][:outputs]
    return _assemble(ours, float(config.get("layer_norm_epsilon", NORM_EPSILON)), str(folder))


def write_transformers(model: Mamba, folder: Path | str, symbols: Sequence[str] = ()) -> None:
    """Write a directory that `transformers.MambaForCausalLM.from_pretrained` loads.

    There vocabulary and outputs are the same number. A head with fewer rows (task `predict` never
    answers `^`) gets rows of zeros: these logits are 0, which reads "not legal", and `generate` is
    told to suppress them.

    Args:
        model: with RMSNorm and without a bias in its head: `transformers` knows no other.
        folder: made if it is missing.
        symbols: the alphabet of a model that reads `^` first; a tokenizer is written for it.

    Raises:
        InputError: the model cannot be said in their format.
        OSError: the folder cannot be written.
    """
    folder = Path(folder)
    for what, instead in _not_theirs(model):
        raise InputError(f"transformers' Mamba has no {what}: train with {instead}")
    embedding, head = model.embedding.weight, model.head.weight
    vocabulary, outputs = len(embedding), len(head)
    entries = max(vocabulary, outputs)
    tensors = {THEIR_EMBEDDING: _with_rows(embedding, entries), HEAD: _with_rows(head, entries)}
    for name, tensor in model.state_dict().items():
        if name not in ("embedding.weight", "head.weight"):
            tensors[BACKBONE + name] = tensor.detach().clone()
    special = {}
    if symbols:
        end, begin = len(symbols), len(symbols) + 1
        special = {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": end}
    never = {"suppress_tokens": list(range(outputs, entries))} if outputs < entries else {}
    files = {CONFIG: _their_config(model, entries) | special, GENERATION: {**special, **never}}
    if symbols:
        files |= tokenizer_files(symbols)
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        write_atomically(folder / name, text)
    write_atomically(folder / TENSORS, save(tensors, {"format": "pt"}))


def from_mixer_model(state: Tensors, epsilon: float = NORM_EPSILON) -> Mamba:
    """The model of a `mamba_ssm` state dict, whichever module it was taken from.

    A `MixerModel` alone: its final norm's output are the logits (as the authors ran the Dyck
    languages), so that the head is the identity. A module that holds one under any name and a
    linear head beside it (`MambaLMHeadModel`, the authors' models): both.

    Args:
        state: the tensors by name; a norm with a bias is a LayerNorm, one without an RMSNorm.
        epsilon: of the norms, which a state dict does not tell.

    Raises:
        InputError: a tensor is missing, or is no part of such a model.
    """
    source = "mamba_ssm state dict"
    ends = [name for name in state if name.endswith("embedding.weight")]
    if len(ends) != 1:
        raise InputError(f"{source}: {len(ends)} tensors are named embedding.weight, not one")
    prefix = ends[0].removesuffix("embedding.weight")
    parts = tuple(prefix + part for part in ("embedding.", "layers.", "norm_f."))
    ours = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(parts)}
    for name, tensor in state.items():
        if name.startswith(parts):
            continue
        end = name.rpartition(".")[2]
        if end not in ("weight", "bias") or f"head.{end}" in ours:
            raise InputError(f"{source}: {name} is no part of a MixerModel and a linear head")
        ours[f"head.{end}"] = tensor
    if "head.weight" not in ours:
        ours["head.weight"] = torch.eye(ours["embedding.weight"].shape[1])
    return _assemble(ours, epsilon, source)


def to_mixer_model(model: Mamba) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """State dicts of a `mamba_ssm` `MixerModel` and of the linear head after it, as copies.

    Raises:
        InputError: the model has signed gates or no recurrence, which `mamba_ssm` does not know.
    """
    if not model.options.published:
        raise InputError(
            "mamba_ssm has no signed gates and no layer without its recurrence: train with gates: "
            "positive and recurrence: true"
        )
    backbone, head = {}, {}
    for name, tensor in model.state_dict().items():
        part, _, rest = name.partition(".")
        if part == "head":
            head[rest] = tensor.detach().clone()
        else:
            backbone[name] = tensor.detach().clone()
    return backbone, head


def _assemble(tensors: Tensors, epsilon: float, source: str) -> Mamba:
    """A Mamba of tensors under our names; its sizes are theirs."""
    first = "layers.0.mixer."
    try:
        (vocabulary, d_model), outputs = tensors["embedding.weight"].shape, tensors["head.weight"]
        inner, _, d_conv = tensors[f"{first}conv1d.weight"].shape
        d_state = tensors[f"{first}A_log"].shape[1]
        dt_rank = tensors[f"{first}dt_proj.weight"].shape[1]
    except KeyError as error:
        raise InputError(f"{source}: no Mamba-1, the tensor {error} is missing") from None
    if inner % d_model:
        raise InputError(f"{source}: {inner} inner channels are no multiple of width {d_model}")
    options = MambaOptions(
        layers=1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("layers.")),
        d_model=d_model,
        d_state=d_state,
        d_conv=d_conv,
        expand=inner // d_model,
        dt_rank=dt_rank,
        norm="layer" if "norm_f.bias" in tensors else "rms",
        head_bias="head.bias" in tensors,
    )
    model = Mamba(vocabulary, len(outputs), options)
    if f"{first}in_proj.bias" in tensors:
        _give_biases(model)
    if tensors["embedding.weight"].dtype == torch.float64:
        model.double()
    wanted = model.state_dict()
    biases = {n: torch.zeros_like(t) for n, t in wanted.items() if n.endswith("conv1d.bias")}
    given = biases | dict(tensors)
    for name in wanted.keys() ^ given.keys():
        verb = "missing" if name in wanted else "no part of a Mamba as starfree knows it"
        raise InputError(f"{source}: the tensor {name} is {verb}")
    for name, tensor in wanted.items():
        if given[name].shape != tensor.shape:
            had, needed = tuple(given[name].shape), tuple(tensor.shape)
            raise InputError(f"{source}: the tensor {name} is {had}, not {needed}")
    model.load_state_dict(given)
    for module in model.modules():
        if isinstance(module, nn.RMSNorm | nn.LayerNorm):
            module.eps = epsilon
    return model


def _give_biases(model: Mamba) -> None:
    """Biases for the two outer projections of every layer (their `use_bias`).

    No option of ours makes them and the compiled kernels do not know them: such a model runs layer
    by layer.
    """
    for block in model.layers:
        mixer: Any = block.mixer
        for name in ("in_proj", "out_proj"):
            columns, rows = getattr(mixer, name).in_features, getattr(mixer, name).out_features
            setattr(mixer, name, nn.Linear(columns, rows))


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder}: no {CONFIG} is here, so no transformers model") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != "mamba":
        raise InputError(f"{path}: the model is of type {kind!r}, not 'mamba'")
    if config.get("hidden_act", "silu") not in ("silu", "swish"):
        raise InputError(f"{path}: activation {config['hidden_act']!r} is not silu")
    found: dict[str, Any] = config
    return found


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors, from one file or from the shards that an index names."""
    index = folder / SHARDS
    names = [TENSORS]
    if index.exists():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    tensors: dict[str, Tensor] = {}
    for name in names:
        try:
            tensors |= load_file(folder / name)
        except FileNotFoundError:
            raise InputError(
                f"{folder}: {name} is missing (weights in other formats: load them with "
                "transformers and save them with save_pretrained)"
            ) from None
        except SafetensorError as error:
            raise InputError(f"{folder / name}: no readable safetensors ({error})") from None
    return tensors


def _their_config(model: Mamba, entries: int) -> dict[str, Any]:
    """What `config.json` says of a model, whose vocabulary has so many entries."""
    mixer: Any = model.layers[0].mixer
    norm: Any = model.norm_f
    dtype = mixer.A_log.dtype
    inner, d_state = mixer.A_log.shape
    return {
        "architectures": ["MambaForCausalLM"],
        "model_type": "mamba",
        "dtype": str(dtype).removeprefix("torch."),
        "vocab_size": entries,
        "hidden_size": model.options.d_model,
        "intermediate_size": inner,
        "expand": model.options.expand,
        "state_size": d_state,
        "conv_kernel": model.options.d_conv,
        "time_step_rank": mixer.dt_rank,
        "num_hidden_layers": len(model.layers),
        "layer_norm_epsilon": float(norm.eps),
        "hidden_act": "silu",
        "use_bias": mixer.in_proj.bias is not None,
        "use_conv_bias": True,
        "residual_in_fp32": dtype != torch.float64,  # which would be rounded
        "tie_word_embeddings": False,
        # their defaults are 0, which is a symbol here
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }


def _not_theirs(model: Mamba) -> list[tuple[str, str]]:
    """What of a model their format cannot say, and what to train instead."""
    found = []
    if isinstance(model.norm_f, nn.LayerNorm):
        found.append(("LayerNorm", "norm: rms (or take the weights as mamba_ssm's)"))
    if model.head.bias is not None:
        found.append(("bias in the head", "head_bias: false"))
    if not model.options.recurrence:
        found.append(("layer without its recurrence", "recurrence: true"))
    if model.options.gates == "signed":
        found.append(("signed gates", "gates: positive"))
    return found


def _with_rows(weight: Tensor, rows: int) -> Tensor:
    """A copy with rows of zeros below, so many in all."""
    return nn.functional.pad(weight.detach(), (0, 0, 0, rows - len(weight))).clone()
