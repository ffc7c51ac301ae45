"""One step of the optimiser: in PyTorch for any model, in one compiled call for a Mamba.

Both keep their moments in the same `torch.optim.AdamW`, so that a checkpoint has one form and a run
goes on from it with or without the kernels.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from starfree.models.mamba import Mamba
from starfree.models.scan import step as compiled
from starfree.models.scan.backbone import Parameters, Shape
from starfree.models.scan.fused import fused
from starfree.training.objectives import Batch, objective_of


class Step(Protocol):
    """Trains a model on one batch, at the learning rate of the optimiser's groups."""

    def __call__(self, batch: Batch, lengths: Tensor) -> float:
        """The loss before the step; there is no step if it is not a finite number.

        Args:
            batch: what is read and asked.
            lengths: int64 ``[B]``: inputs of each row that are not padding.
        """

    def restored(self) -> None:
        """The optimiser's state was replaced."""


def make_step(
    model: nn.Module, objective: str, optimiser: torch.optim.Optimizer, clip: float
) -> Step:
    """The fastest step that does the same.

    Args:
        model: to be trained in place.
        objective: the name of the loss.
        optimiser: an AdamW over the model's parameters; it holds the state and the settings.
        clip: largest norm of the gradient; 0 does not clip.
    """
    kernels = _compiled_model(model)
    if kernels is None or objective not in _LOSSES:
        return TorchStep(model, objective, optimiser, clip)
    return CompiledStep(kernels, objective, optimiser, clip)


class TorchStep:
    """Forward, backward, clipping, optimiser."""

    def __init__(
        self, model: nn.Module, objective: str, optimiser: torch.optim.Optimizer, clip: float
    ) -> None:
        self.model = model
        self.objective = objective_of(objective)
        self.optimiser = optimiser
        self.clip = clip

    def __call__(self, batch: Batch, lengths: Tensor) -> float:
        """See `Step`."""
        self.optimiser.zero_grad()
        total, count = self.objective.loss(self.model(batch.inputs), batch)
        mean = total / count.clamp(min=1)
        loss = mean.item()
        if math.isfinite(loss):
            mean.backward()  # type: ignore[no-untyped-call]
            if self.clip:
                nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            self.optimiser.step()
        return loss

    def restored(self) -> None:
        """Nothing is kept here."""


class _Loss(NamedTuple):
    """An objective of ours as one of the kernels'."""

    name: compiled.Objective
    padding_divides: bool = False  # the mean is over all positions
    padding_counts: bool = False  # padding is read and asked too


_LOSSES = {
    "bits": _Loss("bits"),
    "classes": _Loss("class-ce"),
    "class-mse": _Loss("class-mse", padding_divides=True),
    "class-ce": _Loss("class-ce", padding_divides=True, padding_counts=True),
}


class CompiledStep:
    """`scan.step.TrainStep` with the settings, the decays and the state of an AdamW."""

    def __init__(
        self,
        kernels: _Kernels,
        objective: str,
        optimiser: torch.optim.Optimizer,
        clip: float,
    ) -> None:
        self.loss = _LOSSES[objective]
        self.optimiser = optimiser
        self.clip = clip
        # A parameter and the kernels' view of it share their memory.
        parameters = {
            parameter.data_ptr(): (parameter, group)
            for group in optimiser.param_groups
            for parameter in group["params"]
        }
        tensors = [t for t in kernels.parameters.flat() if t is not None]
        found = [parameters.get(tensor.data_ptr()) for tensor in tensors]
        self.owners = [parameter for parameter, _ in filter(None, found)]
        decays = [None if pair is None else pair[1]["weight_decay"] for pair in found]
        self.step = compiled.TrainStep(*kernels, self.loss.name, decays)
        self.dtype = tensors[0].dtype
        self._share()

    def __call__(self, batch: Batch, lengths: Tensor) -> float:
        """See `Step`."""
        weights = batch.weights.to(self.dtype)
        if self.loss.padding_counts:
            weights = torch.ones_like(weights)
            lengths = torch.full_like(lengths, weights.shape[1])
        count = float(weights.numel()) if self.loss.padding_divides else None
        loss = self.step.gradient(batch.inputs, batch.targets, weights, lengths, count)
        if math.isfinite(loss):
            group = self.optimiser.param_groups[0]
            settings = compiled.AdamW(
                group["lr"], group["betas"], group["eps"], self.clip if self.clip else None
            )
            self.step.update(settings)
            self.count.fill_(self.step.steps)
        return loss

    def restored(self) -> None:
        """Take over the moments that were loaded, and share them again."""
        state = self.optimiser.state
        for owner, first, second in self._moments():
            if owner in state:
                first.copy_(state[owner]["exp_avg"].view_as(first))
                second.copy_(state[owner]["exp_avg_sq"].view_as(second))
                self.step.steps = int(state[owner]["step"])
        self._share()

    def _share(self) -> None:
        """The optimiser's moments are the kernels', and so is the number of steps."""
        self.count = torch.tensor(float(self.step.steps))
        for owner, first, second in self._moments():
            self.optimiser.state[owner] = {
                "step": self.count,
                "exp_avg": first.view_as(owner),
                "exp_avg_sq": second.view_as(owner),
            }

    def _moments(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        step = self.step
        return list(zip(self.owners, step.first_moments, step.second_moments, strict=True))


class _Kernels(NamedTuple):
    shape: Shape
    parameters: Parameters


def _compiled_model(model: nn.Module) -> _Kernels | None:
    """What the kernels train: a Mamba, no weight of it tied or scattered; frozen ones stay."""
    found = fused(model) if type(model) is Mamba else None
    if found is None:
        return None
    tensors = [t for t in found[1].flat() if t is not None]
    whole = all(t.is_contiguous() for t in tensors)
    distinct = len({t.data_ptr() for t in tensors}) == len(tensors)
    return _Kernels(*found) if whole and distinct else None
