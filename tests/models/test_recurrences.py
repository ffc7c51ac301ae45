"""Each recurrence against its definition, written down symbol by symbol in float64."""

import cmath
import math

import pytest
import torch
from torch.nn import functional as F

from starfree.models.delta import DeltaLayer, DeltaOptions
from starfree.models.diagonal import DiagonalLayer, DiagonalOptions
from starfree.models.gla import GlaLayer, GlaOptions
from starfree.models.hybrid import AttentionLayer, AttentionOptions
from starfree.models.mamba2 import Mamba2Layer, Mamba2Options
from starfree.models.model import build
from starfree.models.s4d import S4dLayer, S4dOptions
from starfree.models.xlstm import MlstmLayer, MlstmOptions, SlstmLayer, SlstmOptions

WIDTH, LENGTH = 8, 70  # more than a chunk


def made(kind, **options):
    torch.manual_seed(3)
    layer = kind(options.pop("options")(d_model=WIDTH, **options)).double()
    return layer.requires_grad_(False), torch.randn(2, LENGTH, WIDTH, dtype=torch.float64)


def convolved(convolution, x):
    """The last inputs, weighted, and SiLU; what is before the first is zero."""
    weight, bias = convolution.conv1d.weight[:, 0], convolution.conv1d.bias
    rows = []
    for t in range(x.shape[1]):
        total = bias.expand(len(x), -1)
        for back in range(min(t + 1, weight.shape[1])):
            total = total + x[:, t - back] * weight[:, weight.shape[1] - 1 - back]
        rows.append(total * torch.sigmoid(total))
    return torch.stack(rows, dim=1)


def root_mean_square_norm(x, norm):
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * norm.weight


def heads_of(x, heads):
    """``[B, n]`` as ``[B, heads, n / heads]``."""
    return x.view(len(x), heads, -1)


def check(layer, x, by_hand):
    y, _ = layer(x, layer.initial_state(len(x)))
    torch.testing.assert_close(y, by_hand, rtol=1e-9, atol=1e-10)


GATES = {
    "positive": lambda w: 1 / (1 + math.exp(-w)),
    "signed": lambda w: 2 / (1 + math.exp(-w)) - 1,
    "circle": lambda w: cmath.exp(1j * w),
    "disc": lambda w, angle: cmath.exp(1j * angle) / (1 + math.exp(-w)),
}


@pytest.mark.parametrize("gates", list(GATES))
@pytest.mark.parametrize("input_dependent", [True, False])
@pytest.mark.parametrize("d_conv", [1, 4])
def test_diagonal(gates, input_dependent, d_conv):
    layer, x = made(
        DiagonalLayer,
        options=DiagonalOptions,
        gates=gates,
        input_dependent=input_dependent,
        d_conv=d_conv,
        expand=1,
    )
    u = convolved(layer.convolution, x) if d_conv > 1 else x
    rows = []
    for b in range(len(x)):
        hidden = [0.0] * WIDTH
        for t in range(LENGTH):
            logits = layer.gate(u[b, t]) if input_dependent else layer.gate_logits
            added = layer.in_proj(u[b, t]).tolist()
            numbers = logits.view(-1, WIDTH).T.tolist()
            seen = []
            for e in range(WIDTH):
                if layer.complex:
                    hidden[e] = GATES[gates](*numbers[e]) * hidden[e]
                    hidden[e] += complex(added[2 * e], added[2 * e + 1])
                    seen += [hidden[e].real, hidden[e].imag]
                else:
                    hidden[e] = GATES[gates](*numbers[e]) * hidden[e] + added[e]
                    seen.append(hidden[e])
            z = layer.output_gate(x[b, t])
            rows.append(
                layer.out_proj(torch.tensor(seen, dtype=torch.float64) * z * torch.sigmoid(z))
            )
    check(layer, x, torch.stack(rows).view(2, LENGTH, WIDTH))


