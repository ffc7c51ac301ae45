"""Commands about experiments: spec, run, report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starfree.cli.engines import Address, EngineName, EngineOption, Workers, make_engine
from starfree.cli.output import console
from starfree.cli.trackers import Tracker, watching

if TYPE_CHECKING:
    from starfree.experiments.store import Store

FAILED = 1


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(spec)
    app.command()(run)
    app.command()(report)


def spec(
    name: Annotated[str, typer.Argument(help="A built-in experiment, such as quickstart.")],
) -> None:
    """Print the spec of a built-in experiment, with comments, to be edited and run."""
    from starfree.experiments.builtin import text

    print(text(name), end="")


def run(
    experiment: Annotated[
        str, typer.Argument(metavar="NAME|SPEC.yaml", help="A built-in name or a spec file.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Results go here; by default runs/NAME.")
    ] = None,
    workers: Workers = None,
    engine: EngineOption = EngineName.LOCAL,
    address: Address = None,
    track: Annotated[
        Tracker | None, typer.Option(help="Write learning curves for it, into DIR/tensorboard.")
    ] = None,
    scale: Annotated[
        str | None, typer.Option(help="A scale of the spec, such as smoke: minutes, no result.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="sound or published, where the spec has both.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Only this language of the spec (repeatable).")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Only this model, by its label or name (repeatable).")
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="Only this seed, and what it hangs on (repeatable).")
    ] = None,
) -> None:
    """Train, evaluate, store, report. Run it again, and it does only what is missing."""
    from starfree.experiments.builtin import load
    from starfree.experiments.execution import RUNS, Run, check
    from starfree.experiments.part import make_part
    from starfree.experiments.plan import SPEC
    from starfree.experiments.store import Store
    from starfree.report.progress import display

    wanted, text = load(experiment, scale, protocol)
    if scale or protocol:
        text = wanted.text()  # what is run, not what it was derived from
    check(wanted)
    part = make_part(wanted, language or (), model or (), seed or ())
    chosen = make_engine(engine, address, workers)
    store = Store(out or RUNS / wanted.name)
    screen = console()
    with store.lock():
        store.save_text(SPEC, text)
        with (
            display(screen, wanted.name, chosen.workers, store.result, store.refutation) as shown,
            watching(store, shown.watch, track) as watch,
        ):
            outcome = Run(wanted, store, chosen, shown.announce, watch, part).run()
        show_report(store)
    if outcome.without_weights:
        screen.print(
            f"{outcome.without_weights:,} finished trials were not searched for a wrong string: "
            "their weights are not here",
            style="yellow",
        )
    if outcome.failures:
        sys.exit(FAILED)


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder.")],
) -> None:
    """Make tables, figures and the page again from the trials; works while a run goes on."""
    from starfree.experiments.store import Store

    show_report(Store(folder))


def show_report(store: Store) -> None:
    """Write the report of a run's folder and print it."""
    from starfree.report.build import PAGE, build_report
    from starfree.report.kinds import build_own_report
    from starfree.report.sections import print_report
    from starfree.report.tables import print_summary

    screen = console()
    own = build_own_report(store)
    if own is not None:
        store.rebuild_index()
        print_report(screen, own)
        screen.print(f"\nreport: {store.folder / PAGE}")
        return
    summary = build_report(store)
    store.rebuild_index()
    print_summary(screen, summary)
    if summary.cells:
        screen.print(f"\nreport: {store.folder / PAGE}")
