"""One trial of the certified experiment: rounds of training and proof, and how they ended."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from starfree.errors import InputError
from starfree.experiments.certified import CertifiedTrial
from starfree.experiments.events import Job, Progress
from starfree.experiments.material import language_facts, material
from starfree.experiments.measurement import measure_bin, measure_validation
from starfree.experiments.running import write_result
from starfree.languages.language import Language
from starfree.models.hard_gated import HardGated
from starfree.models.model import build
from starfree.training.certified import Round, train_certified
from starfree.training.checkpoint import WEIGHTS_NAME, write_weights
from starfree.verification.certificate import certify


def run_certified_trial(job: Job, trial: CertifiedTrial, progress: Progress) -> None:
    """Run a trial to its `result.json`. It has no checkpoint: one that was stopped begins anew.

    Raises:
        InputError: no such language, a window without members.
        OSError: the result cannot be written.
    """
    began = time.monotonic()
    ground = material(trial)
    spoken = ground.language

    def fresh() -> HardGated:
        model = build(trial.model, ground.task.vocabulary, ground.task.outputs, **trial.options)
        if not isinstance(model, HardGated):
            raise InputError(f"model {trial.model}: only hard_gated has few enough states")
        return model

    found = train_certified(
        fresh,
        spoken,
        ground.data.train,
        trial.training,
        trial.certified,
        trial.seed,
        lambda _, fraction: progress("training", fraction, None),
    )
    progress("testing", 1.0, None)
    model = found.model
    write_weights(job.folder / WEIGHTS_NAME, model.state_dict())
    certificate = certify(model, spoken, max_states=trial.certified.max_states)
    result = {
        "language": language_facts(spoken),
        "validation": measure_validation(ground, model, trial.training.batch_size),
        "bins": {
            window: measure_bin(ground, model, window, trial.training.batch_size)
            for window in ground.data.bins
        },
        "data": {"train": ground.data.manifest["train"], "bins": ground.data.manifest["bins"]},
        "certificate": certificate.to_json(),
        "rounds": [_plain(tried, spoken) for tried in found.rounds],
    }
    write_result(job, model, found.trained, result, began)


def _plain(tried: Round, spoken: Language) -> dict[str, Any]:
    """A round with its counterexample as a written string."""
    letters = tried.counterexample
    written = None if letters is None else spoken.decode(letters)
    return {**asdict(tried), "counterexample": written}