@pytest.mark.parametrize("gates", ["positive", "signed", "disc", "circle"])
@pytest.mark.parametrize("start", ["keep", "flip", "spread"])
def test_gates_start_as_asked(gates, start):
    if (gates, start) == ("positive", "flip"):
        return
    torch.manual_seed(0)
    options = DiagonalOptions(d_model=64, gates=gates, start=start, input_dependent=False)
    layer = DiagonalLayer(options)
    found = layer.gates_of(layer.gate_logits)
    size = found.abs()
    if gates == "circle":
        torch.testing.assert_close(size, torch.ones(128))
    else:
        assert size.min() > 0.899
        assert size.max() < 0.9991
    if gates == "positive":
        return
    near = {"keep": 1, "flip": -1}.get(start)
    if near is None:
        assert found.real.min() < -0.8
        assert found.real.max() > 0.8
    else:
        assert ((found - near).abs() < 0.101).all()


@pytest.mark.parametrize(
    ("eigenvalues", "reflections", "d_conv"),
    [("positive", 1, 4), ("signed", 1, 1), ("signed", 3, 4)],
)
def test_delta_is_a_product_of_householder_maps(eigenvalues, reflections, d_conv):
    layer, x = made(
        DeltaLayer,
        options=DeltaOptions,
        heads=2,
        eigenvalues=eigenvalues,
        reflections=reflections,
        d_conv=d_conv,
    )
    projected = layer.in_proj(x)
    projected = convolved(layer.convolution, projected) if d_conv > 1 else F.silu(projected)
    state = torch.zeros(2, 2, 4, 4, dtype=torch.float64)  # [B, heads, key, value]
    rows = []
    for t in range(LENGTH):
        q, *parts = projected[:, t].split(WIDTH, dim=-1)
        betas = torch.sigmoid(layer.beta(x[:, t])).split(2, dim=-1)
        for n in range(reflections):
            k = heads_of(parts[n], 2)
            k = (k / k.norm(dim=-1, keepdim=True))[..., None]
            v = heads_of(parts[reflections + n], 2)[..., None, :]
            beta = betas[n][..., None, None] * (2 if eigenvalues == "signed" else 1)
            step = torch.eye(4, dtype=torch.float64) - beta * k @ k.mT
            smallest = torch.linalg.eigvalsh(step).min()
            assert smallest > (-1 if eigenvalues == "signed" else 0)
            state = step @ state + beta * k @ v
        q = heads_of(q, 2)
        read = (state.mT @ (q / q.norm(dim=-1, keepdim=True))[..., None])[..., 0]
        rows.append(layer.out_proj(root_mean_square_norm(read, layer.norm).flatten(1)))
    check(layer, x, torch.stack(rows, dim=1))


def test_gated_linear_attention():
    layer, x = made(GlaLayer, options=GlaOptions, heads=2)
    state = torch.zeros(2, 2, 2, 4, dtype=torch.float64)
    rows = []
    for t in range(LENGTH):
        parts = layer.in_proj(x[:, t]).split([4, 4, 8, 8], dim=-1)
        q, k, v, r = (heads_of(part, 2) for part in parts)
        gate = heads_of(torch.sigmoid(layer.gate(x[:, t])) ** (1 / 16), 2)
        state = gate[..., None] * state + k[..., None] * v[..., None, :]
        read = (state.mT @ (q / math.sqrt(2))[..., None])[..., 0]
        read = root_mean_square_norm(read, layer.norm) * r * torch.sigmoid(r)
        rows.append(layer.out_proj(read.flatten(1)))
    check(layer, x, torch.stack(rows, dim=1))


