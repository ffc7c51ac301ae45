"""Every task by its name."""

from __future__ import annotations

from starfree.data.published_task import make_published_task
from starfree.data.task import PredictTask, RecogniseTask, StateTask, Task, TaskKind
from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import Strings

KINDS: tuple[TaskKind, ...] = ("predict", "recognise", "state", "published")


def make_task(language: Language, kind: TaskKind, train: Strings | None = None) -> Task:
    """The task `kind` on a language.

    Args:
        language: what is asked about.
        kind: one of `KINDS`.
        train: the training strings; task `published` takes its classes from them.

    Raises:
        InputError: unknown kind; `state` without a finite automaton; `published` for a language
            that the authors did not use.
    """
    if kind == "predict":
        return PredictTask(language)
    if kind == "recognise":
        return RecogniseTask(language)
    if kind == "state":
        return StateTask(language)
    if kind == "published":
        return make_published_task(language, train)
    raise InputError(f"task {kind!r} is unknown; choose one of {', '.join(KINDS)}")
