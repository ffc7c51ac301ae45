"""The command search."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from starfree.cli.experiments import FAILED, show_report
from starfree.cli.output import console
from starfree.cli.run_options import (
    Address,
    EngineName,
    EngineOption,
    Out,
    Scale,
    Workers,
    make_engine,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starfree.experiments.events import Job


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(search)


def search(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="NAME|SPEC.yaml", help="A built-in name or a spec file with a search section."
        ),
    ],
    out: Out = None,
    workers: Workers = None,
    engine: EngineOption = EngineName.LOCAL,
    address: Address = None,
    scale: Scale = None,
) -> None:
    """Search a model's settings by validation loss, then train and test what was chosen.

    Run it again, and it does only what is missing. `starfree spec search` prints the paper's grid.
    """
    from starfree.errors import InputError
    from starfree.experiments.builtin import load
    from starfree.experiments.execution import RUNS
    from starfree.experiments.plan import SPEC
    from starfree.experiments.search.experiment import SearchExperiment
    from starfree.experiments.search.rounds import SearchRun, check_search
    from starfree.experiments.store import Store
    from starfree.report.progress import display

    wanted, text = load(experiment, scale)
    if not isinstance(wanted, SearchExperiment):
        raise InputError(
            f"{experiment}: it has no search section; `starfree spec search` prints a spec that "
            "has one"
        )
    if scale:
        text = wanted.text()  # what is run, not what it was derived from
    check_search(wanted)
    chosen = make_engine(engine, address, workers)
    store = Store(out or RUNS / wanted.name)
    screen = console()
    with store.lock():
        store.save_text(SPEC, text)
        with display(screen, wanted.name, chosen.workers, store.result, store.refutation) as shown:

            def announce(stage: str, jobs: Sequence[Job], kept: int) -> None:
                shown.name = f"{wanted.name}, {stage}"
                if jobs:
                    shown.announce(jobs, kept)

            outcome = SearchRun(wanted, store, chosen, announce, shown.watch).run()
        show_report(store)
    if outcome.failures:
        sys.exit(FAILED)
