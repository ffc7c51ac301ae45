"""What one sees while an experiment runs: live on a terminal, a line a trial elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from starfree.experiments.events import (
    Event,
    Failed,
    Finished,
    Job,
    Lost,
    Progressed,
    Started,
    Waiting,
)
from starfree.experiments.refuting import words
from starfree.experiments.schedule import Forecast
from starfree.report.numbers import dash, duration, percent, points

LoadResult = Callable[[str], Mapping[str, Any] | None]

_BAR_WIDTH = 28
_SHOWN_WORKERS = 16  # lines at the bottom of a screen; a cluster has more


class Display:
    """Follows a run: counts, forecast, and a line for each trial that ends.

    Args:
        screen: where to print.
        name: of the experiment.
        workers: how many trials run at once.
        load: a finished trial's result.
        refutation: what a search for a wrong string found of it.
    """

    def __init__(
        self,
        screen: Console,
        name: str,
        workers: int,
        load: LoadResult,
        refutation: LoadResult = lambda trial_hash: None,
    ) -> None:
        self.screen = screen
        self.name = name
        self.workers = workers
        self._load = load
        self._refutation = refutation
        self._began = time.monotonic()
        self._jobs: dict[str, Job] = {}
        self._forecast: Forecast | None = None
        self._running: dict[int, tuple[str, Progressed | None]] = {}
        self._announced = 0
        self._ended = 0
        self._windows = ""  # of the heading above the last line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and self._jobs:
            done = f"{self._ended} of {self._announced} trials done"
            self.screen.print(f"{done}; run the same command again to go on", style="yellow")

    def announce(self, jobs: Sequence[Job], kept: int) -> None:
        """A stage begins."""
        self._jobs.update({job.hash: job for job in jobs})
        self._forecast = Forecast(jobs, self.workers)
        self._announced += len(jobs)
        trials = f"{len(jobs)} trial{'' if len(jobs) == 1 else 's'} to run"
        if jobs and all(job.trained for job in jobs):
            trials = f"{trials.removesuffix(' to run')} to be searched for a wrong string"
        before = f", {kept} there already" if kept else ""
        at_once = f"; {min(self.workers, len(jobs))} at a time" if jobs else ""
        self.screen.print(f"{self.name}: {trials}{before}{at_once}")

    def watch(self, event: Event) -> None:
        """Something happened."""
        if self._forecast is not None:
            self._forecast.update(event)
        if isinstance(event, Started):
            self._running[event.worker] = (event.hash, None)
        elif isinstance(event, Progressed):
            for worker, (trial, _) in self._running.items():
                if trial == event.hash:
                    self._running[worker] = (trial, event)
        elif isinstance(event, Finished | Failed | Lost):
            self._running.pop(event.worker, None)
            self._ended += not isinstance(event, Lost)
            self.screen.print(self._line(event))
        elif isinstance(event, Waiting):
            self.screen.print(Text(f"! {event.reason}", style="yellow"))

    def _line(self, event: Finished | Failed | Lost) -> Text:
        """How a trial ended."""
        name = self._named(event.hash)
        if isinstance(event, Failed):
            return Text(f"✗ {name}  failed: {event.message}", style="red")
        if isinstance(event, Lost):
            return Text(f"! {name}  {event.reason}; it goes on elsewhere", style="yellow")
        result = self._load(event.hash)
        if result is None:
            return Text(f"✓ {name}")
        found = self._refutation(event.hash)
        again = self._jobs[event.hash].trained
        seconds = found["seconds"] if found and again else result["total_seconds"]
        tail = f"  {duration(seconds)}  {self._ended}/{self._announced}"
        if not result["bins"]:  # of a search, whose trials read no test string
            return Text.assemble(*_compared(result, name), (tail, "dim"))
        windows = " / ".join(dash(window) for window in result["bins"])
        if windows != self._windows:
            self._windows = windows
            self.screen.print(f"% of {_measured(result)} {windows}:", style="dim")
        shares = " / ".join(
            points(next(iter(measured["metrics"].values()))["value"])
            for measured in result["bins"].values()
        )
        searched = f"  {_solved(result)}{words(found)}" if found else ""
        return Text.assemble(
            ("✓ ", "green"), f"{name}  {shares}", (searched, "yellow"), (tail, "dim")
        )

    def _named(self, trial_hash: str) -> str:
        """Language, model, and whatever else tells the trials apart."""
        jobs = self._jobs.values()
        job = self._jobs[trial_hash]
        language = max(len(j.trial.language) for j in jobs)
        model = max(len(j.model) for j in jobs)
        name = f"{job.trial.language:<{language}}  {job.model:<{model}}"
        if len({j.trial.seed for j in jobs}) > 1:
            name += f"  seed {job.trial.seed}"
        if len({j.trial.training.learning_rate for j in jobs}) > 1:
            name += f"  rate {job.trial.training.learning_rate:g}"
        return name

    def _time_left(self) -> str:
        left = self._forecast.seconds_left() if self._forecast else None
        gone = f"{duration(time.monotonic() - self._began)} gone"
        return gone if left is None else f"{gone}, about {duration(left)} left"


class LiveDisplay(Display):
    """The same with a part at the bottom that changes: all trials, and one line a worker."""

    def __enter__(self) -> Self:
        self._live = Live(
            console=self.screen,
            get_renderable=self._picture,
            refresh_per_second=4,
            transient=True,
        )
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)

    def _picture(self) -> RenderableType:
        if not self._jobs:
            return Text("")
        running = sum(event.fraction for _, event in self._running.values() if event)
        whole = Table.grid(padding=(0, 2, 0, 0))
        whole.add_row(
            ProgressBar(
                self._announced, self._ended + running, width=_BAR_WIDTH, complete_style="cyan"
            ),
            Text(f"{self._ended} of {self._announced} trials"),
            Text(self._time_left(), style="dim"),
        )
        table = Table.grid(padding=(0, 2, 0, 0))
        workers = min(self.workers, len(self._jobs))
        for worker in range(min(workers, _SHOWN_WORKERS)):
            table.add_row(*self._worker_row(worker))
        if workers > _SHOWN_WORKERS:
            table.add_row(Text(f"and {workers - _SHOWN_WORKERS} more", style="dim"))
        return Group(Text(""), whole, table)

    def _worker_row(self, worker: int) -> list[RenderableType]:
        trial, event = self._running.get(worker, (None, None))
        if trial is None:
            return [Text("idle", style="dim")]
        name = Text(self._named(trial))
        if event is None:
            return [
                Text("starting", style="dim"),
                ProgressBar(1, 0, width=_BAR_WIDTH // 2, complete_style="cyan"),
                name,
            ]
        accuracy = ""
        if event.accuracy is not None:
            accuracy = f"validation {percent(event.accuracy)}"
        return [
            Text({"data": "making data"}.get(event.phase, event.phase)),
            ProgressBar(1, event.fraction, width=_BAR_WIDTH // 2, complete_style="cyan"),
            name,
            Text(accuracy, style="cyan"),
        ]


def _compared(result: Mapping[str, Any], name: str) -> tuple[Text | tuple[str, str] | str, ...]:
    """A trial that was trained in order to be compared, or was not trained at all."""
    if result["validation"] is None:
        return ("✓ ", "green"), name
    loss = result["validation"]["loss"]
    said = "no finite validation loss" if loss is None else f"validation loss {loss:.4g}"
    if result["stopped"] == "pruned":
        return ("– ", "yellow"), f"{name}  given up after {result['tokens']:,} tokens, {said}"
    return ("✓ ", "green"), f"{name}  {said}"


def _solved(result: Mapping[str, Any]) -> str:
    """That no test string was wrong, with how many there were in the smallest bin."""
    headline = [next(iter(bin["metrics"].values())) for bin in result["bins"].values()]
    if any(metric["value"] < 1.0 for metric in headline):
        return ""
    return f"solved@{min(metric['n'] for metric in headline):,} in all bins, "


def _measured(result: Mapping[str, Any]) -> str:
    """What the first metric of a result counts, and on what."""
    window, measured = next(iter(result["bins"].items()))
    if "closing_accuracy" in measured["metrics"]:
        return "brackets closed right on"
    return "strings right at lengths" if window[0].isdigit() else "strings right on"


def display(
    screen: Console,
    name: str,
    workers: int,
    load: LoadResult,
    refutation: LoadResult = lambda trial_hash: None,
) -> Display:
    """The live one on a terminal, else the plain one; a context manager."""
    kind = LiveDisplay if screen.is_terminal else Display
    return kind(screen, name, workers, load, refutation)