@pytest.mark.parametrize("gates", ["positive", "signed"])
def test_mamba2(gates):
    layer, x = made(Mamba2Layer, options=Mamba2Options, d_state=3, expand=1, heads=2, gates=gates)
    layer.dt_bias += 3  # gates of both signs
    z, inner, dt = layer.in_proj(x).split([8, 14, 2], dim=-1)
    u, B, C = convolved(layer.convolution, inner).split([8, 3, 3], dim=-1)
    state = torch.zeros(2, 2, 4, 3, dtype=torch.float64)  # [B, heads, channel, state]
    rows = []
    for t in range(LENGTH):
        step = torch.log(1 + torch.exp(dt[:, t] + layer.dt_bias))
        gate = torch.exp(-step * layer.A_log.exp())
        gate = 2 * gate - 1 if gates == "signed" else gate
        now = heads_of(u[:, t], 2)
        added = (step[..., None] * now)[..., None] * B[:, t, None, None]
        state = gate[..., None, None] * state + added
        y = (state * C[:, t, None, None]).sum(-1) + layer.D[:, None] * now
        y = y.flatten(1) * z[:, t] * torch.sigmoid(z[:, t])
        rows.append(layer.out_proj(root_mean_square_norm(y, layer.norm)))
    check(layer, x, torch.stack(rows, dim=1))


def test_s4d_is_a_discretised_linear_system():
    layer, x = made(S4dLayer, options=S4dOptions, d_state=4)
    rows = []
    for b in range(2):
        hidden = [[0j, 0j] for _ in range(WIDTH)]
        for t in range(LENGTH):
            y = []
            for e in range(WIDTH):
                step, total = math.exp(layer.log_dt[e]), layer.D[e].item() * x[b, t, e].item()
                for n in range(2):
                    A = complex(-math.exp(layer.A_log[e, n]), layer.A_imag[e, n].item())
                    gate = cmath.exp(step * A)
                    hidden[e][n] = gate * hidden[e][n] + (gate - 1) / A * x[b, t, e].item()
                    total += 2 * (complex(*layer.C[e, n].tolist()) * hidden[e][n]).real
                y.append(total)
            value, gate = layer.out_proj(F.gelu(torch.tensor(y, dtype=torch.float64))).chunk(2)
            rows.append(value * torch.sigmoid(gate))
    # at the start A = -1/2 + i pi n
    torch.testing.assert_close(
        layer.A_imag[0], torch.tensor([0.0, math.pi]).double(), rtol=1e-6, atol=0
    )
    assert torch.allclose(layer.A_log.exp(), torch.tensor(0.5).double())
    check(layer, x, torch.stack(rows).view(2, LENGTH, WIDTH))


def test_mlstm_without_any_rescaling():
    layer, x = made(MlstmLayer, options=MlstmOptions, heads=2, expand=1)
    inner, z = layer.in_proj(x).chunk(2, dim=-1)
    seen = convolved(layer.convolution, inner)
    memory = torch.zeros(2, 2, 4, 4, dtype=torch.float64)
    normaliser = torch.zeros(2, 2, 4, dtype=torch.float64)
    rows = []
    for t in range(LENGTH):
        q, k = (heads_of(part, 2) for part in layer.queries_keys(seen[:, t]).chunk(2, dim=-1))
        v, k = heads_of(layer.values(inner[:, t]), 2), k / 2
        log_in, forget = layer.gates(seen[:, t]).chunk(2, dim=-1)
        i, f = torch.exp(log_in)[..., None], torch.sigmoid(forget)[..., None]
        memory = f[..., None] * memory + i[..., None] * k[..., None] * v[..., None, :]
        normaliser = f * normaliser + i * k
        divisor = (normaliser * q).sum(-1, keepdim=True).abs().clamp(min=1)
        read = (memory.mT @ q[..., None])[..., 0] / divisor
        y = root_mean_square_norm(read, layer.norm).flatten(1) + layer.skip * seen[:, t]
        rows.append(layer.out_proj(y * z[:, t] * torch.sigmoid(z[:, t])))
    check(layer, x, torch.stack(rows, dim=1))


