"""One training step of a Mamba in one call: forward, loss, backward, clipping, AdamW."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from starfree.models.scan import library as native
from starfree.models.scan.backbone import Parameters, Shape, _kernels

Objective = Literal["bits", "class-ce", "class-mse"]
_OBJECTIVES: dict[str, int] = {"bits": 0, "class-ce": 1, "class-mse": 2}


class AdamW(NamedTuple):
    """Settings of the optimiser, as `torch.optim.AdamW` names them; `clip` bounds the norm."""

    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    clip: float | None = None


class TrainStep:
    """Holds the optimiser's state of a model and trains it in place.

    The loss is the weighted mean over positions: for `bits` of the mean binary cross-entropy over
    the outputs, for `class-ce` of the cross-entropy, for `class-mse` of the mean squared distance
    to the one-hot class.

    Args:
        shape: sizes of the model.
        parameters: its tensors (float32 or float64, contiguous, on the CPU), updated in place.
        objective: which loss.
        decays: weight decay of each parameter that is not None, in the order of
            `Parameters.flat`, None leaving it as it is; one number for all of them.
    """

    def __init__(
        self,
        shape: Shape,
        parameters: Parameters,
        objective: Objective,
        decays: float | Sequence[float | None] = 0.0,
    ) -> None:
        flat = parameters.flat()
        tensors = [p.detach() for p in flat if p is not None]
        if not all(p.is_contiguous() for p in tensors):
            raise ValueError("a parameter is not contiguous")
        each = [decays] * len(tensors) if isinstance(decays, float | int) else list(decays)
        moved = [decay is not None for decay in each]
        self.steps = 0
        self.tensors = [p for p, moves in zip(tensors, moved, strict=True) if moves]
        self.gradients = [torch.zeros_like(p) for p in tensors]
        self.first_moments = [torch.zeros_like(p) for p in self.tensors]
        self.second_moments = [torch.zeros_like(p) for p in self.tensors]
        self._shape, self._struct = shape, shape.struct()
        self._dtype = tensors[0].dtype
        self._objective = _OBJECTIVES[objective]
        gradients = iter(self.gradients)
        self._parameters = native.pointers(flat)
        self._into = native.pointers([None if p is None else next(gradients) for p in flat])
        count = len(self.tensors)
        self._counts = (ctypes.c_int64 * count)(*(p.numel() for p in self.tensors))
        self._decays = (ctypes.c_double * count)(*(decay for decay in each if decay is not None))
        felt = [g for g, moves in zip(self.gradients, moved, strict=True) if moves]
        self._moved = [
            native.pointers(group)
            for group in (self.tensors, felt, self.first_moments, self.second_moments)
        ]

    def gradient(
        self,
        inputs: Tensor,
        targets: Tensor,
        weights: Tensor,
        lengths: Tensor,
        count: float | None = None,
    ) -> float:
        """The loss of a padded batch; its gradients are written to `gradients`.

        Args:
            inputs: int64 ``[B, L]``.
            targets: for `bits` bool or uint8 ``[B, L, outputs]``, else int64 classes ``[B, L]``.
            weights: ``[B, L]`` in the model's dtype; 0 where a position does not count.
            lengths: int64 ``[B]``; positions behind a sequence's end are not computed.
            count: what the sum of the losses is divided by; None is the sum of the weights.
        """
        if inputs.shape != weights.shape or lengths.shape != inputs.shape[:1]:
            raise ValueError(f"{inputs.shape} inputs, {weights.shape} weights, {lengths.shape}")
        bits = self._objective == 0
        wanted = torch.uint8 if bits else torch.int64
        if targets.dtype == torch.bool:
            targets = targets.view(torch.uint8)
        if targets.dtype != wanted or weights.dtype != self._dtype:
            raise ValueError(f"targets {targets.dtype} and weights {weights.dtype} do not fit")
        inputs, targets, weights = inputs.contiguous(), targets.contiguous(), weights.contiguous()
        total = float(weights.sum()) if count is None else count
        loss = ctypes.c_double()
        _kernels().call(
            "step",
            self._dtype,
            ctypes.addressof(self._struct),
            self._parameters,
            *inputs.shape,
            *(lengths, inputs, self._objective),
            *((targets, None) if bits else (None, targets)),
            *(weights, 1.0 / total if total else 0.0, self._into, ctypes.addressof(loss)),
            native.threads(),
        )
        return loss.value

    def update(self, settings: AdamW) -> float:
        """Move the parameters along `gradients`; returns their norm before clipping."""
        kernels = _kernels()
        count, norm, scale = len(self.tensors), 0.0, 1.0
        weights, gradients, first, second = self._moved
        if settings.clip is not None:
            norm = kernels.number("norm", self._dtype, count, self._counts, gradients)
            scale = min(1.0, settings.clip / (norm + 1e-6))
        self.steps += 1
        kernels.call(
            "adamw",
            self._dtype,
            *(count, self._counts, weights, gradients, first, second, self._decays),
            *(settings.learning_rate, *settings.betas, settings.epsilon, scale, self.steps),
        )
        return norm

    def __call__(
        self,
        inputs: Tensor,
        targets: Tensor,
        weights: Tensor,
        lengths: Tensor,
        settings: AdamW,
    ) -> float:
        """One step: the loss before it."""
        loss = self.gradient(inputs, targets, weights, lengths)
        self.update(settings)
        return loss
