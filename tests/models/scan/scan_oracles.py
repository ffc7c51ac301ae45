"""A second, naive Mamba in plain PyTorch, one step at a time: the truth of the kernels' tests."""

import torch
from torch import Tensor
from torch.nn import functional as F

from starfree.models.scan.backbone import LayerParameters, Parameters, Shape


def random_parameters(shape: Shape, seed: int = 0) -> Parameters:
    """Float64 leaves with gates well inside (0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    d, E, N, R = shape.d_model, shape.d_inner, shape.d_state, shape.dt_rank

    def draw(*size: int, scale: float = 1.0, offset: float = 0.0) -> Tensor:
        values = torch.randn(*size, generator=generator, dtype=torch.float64)
        return (offset + scale * values).requires_grad_()

    def norm() -> tuple[Tensor, Tensor | None]:
        return draw(d, scale=0.1, offset=1), draw(d, scale=0.1) if shape.layer_norm else None

    layers = tuple(
        LayerParameters(
            *norm(),
            draw(2 * E, d, scale=d**-0.5),
            draw(E, shape.d_conv, scale=shape.d_conv**-0.5),
            draw(E, scale=0.1),
            draw(R + 2 * N, E, scale=E**-0.5),
            draw(E, R, scale=R**-0.5),
            draw(E, offset=-2),
            draw(E, N, scale=0.5),
            draw(E, scale=0.1, offset=1),
            draw(d, E, scale=E**-0.5),
        )
        for _ in range(shape.layers)
    )
    head = draw(shape.outputs, d, scale=d**-0.5)
    return Parameters(draw(shape.vocabulary, d), layers, *norm(), head, draw(shape.outputs))


def converted(parameters: Parameters, dtype: torch.dtype) -> Parameters:
    """Fresh leaves of another dtype."""

    def leaf(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.detach().to(dtype).clone().requires_grad_()

    flat = [leaf(tensor) for tensor in parameters.flat()]
    width = len(LayerParameters._fields)
    layers = tuple(
        LayerParameters(*flat[1 + i * width : 1 + (i + 1) * width])
        for i in range(len(parameters.layers))
    )
    return Parameters(flat[0], layers, *flat[-4:])


def leaves(parameters: Parameters) -> list[Tensor]:
    return [tensor for tensor in parameters.flat() if tensor is not None]


def naive_mixer(x: Tensor, p: LayerParameters, signed: bool = False) -> Tensor:
    E, K = p.conv.shape
    N, R = p.A_log.shape[1], p.dt_proj.shape[1]
    u, z = (x @ p.in_proj.T).split(E, dim=-1)
    seen = F.pad(u, (0, 0, K - 1, 0))
    mixed = sum(seen[:, k : k + x.shape[1]] * p.conv[:, k] for k in range(K))
    u = F.silu(mixed + (p.conv_bias if p.conv_bias is not None else 0))
    dt, B, C = (u @ p.x_proj.T).split([R, N, N], dim=-1)
    delta = F.softplus(dt @ p.dt_proj.T + p.dt_bias)
    A, state, outputs = -torch.exp(p.A_log), x.new_zeros(x.shape[0], E, N), []
    for t in range(x.shape[1]):
        gate = torch.exp(delta[:, t, :, None] * A)
        gate = 2 * gate - 1 if signed else gate
        state = gate * state + (delta[:, t] * u[:, t])[..., None] * B[:, t, None]
        outputs.append((state * C[:, t, None]).sum(-1) + p.D * u[:, t])
    return (torch.stack(outputs, dim=1) * F.silu(z)) @ p.out_proj.T


def naive_mamba(tokens: Tensor, shape: Shape, parameters: Parameters) -> Tensor:
    def norm(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if shape.layer_norm:
            return F.layer_norm(x, x.shape[-1:], weight, bias, shape.epsilon)
        return x / torch.sqrt(x.square().mean(-1, keepdim=True) + shape.epsilon) * weight

    x = parameters.embedding[tokens]
    for layer in parameters.layers:
        x = x + naive_mixer(norm(x, layer.norm, layer.norm_bias), layer, shape.signed)
    x = norm(x, parameters.norm, parameters.norm_bias) @ parameters.head.T
    return x if parameters.head_bias is None else x + parameters.head_bias


def relative(ours: Tensor, truth: Tensor) -> float:
    """Relative distance in the L2 norm; NaN anywhere gives NaN, which no bound admits."""
    ours, truth = ours.detach().double(), truth.detach().double()
    return float((ours - truth).norm() / truth.norm().clamp_min(1e-12))
