"""One trial of the basin experiment: weights near a solution, measured, trained, measured again."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn

from starfree.compiler.compile import compile
from starfree.errors import InputError
from starfree.experiments.basin import BasinTrial
from starfree.experiments.events import Job, Progress
from starfree.experiments.material import Material, language_facts, material
from starfree.experiments.measurement import measure_bin, measure_validation
from starfree.experiments.running import write_result
from starfree.languages.language import Language
from starfree.models.mamba import Mamba
from starfree.models.reproducible import seeded
from starfree.models.textbook import Textbook
from starfree.training.loop import train
from starfree.training.outcome import TrainEvent


def run_basin_trial(job: Job, trial: BasinTrial, progress: Progress) -> None:
    """Run a trial to its `result.json`. It has no checkpoint: one that was stopped begins anew.

    Raises:
        InputError: no such language, one that the target cannot do, a window without members.
        OSError: the result cannot be written.
    """
    began = time.monotonic()
    ground = material(trial)
    model = start(ground.language, trial)
    before = _measured(ground, model, trial)

    def on_event(event: TrainEvent) -> None:
        progress("training", min(event.tokens / event.tokens_total, 1.0), None)

    trained = train(model, ground.task, ground.data, trial.training, trial.seed, on_event=on_event)
    progress("testing", 1.0, None)
    result = {
        "language": language_facts(ground.language),
        "validation": measure_validation(ground, model, trial.training.batch_size),
        "bins": _measured(ground, model, trial),
        "before": before,
        "data": {"train": ground.data.manifest["train"], "bins": ground.data.manifest["bins"]},
    }
    write_result(job, model, trained, result, began)


def start(spoken: Language, trial: BasinTrial) -> nn.Module:
    """The compiled model with its noise, or one like it with random weights.

    Raises:
        InputError: the target cannot do the language.
    """
    compiled = compile(spoken, trial.target).model
    if not isinstance(compiled, Mamba | Textbook):
        raise InputError(f"{spoken.name}: has no compiled {trial.target} weights that are trained")
    vocabulary, outputs = len(spoken.alphabet) + 2, len(spoken.alphabet) + 1
    with seeded(trial.seed):
        # As language models have, compiled ones have a row of the head for `^` too.
        model = type(compiled)(vocabulary, outputs, compiled.options)  # type: ignore[arg-type]
        if trial.noise is None:
            return model
        weights = compiled.state_dict()
        kept = {n: t[:outputs] if n.startswith("head.") else t for n, t in weights.items()}
        model.load_state_dict(kept)
        add_noise(model, trial.noise)
    return model


@torch.no_grad()
def add_noise(model: nn.Module, scale: float) -> None:
    """Add Gaussian noise to all weights in place, drawn from torch's global generator.

    Args:
        model: to be changed.
        scale: standard deviation, of the root mean square of each tensor; a tensor of zeros stays.
    """
    for parameter in model.parameters():
        if parameter.numel():
            size = parameter.square().mean().sqrt()
            parameter.add_(scale * size * torch.randn_like(parameter))


def _measured(ground: Material, model: nn.Module, trial: BasinTrial) -> dict[str, Any]:
    return {
        window: measure_bin(ground, model, window, trial.training.batch_size)
        for window in ground.data.bins
    }
