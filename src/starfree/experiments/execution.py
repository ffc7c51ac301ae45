"""Run an experiment: what is missing, stage by stage, into the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from starfree.errors import InputError, StarfreeError
from starfree.experiments.builtin import load
from starfree.experiments.engine import Engine, LocalEngine
from starfree.experiments.events import Event, Failed, Finished, Job
from starfree.experiments.part import WHOLE, Part
from starfree.experiments.plan import (
    SPEC,
    CellKey,
    PlannedTrial,
    choose_rates,
    planned_trial,
    write_plan,
)
from starfree.experiments.provenance import commit
from starfree.experiments.refuting import refutable, refuted
from starfree.experiments.schedule import longest_first
from starfree.experiments.spec import Experiment, ModelSpec, RefutationSettings, Trial
from starfree.experiments.store import Store
from starfree.experiments.summary import Summary, read_summary
from starfree.files import write_json
from starfree.languages.catalog import language

RUNS = Path("runs")

Announce = Callable[[Sequence[Job], int], None]
Watch = Callable[[Event], None]


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        ran: trials that finished now.
        kept: trials that were there already.
        failures: hash -> why, of those that failed now.
        searched: of those that were there already, searched for a wrong string now.
        without_weights: trials there that cannot be searched for a wrong string any more.
    """

    ran: int = 0
    kept: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    searched: int = 0
    without_weights: int = 0


def check(experiment: Experiment) -> None:
    """Find what a worker would stumble over, before anything is run.

    Raises:
        InputError: an unknown language or model, a wrong option, a file that is not there.
    """
    check_languages(experiment)
    experiment.trials(experiment.seeds[:1])


def check_languages(experiment: Experiment) -> None:
    """Find a language that there is not.

    Raises:
        InputError: names it and its place.
    """
    for place, reference in enumerate(experiment.languages):
        try:
            language(reference)
        except InputError as error:
            raise InputError(f"languages[{place}]: {error}") from error


def run(spec: str | Path, out: str | Path | None = None, workers: int | None = None) -> Summary:
    """Run an experiment without a word, as `starfree run` does with a display and a report.

    Workers are processes that import the script that called this: guard its own work by
    ``if __name__ == "__main__":``.

    Args:
        spec: a built-in name, or a spec file.
        out: the folder of the results; by default ``runs/NAME``.
        workers: processes; by default one a core.

    Raises:
        InputError: the spec is wrong.
        StarfreeError: another run is writing into the folder.
    """
    experiment, text = load(str(spec))
    check(experiment)
    store = Store(Path(out) if out is not None else RUNS / experiment.name)
    with store.lock():
        store.save_text(SPEC, text)
        Run(experiment, store, LocalEngine(workers)).run()
        return read_summary(store)[0]


class Run:
    """One run of an experiment into a store whose lock the caller holds.

    Args:
        announce: told, before each stage, its jobs and how many trials were there already.
        watch: told every event.
        part: what is run now; the plan that is written, and the report, are of the whole.
    """

    def __init__(
        self,
        experiment: Experiment,
        store: Store,
        engine: Engine,
        announce: Announce = lambda jobs, kept: None,
        watch: Watch = lambda event: None,
        part: Part = WHOLE,
    ) -> None:
        self._experiment = experiment
        self._store = store
        self._engine = engine
        self._announce = announce
        self._watch = watch
        self._part = part
        self._planned: list[PlannedTrial] = []
        self._mine: dict[PlannedTrial, Job] = {}  # of the part
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Run every trial of the part that has no result yet.

        With several learning rates all are tried with the first seed; the other seeds then run
        with the chosen one only.

        Raises:
            InputError: the spec asks for what there is not.
            OSError: results cannot be written.
        """
        seeds = self._experiment.seeds
        rates = None
        if self._experiment.choosing:
            self._stage(seeds[:1], refute=False)
            rates = choose_rates(self._planned, self._store.results(), seeds[0])
            self._stage(seeds[1:], rates)
        else:
            self._stage(seeds)
        self._refute(rates)
        self._store.rebuild_index()
        return self._outcome

    def _stage(
        self,
        seeds: Sequence[int],
        rates: dict[CellKey, float] | None = None,
        refute: bool = True,
    ) -> None:
        self._run_trials(
            [(model, trial, model.shown) for model, trial in self._experiment.trials(seeds, rates)],
            refute,
        )

    def _run_trials(
        self, trials: Sequence[tuple[ModelSpec, Trial, str]], refute: bool = True
    ) -> None:
        """Plan trials, each with what it is called meanwhile, and run those without a result."""
        jobs: list[Job] = []
        kept = 0
        for model, trial, shown in trials:
            planned = planned_trial(model, trial)
            self._planned.append(planned)
            if not self._part.holds(planned, self._experiment.seeds[0], self._experiment.choosing):
                continue
            folder = self._store.trial_folder(trial.hash)
            job = Job(trial, trial.hash, shown, folder, commit())
            self._mine[planned] = job
            if self._store.result(trial.hash) is not None:
                kept += 1
                continue
            if any(other.hash == trial.hash for other in jobs):
                continue
            if refute:
                job = replace(job, refutation=self._refutation_of(trial))
            _write_spec(job)
            jobs.append(job)
        write_plan(self._store.folder, self._experiment, self._planned)
        self._outcome.kept += kept
        if jobs or kept:
            self._announce(jobs, kept)
        self._engine.run(jobs if self._experiment.in_order else longest_first(jobs), self._record)

    def _refute(self, rates: dict[CellKey, float] | None) -> None:
        """Search for wrong strings in the trials that were not searched when they were trained.

        Of several learning rates the chosen one's only: these trials are what is reported.
        """
        jobs = []
        for planned, job in self._mine.items():
            settings = self._refutation_of(job.trial)
            if settings is None or self._store.result(job.hash) is None:
                continue
            if rates is not None and rates.get(planned.cell) != planned.learning_rate:
                continue
            if refuted(self._store, job.hash, settings):
                continue
            if self._store.has_weights(job.hash):
                _write_spec(job)
                jobs.append(replace(job, refutation=settings, trained=True))
            elif self._store.refutation(job.hash) is None:
                self._outcome.without_weights += 1
        if jobs:
            self._announce(jobs, 0)
            self._engine.run(jobs, lambda event: self._record(event, trained=True))

    def _refutation_of(self, trial: Trial) -> RefutationSettings | None:
        settings = self._experiment.refutation
        return settings if settings.symbols and refutable(trial) else None

    def _record(self, event: Event, trained: bool = False) -> None:
        """Note how a trial ended; if it was `trained` before, only how its search did."""
        if isinstance(event, Finished) and trained:
            self._outcome.searched += 1
        elif isinstance(event, Finished):
            # An index that cannot be written now is made again at the end.
            with suppress(OSError, StarfreeError):
                self._store.add_to_index(event.hash)
            self._outcome.ran += 1
        elif isinstance(event, Failed):
            self._store.save_failure(event.hash, event.message, event.details)
            self._outcome.failures[event.hash] = event.message
        self._watch(event)


def _write_spec(job: Job) -> None:
    job.folder.mkdir(parents=True, exist_ok=True)
    write_json(job.folder / "spec.json", job.trial.model_dump(mode="json"))
