"""The weights of a `models.mamba.Mamba` (any module of that structure) as the kernels take them."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from starfree.models.scan.backbone import LayerParameters, Parameters, Shape, usable


def fused(model: nn.Module) -> tuple[Shape, Parameters] | None:
    """Sizes and live parameters, or None where PyTorch has to compute.

    The structure is state-spaces/mamba's: `embedding`, `layers` of `norm` and `mixer`, `norm_f`,
    `head`. The tensors are the module's own: a step of `TrainStep` changes the model.
    """
    module: Any = model
    norms = [*(layer.norm for layer in module.layers), module.norm_f]
    if not module.options.fusible or len({norm.eps for norm in norms}) > 1:
        return None  # the kernels know one epsilon
    first = module.layers[0].mixer
    if first.in_proj.bias is not None:
        return None  # nor do they know this bias
    inner, _, taps = first.conv1d.weight.shape
    norm = module.norm_f
    shape = Shape(
        layers=len(module.layers),
        d_model=module.embedding.embedding_dim,
        d_inner=inner,
        d_state=first.A_log.shape[1],
        d_conv=taps,
        dt_rank=first.dt_proj.weight.shape[1],
        vocabulary=module.embedding.num_embeddings,
        outputs=module.head.out_features,
        layer_norm=isinstance(norm, nn.LayerNorm),
        epsilon=float(norm.eps),
        signed=module.options.gates == "signed",
    )
    parameters = Parameters(
        module.embedding.weight,
        tuple(_layer(layer.norm, layer.mixer) for layer in module.layers),
        norm.weight,
        getattr(norm, "bias", None),
        module.head.weight,
        module.head.bias,
    )
    return (shape, parameters) if usable(parameters.flat()) else None


def _layer(norm: Any, mixer: Any) -> LayerParameters:
    conv: Tensor = mixer.conv1d.weight
    return LayerParameters(
        norm.weight,
        getattr(norm, "bias", None),
        mixer.in_proj.weight,
        conv.view(conv.shape[0], conv.shape[2]),
        mixer.conv1d.bias,
        mixer.x_proj.weight,
        mixer.dt_proj.weight,
        mixer.dt_proj.bias,
        mixer.A_log,
        mixer.D,
        mixer.out_proj.weight,
    )
