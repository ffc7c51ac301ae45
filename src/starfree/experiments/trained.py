"""A finished trial's model, by the name that the command line gives it: `RUN_DIR:HASH`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from starfree.errors import InputError, StarfreeError
from starfree.experiments.spec import Trial
from starfree.experiments.store import Store
from starfree.languages.catalog import language

if TYPE_CHECKING:
    from starfree.models.mamba import Mamba

READS_BEGIN = ("predict", "recognise", "state")  # tasks whose inputs start with `^`


@dataclass(frozen=True)
class TrainedTrial:
    """A trial and where its weights are."""

    trial: Trial
    weights: Path

    @property
    def symbols(self) -> tuple[str, ...]:
        """The alphabet as the model's tokens; empty where the task has tokens of its own."""
        return language(self.trial.language).alphabet if self.trial.task in READS_BEGIN else ()


def find_trial(reference: str) -> TrainedTrial:
    """The finished trial ``RUN_DIR:HASH``; the first digits of the hash suffice.

    Raises:
        InputError: no such run or trial, several that start so, or one that is not finished.
        StarfreeError: its files are damaged.
    """
    run, colon, digits = reference.rpartition(":")
    if not (colon and run and digits):
        raise InputError(f"trial {reference!r} is not of the form RUN_DIR:HASH")
    store = Store(Path(run))
    if not store.trials.is_dir():
        raise InputError(f"{run}: no run is here (there is no folder `trials`)")
    found = sorted(path.name for path in store.trials.iterdir() if path.name.startswith(digits))
    if len(found) != 1:
        hint = f"it has: {', '.join(found)}" if found else f"see {store.trials}"
        raise InputError(f"{reference}: {len(found)} trials start with {digits}; {hint}")
    folder = store.trial_folder(found[0])
    weights = folder / "weights.safetensors"
    if not weights.exists() or store.result(found[0]) is None:
        raise InputError(f"{folder}: the trial is not finished; `starfree run` goes on with it")
    try:
        trial = Trial.model_validate_json((folder / "spec.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError) as error:
        raise StarfreeError(f"{folder / 'spec.json'}: missing, or of another version") from error
    return TrainedTrial(trial, weights)


def load_mamba(found: TrainedTrial) -> Mamba:
    """The trained model.

    Raises:
        InputError: the trial's model is not a Mamba.
    """
    from safetensors.torch import load_file

    from starfree.models.model import build

    trial = found.trial
    if trial.model != "mamba":
        raise InputError(f"{found.weights.parent}: its model is {trial.model}, not mamba")
    tensors = load_file(found.weights)
    vocabulary, outputs = len(tensors["embedding.weight"]), len(tensors["head.weight"])
    model = build("mamba", vocabulary, outputs, **trial.options)
    model.load_state_dict(tensors)
    mamba: Mamba = model  # type: ignore[assignment]
    return mamba
