"""What all trials on one language share: the strings, the task, the stateless baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from starfree.data.splits import DataSet, make_splits
from starfree.data.task import Task, make_task
from starfree.errors import StarfreeError
from starfree.experiments.resolution import language_file
from starfree.experiments.spec import DataSettings, ProtocolName, TaskName, Trial, bounds
from starfree.languages.catalog import language, language_class
from starfree.languages.language import Language
from starfree.languages.strings import BoolArray

KEPT = 32  # data sets in memory; the largest have some ten million symbols


@dataclass(frozen=True, eq=False)
class Material:
    """A language's strings and what is asked about them."""

    language: Language
    data: DataSet
    task: Task
    baselines: Mapping[str, tuple[Baseline, ...]]


@dataclass(frozen=True, eq=False)
class Baseline:
    kind: str
    right: BoolArray

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())


def material(trial: Trial) -> Material:
    """The material of a trial, made once a process for all trials that share it.

    Raises:
        InputError: no such language, a window without members.
        StarfreeError: the language's file is no longer what the trial was planned with.
    """
    if language_file(trial.language) != trial.language_file:
        raise StarfreeError(
            f"{trial.language}: the file has changed since the run began; run the spec again"
        )
    return _make(trial.language, trial.language_file, trial.task, trial.protocol, trial.data)


@lru_cache(maxsize=KEPT)
def _make(
    reference: str,
    file: str | None,
    task: TaskName,
    protocol: ProtocolName,
    settings: DataSettings,
) -> Material:
    spoken = language(reference)
    data = make_splits(
        spoken,
        protocol,
        settings.seed,
        task,
        train_size=settings.train_size,
        validation_size=settings.validation_size,
        bin_size=settings.bin_size,
        train_window=bounds(settings.train_window),
        test_windows=[bounds(window) for window in settings.test_windows],
        train_distribution=settings.train_distribution,
        test_distribution=settings.test_distribution,
        hard_window=settings.hard_window,
    )
    return Material(spoken, data, make_task(spoken, task, data.train), {w: () for w in data.bins})


def facts(spoken: Language) -> Mapping[str, object]:
    """What a report says of a language (`summary.LanguageFacts`)."""
    titles = _titles()
    return {
        "name": spoken.name,
        "title": titles.get(spoken.name, spoken.name),
        "language_class": language_class(spoken.name),
        "definiteness": spoken.definiteness(),
        "nested": spoken.nested,
    }


@lru_cache(maxsize=1)
def _titles() -> dict[str, str]:
    from starfree.languages.catalog import entries

    return {entry.name: entry.title for entry in entries()}
