"""What all trials on one language share: the strings, the task, the stateless baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from starfree.algebra.facts import facts as algebra_of
from starfree.data.shortcuts import Baseline, baselines, positions
from starfree.data.splits import DataSet, make_splits
from starfree.data.task import Task
from starfree.data.tasks import make_task
from starfree.data.window_optimum import window_optimum
from starfree.errors import StarfreeError
from starfree.experiments.resolution import language_file
from starfree.experiments.spec import DataSettings, ProtocolName, TaskName, Trial, bounds
from starfree.languages.catalog import language, language_class
from starfree.languages.language import Language
from starfree.languages.strings import Strings

OPTIMA = (4, 10)  # last symbols: what one and three Mamba layers see without their recurrence
KEPT = 32  # data sets in memory; the largest have some ten million symbols


@dataclass(frozen=True, eq=False)
class Material:
    """A language's strings, what is asked about them, and how far one gets without state.

    Attributes:
        baselines: stateless predictors fitted on the training strings, on each bin.
        optima: for regular languages, the exact best string accuracy by window of last symbols
            (`data.window_optimum`), on each bin.
    """

    language: Language
    data: DataSet
    task: Task
    baselines: Mapping[str, tuple[Baseline, ...]]
    optima: Mapping[str, Mapping[int, float]]


def material(trial: Trial) -> Material:
    """The material of a trial, made once a process for all trials that share it.

    Raises:
        InputError: no such language, a window without members.
        StarfreeError: the language's file is no longer what the trial was planned with.
    """
    _check_file(trial)
    return _make(trial.language, trial.language_file, trial.task, trial.protocol, trial.data)


def material_without_tests(trial: Trial) -> Material:
    """The same training and validation strings, for a trial that must not see the test strings.

    Of these only the ones with lengths of the training window are drawn, since the training and
    validation strings must differ from them, and thrown away.

    Raises:
        InputError, StarfreeError: see `material`.
    """
    _check_file(trial)
    data = trial.data
    kept = tuple(window for window in data.test_windows if window == data.train_window)
    return _make_without_tests(
        trial.language,
        trial.language_file,
        trial.task,
        trial.protocol,
        data.model_copy(update={"test_windows": kept}),
    )


def _check_file(trial: Trial) -> None:
    if language_file(trial.language) != trial.language_file:
        raise StarfreeError(
            f"{trial.language}: the file has changed since the run began; run the spec again"
        )


@lru_cache(maxsize=KEPT)
def _make(
    reference: str,
    file: str | None,
    task: TaskName,
    protocol: ProtocolName,
    settings: DataSettings,
) -> Material:
    spoken = language(reference)
    data = draw_data(spoken, task, protocol, settings)
    question = make_task(spoken, task, data.train)
    asked = {"train": data.train, **data.bins}
    split = positions({name: question.encode(strings) for name, strings in asked.items()})
    return Material(
        spoken,
        data,
        question,
        baselines(split.pop("train"), split),
        {name: _optima(spoken, task, strings) for name, strings in data.bins.items()},
    )


@lru_cache(maxsize=KEPT)
def _make_without_tests(
    reference: str,
    file: str | None,
    task: TaskName,
    protocol: ProtocolName,
    settings: DataSettings,
) -> Material:
    spoken = language(reference)
    data = replace(draw_data(spoken, task, protocol, settings), bins={})
    return Material(spoken, data, make_task(spoken, task, data.train), {}, {})


def draw_data(
    spoken: Language, task: TaskName, protocol: ProtocolName, settings: DataSettings
) -> DataSet:
    """The strings of some settings, drawn anew."""
    return make_splits(
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


def _optima(spoken: Language, task: TaskName, strings: Strings) -> dict[int, float]:
    """Of the legal sets, so that it is known for task `predict` only."""
    if task != "predict":
        return {}
    found = {window: window_optimum(spoken, window, strings.lengths) for window in OPTIMA}
    return {window: best.string_accuracy for window, best in found.items() if best is not None}


def language_facts(spoken: Language) -> Mapping[str, object]:
    """What a report says of a language (`summary.LanguageFacts`)."""
    titles = _titles()
    return {
        "name": spoken.name,
        "title": titles.get(spoken.name, spoken.name),
        "language_class": _class_of(spoken),
        "definiteness": spoken.definiteness(),
        "nested": spoken.nested,
    }


def _class_of(spoken: Language) -> str | None:
    """As in the catalog; computed for languages that are not in it; None if undecided."""
    star_free = None
    if language_class(spoken.name) is None:
        star_free = algebra_of(spoken).star_free
    computed = None if star_free is None else "star-free" if star_free else "not star-free"
    return language_class(spoken.name) or computed


@lru_cache(maxsize=1)
def _titles() -> dict[str, str]:
    from starfree.languages.catalog import entries

    return {entry.name: entry.title for entry in entries()}
