"""Which trials an experiment consists of, kept beside them so that a report needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from starfree.errors import InputError, StarfreeError
from starfree.experiments.spec import (
    Experiment,
    ModelSpec,
    Trial,
    parse_experiment,
    read_experiment,
)
from starfree.experiments.store import Store
from starfree.files import write_json

FILE = "experiment.json"
SPEC = "spec.yaml"  # as the user gave it

CellKey = tuple[str, str]  # language, model as shown


@dataclass(frozen=True)
class PlannedTrial:
    """A trial's place in the experiment.

    Attributes:
        model: as shown in reports.
    """

    hash: str
    language: str
    model: str
    learning_rate: float
    seed: int

    @property
    def cell(self) -> CellKey:
        """Language and model."""
        return self.language, self.model


def write_plan(folder: Path, experiment: Experiment, planned: Sequence[PlannedTrial]) -> None:
    """Write the experiment and its trials into a run's folder."""
    write_json(
        folder / FILE,
        {
            "format": 1,
            "experiment": experiment.plain(),
            "trials": [asdict(trial) for trial in planned],
        },
    )


def planned_trial(model: ModelSpec, trial: Trial) -> PlannedTrial:
    """The place of a trial of `Experiment.trials`."""
    rate = trial.training.learning_rate
    return PlannedTrial(trial.hash, trial.language, model.shown, rate, trial.seed)


def make_plan(
    experiment: Experiment, results: Mapping[str, Mapping[str, Any]]
) -> list[PlannedTrial]:
    """The trials that an experiment consists of, as far as results have settled its rates.

    Args:
        experiment: what is asked for.
        results: of any finished trials, by hash.

    Raises:
        InputError: an unknown option, a file that is not there.
    """
    if not experiment.choosing:
        return [planned_trial(*pair) for pair in experiment.trials(experiment.seeds)]
    first = experiment.seeds[0]
    planned = [planned_trial(*pair) for pair in experiment.trials((first,))]
    rates = choose_rates(planned, results, first)
    others = experiment.trials(experiment.seeds[1:], rates)
    return planned + [planned_trial(*pair) for pair in others]


def read_plan(folder: Path) -> tuple[Experiment, list[PlannedTrial]]:
    """Read them back; where only spec and results were kept, make the plan again from these.

    Raises:
        InputError: the folder is no run's folder.
        StarfreeError: its file is damaged.
    """
    path = folder / FILE
    spec = folder / SPEC
    if spec.exists() and not path.exists():
        experiment = parse_experiment(spec.read_text(encoding="utf-8"), str(spec))
        return experiment, make_plan(experiment, Store(folder).results())
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        experiment = read_experiment(value["experiment"])
        return experiment, [PlannedTrial(**trial) for trial in value["trials"]]
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{folder}: no run is here ({FILE} is missing); `starfree run` makes one"
        ) from None
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise StarfreeError(
            f"{path}: damaged, or of another version; `starfree run` with the same spec and "
            "--out writes it again and keeps the finished trials"
        ) from error


def choose_rates(
    planned: Iterable[PlannedTrial], results: Mapping[str, Mapping[str, Any]], seed: int
) -> dict[CellKey, float]:
    """The learning rate with the smallest validation loss of one seed, cell by cell.

    A tie goes to the smaller rate; a cell without any finished trial of that seed has none.
    """
    best: dict[CellKey, tuple[float, float]] = {}
    for trial in planned:
        result = results.get(trial.hash)
        if trial.seed != seed or result is None:
            continue
        loss = result["validation"]["loss"]
        candidate = (inf if loss is None else float(loss), trial.learning_rate)
        best[trial.cell] = min(best.get(trial.cell, candidate), candidate)
    return {cell: rate for cell, (_, rate) in best.items()}
