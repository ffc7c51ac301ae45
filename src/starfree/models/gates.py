"""The gates of a model, measured: random strings go through it, and what its states are multiplied
by is watched.

A range that was measured is a fact about these strings; that a gate cannot be negative, or does not
depend on the input, can also be read off the architecture. Of a user's own module nothing is known.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from starfree.models.attention import Transformer
from starfree.models.gate_range import LENGTH, STRINGS, Gates, Range, Recurrence, bound, watching
from starfree.models.mamba import Mamba, Mixer
from starfree.models.recurrent import Gru, Lstm, Rnn
from starfree.models.stack import Stack
from starfree.models.stack_gates import stack_gates
from starfree.models.textbook import Textbook, TextbookLayer

ROUNDING = 1e-5  # of eigenvalues


@torch.no_grad()
def measure(model: nn.Module, letters: int | None = None, seed: int = 0) -> Gates:
    """Measure the gates of a model on random strings.

    Args:
        model: any; one whose gates are not known here is `unknown`.
        letters: tokens are drawn from 0 .. letters-1, after `^` (letters + 1); by default from the
            whole vocabulary.
        seed: of the strings.
    """
    model.eval()
    match model:
        case Mamba():
            return _mamba(model, _strings(model.embedding.num_embeddings, letters, seed))
        case Textbook():
            return _textbook(model, _strings(model.vocabulary, letters, seed))
        case Lstm():
            return _lstm(model, _strings(model.embedding.num_embeddings, letters, seed))
        case Rnn() | Gru():
            return Gates("dense", model.options.layers, window=1)
        case Stack():
            return stack_gates(model, _strings(model.embedding.num_embeddings, letters, seed))
        case Transformer():
            position = model.options.position
            return Gates("attention", len(model.layers), window=1, position=position)
    return Gates("unknown")


def _strings(vocabulary: int, letters: int | None, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    highest = vocabulary if letters is None else max(letters, 1)
    tokens = torch.randint(highest, (STRINGS, LENGTH), generator=generator)
    if letters is not None:
        tokens[:, 0] = letters + 1
    return tokens


def _mamba(model: Mamba, tokens: Tensor) -> Gates:
    mixers = [module for module in model.modules() if isinstance(module, Mixer)]
    window = 1 + sum(_reach(mixer) for mixer in mixers)
    if not model.options.recurrence:
        return Gates("none", 0, input_dependent=False, window=window)
    seen = Range()
    signed = model.options.gates == "signed"

    def watch(mixer: Mixer, projected: Tensor) -> None:
        used = mixer.out_proj.weight.ne(0).any(0)
        step = F.linear(projected[..., : mixer.dt_rank], mixer.dt_proj.weight, mixer.dt_proj.bias)
        step = F.softplus(step)[..., used].flatten(0, -2)
        rate = mixer.A_log[used].exp()
        # a gate falls as its step size grows
        least = torch.exp(-step.amax(0)[:, None] * rate)
        greatest = torch.exp(-step.amin(0)[:, None] * rate)
        seen.add(*((2 * gate - 1 if signed else gate) for gate in (least, greatest)))

    with watching((mixer.x_proj, bound(watch, mixer)) for mixer in mixers):
        model(tokens)
    return Gates("diagonal", len(mixers), **seen.found, window=window)


def _reach(mixer: Mixer) -> int:
    """How many symbols before this one a layer's convolution sees."""
    taps = mixer.conv1d.weight[:, 0].ne(0).any(0).nonzero()[:, 0]
    return int(mixer.conv1d.weight.shape[-1] - 1 - taps.min()) if len(taps) else 0


def _textbook(model: Textbook, tokens: Tensor) -> Gates:
    layers = [layer for layer in model.layers if isinstance(layer, TextbookLayer)]
    added = len(model.previous)
    delayed = any(bool(layer.rules.weight[:, -added:].any()) for layer in layers)
    delayed |= added > 0 and bool(model.answers.weight[:, -added:].any())
    seen, is_complex, commute = Range(), False, True
    fired: list[list[Tensor]] = [[] for _ in layers]

    def watch(place: int, counted: Tensor) -> None:
        fired[place].append(F.relu(counted).flatten(0, -2))

    with watching((layer.rules, bound(watch, place)) for place, layer in enumerate(layers)):
        model(tokens)
    for layer, rows in zip(layers, fired, strict=True):
        patterns: Tensor = torch.unique(torch.cat(rows), dim=0)
        matrices = _matrices(layer, patterns.float())
        values = torch.linalg.eigvals(matrices)
        diagonal = bool((matrices == torch.diag_embed(matrices.diagonal(dim1=1, dim2=2))).all())
        real = matrices.diagonal(dim1=1, dim2=2) if diagonal else values.real
        seen.add(real.amin(0), real.amax(0))
        seen.moves |= bool((matrices != matrices[0]).any())
        is_complex |= not diagonal and bool((values.imag.abs() > ROUNDING).any())
        products = torch.einsum("aij,bjk->abik", matrices, matrices)
        commute &= diagonal or bool(torch.allclose(products, products.transpose(0, 1)))
    reflections = max((len(layer.reflections) for layer in layers), default=0)
    kind: Recurrence = "reflections" if reflections else "diagonal" if commute else "dense"
    return Gates(
        kind,
        len(layers),
        **seen.found,
        complex=is_complex,
        window=1 + delayed,
        reflections=reflections,
    )


def _matrices(layer: TextbookLayer, fired: Tensor) -> Tensor:
    """By which matrix the state is multiplied, ``[rows, state, state]``, for rules that fired."""
    gates = torch.diag_embed(F.linear(fired, layer.gate.weight.float(), layer.gate.bias.float()))
    if len(layer.rotations):
        gates = gates + torch.einsum("br,rij->bij", fired, layer.rotations.float())
    for directions in layer.reflections.float():
        k = fired @ directions
        gates = gates - k[:, :, None] * (k[:, None] @ gates)
    return gates


def _lstm(model: Lstm, tokens: Tensor) -> Gates:
    """The forget gates; the cell's other path, through the output gate, is dense."""
    network, seen = model.lstm, Range()
    x = model.embedding(tokens)
    for layer in range(network.num_layers):
        weights = [getattr(network, f"{name}_l{layer}") for name in _LSTM_WEIGHTS]
        single = nn.LSTM(x.shape[-1], network.hidden_size, batch_first=True, dtype=x.dtype)
        for name, weight in zip(_LSTM_WEIGHTS, weights, strict=True):
            getattr(single, f"{name}_l0").copy_(weight)
        outputs, _ = single(x)
        before = F.pad(outputs, (0, 0, 1, 0))[:, :-1]
        sums = F.linear(x, weights[0], weights[2]) + F.linear(before, weights[1], weights[3])
        forget = sums.chunk(4, dim=-1)[1].sigmoid().flatten(0, 1)
        seen.add(forget.amin(0), forget.amax(0))
        x = outputs
    return Gates("lstm", network.num_layers, **seen.found, window=1)


_LSTM_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
