"""AdamW, what it decays, and the course of the learning rate."""

from __future__ import annotations

import math

import torch
from torch import nn

from starfree.training.settings import TrainSettings


def make_optimiser(model: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW that decays weight matrices only (all parameters with `decay_all`).

    Not decayed: biases and norms (one dimension), embeddings, and what the model marks by
    ``_no_weight_decay``, as Mamba does A_log and D.
    """
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for parameter in model.parameters():
        if not parameter.requires_grad:
            continue
        keep = (
            parameter.ndim < 2
            or id(parameter) in embeddings
            or getattr(parameter, "_no_weight_decay", False)
        )
        (kept if keep and not settings.decay_all else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=settings.learning_rate, fused=True
    )


def learning_rate(settings: TrainSettings, progress: float) -> float:
    """The learning rate after a share `progress` of the budget, 0..1, plateaus aside."""
    if progress < settings.warmup:
        return settings.learning_rate * progress / settings.warmup
    if settings.decay in ("none", "plateau") or settings.warmup == 1:
        return settings.learning_rate
    fallen = min(1.0, (progress - settings.warmup) / (1 - settings.warmup))
    share = 1 - fallen if settings.decay == "linear" else (1 + math.cos(math.pi * fallen)) / 2
    return settings.learning_rate * share
