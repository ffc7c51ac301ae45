"""Run a search: rounds of trials that are compared, then the chosen configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from starfree.experiments.engine import Engine
from starfree.experiments.events import Job
from starfree.experiments.execution import Outcome, Run, Watch, check_languages
from starfree.experiments.search.cell import CellSearch
from starfree.experiments.search.experiment import SearchExperiment, check_space
from starfree.experiments.search.proposals import check_method
from starfree.experiments.search.space import Point
from starfree.experiments.spec import ModelSpec, Trial
from starfree.experiments.store import Store

AnnounceStage = Callable[[str, Sequence[Job], int], None]
"""Told what a stage is, its jobs, and how many of its trials were there already."""


def check_search(experiment: SearchExperiment) -> None:
    """Find what a worker would stumble over, before anything is run.

    Raises:
        InputError: an unknown language or model, a value that is not allowed, Optuna is missing.
    """
    check_languages(experiment)
    check_method(experiment.search)
    check_space(experiment)


class SearchRun(Run):
    """One run of a search into a store whose lock the caller holds.

    Languages and models are searched side by side, a round of each at a time.

    Args:
        announce: told of each stage before it begins.
        watch: told every event.
    """

    def __init__(
        self,
        experiment: SearchExperiment,
        store: Store,
        engine: Engine,
        announce: AnnounceStage = lambda stage, jobs, kept: None,
        watch: Watch = lambda event: None,
    ) -> None:
        self._stage_name = ""
        super().__init__(
            experiment,
            store,
            engine,
            lambda jobs, kept: announce(self._stage_name, jobs, kept),
            watch,
        )
        self._search = experiment

    def run(self) -> Outcome:
        """Search, then train what was chosen with fresh seeds; only what has no result yet is run.

        A trial that failed is tried again, and what is proposed after it may then be something
        else.

        Raises:
            InputError: the spec asks for what there is not.
            OSError: results cannot be written.
        """
        cells = [
            CellSearch(self._search, language, model)
            for language in self._search.languages
            for model in self._search.models
        ]
        number = 1
        while any(asked := [cell.next_round() for cell in cells]):
            self._stage_name = f"round {number}"
            self._run_trials(
                [
                    (cell.model, trial, shown(cell.model, attempted))
                    for cell, trials in zip(cells, asked, strict=True)
                    for trial, attempted in zip(trials, cell.points, strict=True)
                ]
            )
            for cell, trials in zip(cells, asked, strict=True):
                cell.tell([self._store.result(trial.hash) for trial in trials])
            number += 1
        self._stage_name = "chosen, fresh seeds"
        self._run_trials(list(self._chosen(cells)))
        self._stage_name = "wrong strings"
        self._refute(None)
        self._store.rebuild_index()
        return self._outcome

    def _chosen(self, cells: Sequence[CellSearch]) -> Iterator[tuple[ModelSpec, Trial, str]]:
        for cell in cells:
            best = cell.chosen
            if best is not None:
                for trial in self._search.chosen_trials(cell.language, cell.model, best.point):
                    yield cell.model, trial, shown(cell.model, best.point)


def shown(model: ModelSpec, point: Point) -> str:
    """A model and its configuration in a line; the learning rate has a place of its own there."""
    values = (f"{name} {value}" for name, value in point.items() if name != "learning_rate")
    return ", ".join((model.shown, *values))
