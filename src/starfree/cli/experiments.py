"""Commands about experiments: spec, run, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from starfree.cli.trackers import Tracker, watching
from starfree.errors import InputError
from starfree.report.forms import Format

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
    out: Out = None,
    workers: Workers = None,
    engine: EngineOption = EngineName.LOCAL,
    address: Address = None,
    track: Annotated[
        Tracker | None, typer.Option(help="Write learning curves for it, into DIR/tensorboard.")
    ] = None,
    scale: Scale = None,
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
    from starfree.experiments.determination import determine
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
        determine(store, wanted)
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
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="A run's folder; several are merged into --out."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where parts of a run are merged.")
    ] = None,
    export: Annotated[
        list[Format] | None,
        typer.Option(help="Also write all numbers so, into DIR/tables (repeatable)."),
    ] = None,
) -> None:
    """Make tables, figures and the page again from the trials; works while a run goes on."""
    from starfree.experiments.store import Store

    if out is None and len(folders) > 1:
        raise InputError("several folders are merged into one: say where with --out DIR")
    if out is None:
        show_report(Store(folders[0]), export or ())
        return
    store = Store(out)
    with store.lock():
        _merge(folders, store)
        show_report(store, export or ())


def _merge(folders: Sequence[Path], store: Store) -> None:
    """Merge, and say what came from where and what does not fit together."""
    from starfree.experiments.merging import merge

    screen = console()
    merged = merge(folders, store)
    each = ", ".join(f"{count} from {folder}" for folder, count in merged.finished.items())
    begun = f"; {merged.unfinished} begun" if merged.unfinished else ""
    screen.print(f"merged into {store.folder}: {each}{begun}", soft_wrap=True, markup=False)
    for conflict in merged.conflicts:
        screen.print(f"! conflict: {conflict}", style="yellow", soft_wrap=True, markup=False)
    if len(merged.versions) > 1:
        listed = "; ".join(merged.versions)
        screen.print(
            f"! made by different versions: {listed}", style="yellow", soft_wrap=True, markup=False
        )


def show_report(store: Store, forms: Sequence[Format] = ()) -> None:
    """Write the report of a run's folder and print it; write its numbers in other forms too."""
    from starfree.experiments.plan import read_plan
    from starfree.report.build import PAGE, build_report
    from starfree.report.exports import export, summary_table
    from starfree.report.kinds import build_own_report
    from starfree.report.rows import rows
    from starfree.report.sections import print_report
    from starfree.report.tables import print_summary

    screen = console()
    own = build_own_report(store)
    if own is not None:
        store.rebuild_index()
        print_report(screen, own)
        screen.print(f"\nreport: {store.folder / PAGE}")
        paths = [export(store, own.rows, own.tables, form) for form in forms]
    else:
        summary = build_report(store)
        store.rebuild_index()
        print_summary(screen, summary)
        if summary.cells:
            screen.print(f"\nreport: {store.folder / PAGE}")
        found = list(rows(*read_plan(store.folder), store.results()))
        paths = [export(store, found, [summary_table(summary)], form) for form in forms]
    for path in paths:
        screen.print(f"table: {path}", soft_wrap=True, markup=False)
