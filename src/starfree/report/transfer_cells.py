"""What a row of the transfer report opens: all tests of a training distribution, its curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from starfree.experiments.store import Store
from starfree.languages.catalog import language
from starfree.report.cell_details import learning_charts, seed_of, spec_text, trial_table
from starfree.report.details import Details, DetailTable, details_name
from starfree.report.numbers import dash, points
from starfree.report.refutations import refuted_examples, refuted_note

Result = Mapping[str, Any]

WORST = 8  # transitions that are shown


def transfer_details(
    title: str, hashes: Sequence[str], of_seeds: Sequence[Result], store: Store
) -> Details:
    """Everything that is known of one language, model, training distribution and kind of labels.

    Args:
        title: what the group is called.
        hashes: of its trials, seed by seed.
        of_seeds: their results, in the same order.
        store: where their curves and refutations are.
    """
    refutations = {
        seed_of(result): found
        for trial, result in zip(hashes, of_seeds, strict=True)
        if (found := store.refutation(trial)) is not None
    }
    count = len(of_seeds)
    notes = [refuted_note(seed, found, None) for seed, found in refutations.items()]
    if count < 5:
        notes.append(f"Provisional: {count} seed{'' if count == 1 else 's'}.")
    return Details(
        name=details_name(title),
        title=title,
        notes=notes,
        facts=[("parameters", f"{of_seeds[0]['parameters']:,}")],
        charts=list(learning_charts(of_seeds, [store.curve(trial) for trial in hashes])),
        tables=[_tests(of_seeds), _transitions(of_seeds), trial_table(hashes, of_seeds)],
        examples=refuted_examples(refutations),
        spec=spec_text(of_seeds[0]),
    )


def _tests(of_seeds: Sequence[Result]) -> DetailTable:
    header = ["tested on", "lengths", "strings", *(f"seed {seed_of(r)}" for r in of_seeds)]
    header += ["positions", "bits", "median first error", "best stateless", "marks"]
    rows = []
    for name, windows in of_seeds[0]["tests"].items():
        for window, first in windows.items():
            found = [result["tests"][name][window] for result in of_seeds]
            errors = [one["first_error"]["0.5"] for one in found if one["first_error"] is not None]
            best = first["best_baseline"]
            rows.append(
                [
                    name,
                    dash(window),
                    f"{first['strings']:,}",
                    *(points(one["metrics"]["string_accuracy"]["value"]) for one in found),
                    _mean(found, "position_accuracy"),
                    _mean(found, "bit_accuracy"),
                    f"{fmean(errors):.0f}" if errors else "",
                    f"{points(best['value'])} ({best['kind']})",
                    "; ".join(_marks(first)),
                ]
            )
    note = (
        "% of strings right at every position, seed by seed; % of positions and bits and the "
        "position of the median first error, means over seeds."
    )
    return DetailTable("Every test", header, rows, note)


def _mean(found: Sequence[Result], metric: str) -> str:
    values = [share["value"] for one in found if (share := one["metrics"].get(metric)) is not None]
    return points(fmean(values)) if values else ""


def _marks(test: Result) -> Iterator[str]:
    if test["best_baseline"]["value"] == 1.0:
        yield "the data cannot tell"
    if not test["identifiable"]:
        yield "not identifiable"


def _transitions(of_seeds: Sequence[Result]) -> DetailTable:
    """Where it errs: state of the automaton and letter, over all seeds."""
    alphabet = language(of_seeds[0]["trial"]["language"]).alphabet
    counts: dict[tuple[str, str, str], list[int]] = {}
    for result in of_seeds:
        for name, windows in result["tests"].items():
            for window, test in windows.items():
                for transition, (right, total) in (test.get("by_transition") or {}).items():
                    count = counts.setdefault((name, window, transition), [0, 0])
                    count[0] += right
                    count[1] += total
    wrong = sorted((right / total, key) for key, (right, total) in counts.items() if right < total)
    rows = []
    for share, key in wrong[:WORST]:
        name, window, transition = key
        state, _, letter = transition.partition(",")
        read = alphabet[int(letter)]
        rows.append([name, dash(window), state, read, points(share), f"{counts[key][1]:,}"])
    header = ["tested on", "lengths", "state", "letter", "right after it", "positions"]
    note = "% of positions right after a letter that was read in a state, the worst first."
    return DetailTable("Where it errs", header, rows, note if rows else "Nowhere.")