def test_slstm_without_any_rescaling():
    layer, x = made(SlstmLayer, options=SlstmOptions, heads=2)
    seen = convolved(layer.convolution, x)
    cell = normaliser = output = torch.zeros(2, 2, 4, dtype=torch.float64)
    rows = []
    for t in range(LENGTH):
        mixing = torch.einsum("bhn,hnm->bhm", output, layer.recurrent).split(4, dim=-1)
        parts = [
            *layer.in_forget(seen[:, t]).chunk(2, -1),
            *layer.cell_output(x[:, t]).chunk(2, -1),
        ]
        log_in, forget, value, gate = (
            heads_of(part, 2) + mixed for part, mixed in zip(parts, mixing, strict=True)
        )
        i, f = torch.exp(log_in), torch.sigmoid(forget)
        cell, normaliser = f * cell + i * torch.tanh(value), f * normaliser + i
        output = torch.sigmoid(gate) * cell / normaliser
        rows.append(layer.out_proj(root_mean_square_norm(output, layer.norm).flatten(1)))
    check(layer, x, torch.stack(rows, dim=1))


def test_exponential_gates_do_not_overflow():
    for kind, options in ((MlstmLayer, MlstmOptions), (SlstmLayer, SlstmOptions)):
        layer, x = made(kind, options=options, heads=2)
        bias = layer.gates.bias if kind is MlstmLayer else layer.in_forget.bias
        bias[: len(bias) // 2] += torch.linspace(0, 300, len(bias) // 2)
        y, state = layer.float()(x.float(), layer.float().initial_state(2))
        assert y.isfinite().all()
        assert all(part.isfinite().all() for part in state)


@pytest.mark.parametrize("position", ["none", "rotary"])
def test_attention_over_all_symbols_so_far(position):
    layer, x = made(AttentionLayer, options=AttentionOptions, heads=2, position=position)
    rows = []
    projected = layer.queries_keys_values(x).view(2, LENGTH, 3, 2, 4)

    def turned(vector, t):
        """Pairs (i, i + 2) by the angles t and t / 100."""
        if position == "none":
            return vector
        a, b, c, d = vector.tolist()
        first, second = complex(a, c) * cmath.exp(1j * t), complex(b, d) * cmath.exp(0.01j * t)
        return torch.tensor([first.real, second.real, first.imag, second.imag], dtype=torch.float64)

    for b in range(2):
        for t in range(LENGTH):
            read = []
            for h in range(2):
                q = turned(projected[b, t, 0, h], t)
                scores = [turned(projected[b, s, 1, h], s) @ q / 2 for s in range(t + 1)]
                weights = torch.softmax(torch.stack(scores), 0)
                read.append(weights @ projected[b, : t + 1, 2, h])
            rows.append(layer.out_proj(torch.cat(read)))
    check(layer, x, torch.stack(rows).view(2, LENGTH, WIDTH))


def test_gru_and_rnn():
    tokens = torch.randint(0, 5, (1, 30), generator=torch.Generator().manual_seed(0))
    for name in ("gru", "rnn"):
        torch.manual_seed(1)
        model = build(name, 5, 3, layers=1, d_model=6).double().requires_grad_(False)
        cell, hidden, rows = model.recurrent, torch.zeros(6, dtype=torch.float64), []
        for token in tokens[0]:
            given = cell.weight_ih_l0 @ model.embedding.weight[token] + cell.bias_ih_l0
            mixed = cell.weight_hh_l0 @ hidden + cell.bias_hh_l0
            if name == "rnn":
                hidden = torch.tanh(given + mixed)
            else:
                (r, z, n), (rh, zh, nh) = given.chunk(3), mixed.chunk(3)
                z = torch.sigmoid(z + zh)
                hidden = (1 - z) * torch.tanh(n + torch.sigmoid(r + rh) * nh) + z * hidden
            rows.append(model.head.weight @ hidden + model.head.bias)
        torch.testing.assert_close(model(tokens)[0], torch.stack(rows))
