"""Where the numbers of a report come from: versions, machines, times, the spec's hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starfree.experiments.plan import SPEC
from starfree.experiments.store import Store
from starfree.report.numbers import duration


def origin(store: Store, results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Label and value, in the order to be shown; nothing of no results.

    Args:
        store: the run's.
        results: those that are shown.
    """
    if not results:
        return
    versions = sorted({f"{r['version']} ({r['commit'] or 'no commit'})" for r in results})
    yield "starfree", "; ".join(versions)
    libraries = results[0]["machine"]["libraries"]
    yield "libraries", ", ".join(f"{name} {version}" for name, version in libraries.items())
    yield "machine", "; ".join(sorted({_machine(result["machine"]) for result in results}))
    dates = sorted(result["finished"] for result in results)
    seconds = sum(result["total_seconds"] for result in results)
    yield "computed", f"{dates[0]} to {dates[-1]}; {duration(seconds)} of one core"
    seeds = sorted({result["trial"]["seed"] for result in results})
    yield "trials", f"{len(results)} shown; seeds {', '.join(map(str, seeds))}"
    try:
        spec = (store.folder / SPEC).read_bytes()
    except FileNotFoundError:
        return
    yield "spec file", f"{SPEC}, SHA-256 {hashlib.sha256(spec).hexdigest()}"


def _machine(machine: Mapping[str, Any]) -> str:
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"
