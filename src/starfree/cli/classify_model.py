"""`starfree classify MODEL`: its gates, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starfree.cli.arguments import alphabet
from starfree.cli.output import console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from starfree.models.gate_range import Gates

_RECURRENCE = {
    "diagonal": "diagonal: each number of the state has its own gate",
    "reflections": "products of Householder reflections",
    "dense": "dense: all of the state acts on each of its numbers",
    "lstm": "LSTM; its forget gates:",
    "attention": "none: softmax attention",
    "none": "none: convolutions alone",
    "unknown": "unknown: its gates cannot be read from outside",
}


def classify_model(reference: str, json: bool) -> None:
    """Measure, look up, print.

    Raises:
        InputError: no such model.
    """
    from starfree.models.gates import measure
    from starfree.models.loading import load

    loaded = load(reference)
    known = alphabet(loaded)
    gates = measure(loaded.model, len(known) if known else None)
    dtypes = {str(p.dtype).removeprefix("torch.") for p in loaded.model.parameters()}
    found = {
        "format": 1,
        "model": loaded.reference,
        "kind": loaded.kind,
        "architecture": loaded.architecture,
        "parameters": sum(p.numel() for p in loaded.model.parameters()),
        "dtype": "+".join(sorted(dtypes)),
        "language": loaded.language,
        **_judged(gates, loaded.language),
    }
    if json:
        print_json(found)
    else:
        _print(found)


def _judged(gates: Gates, reference: str | None) -> dict[str, Any]:
    from starfree.languages.catalog import language
    from starfree.verification.architecture import architecture, places, verdicts_for

    verdicts = verdicts_for(gates, language(reference)) if reference else ()
    return {
        "gates": dict(vars(gates)),
        "row": architecture(gates),
        "rows": [place.to_json() for place in places(gates)],
        "verdicts": [verdict.to_json() for verdict in verdicts],
    }


def _print(found: dict[str, Any]) -> None:
    from rich.table import Table

    gates, out = found["gates"], console()
    made_for = f", made for {found['language']}" if found["language"] else ""
    out.print(f"{found['model']}: {found['architecture']}{made_for}\n")
    facts = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    facts.add_row("parameters", f"{found['parameters']:,} in {found['dtype']}")
    facts.add_row("recurrence", _RECURRENCE[gates["recurrence"]])
    if gates["low"] is not None:
        kind = "eigenvalues not all real; real parts " if gates["complex"] else ""
        facts.add_row("gates", f"{kind}{gates['low']:.6g} to {gates['high']:.6g}")
        moves = "on the input" if gates["input_dependent"] else "on nothing: the same at all times"
        facts.add_row("depend", moves)
    if gates["reflections"]:
        facts.add_row("reflections", f"at most {gates['reflections']} a symbol")
    if gates["position"]:
        facts.add_row("position code", gates["position"])
    if gates["layers"] is not None:
        facts.add_row("layers", str(gates["layers"]))
    if gates["window"] is not None:
        window = gates["window"]
        sees = f"through all layers the last {window} symbols" if window > 1 else "none"
        facts.add_row("convolutions", sees)
    out.print(facts)
    if gates["low"] is not None:
        out.print(
            f"\nmeasured on {gates['strings']} random strings of length {gates['length']}",
            style="dim",
        )
    _print_rows(out, found)


def _print_rows(out: Console, found: dict[str, Any]) -> None:
    from rich.table import Table

    colour = {"can": "green", "cannot": "red", "open": "yellow"}
    if found["rows"]:
        out.print(f"\nits row of the verdict table: [bold]{found['row']}[/]")
        for row in found["rows"]:
            conditions = f"; {row['conditions']}" if row["conditions"] else ""
            out.print(
                f"\n{row['task']}, {row['reading']}, {row['arithmetic']}{conditions}", style="bold"
            )
            table = Table(box=None, padding=(0, 2, 0, 2), show_header=False)
            for case in row["classes"]:
                answer = f"[{colour[case['answer']]}]{case['answer']}[/]"
                table.add_row(answer, case["class"], case["conditions"], case["theorem"])
            out.print(table)
    elif not found["verdicts"]:
        out.print("\nno row of the verdict table speaks of it")
    if found["verdicts"]:
        out.print(f"\nthe language that it was made for, {found['language']}:")
    for verdict in found["verdicts"]:
        out.print(
            f"  {verdict['task']}, {verdict['reading']}, "
            f"{verdict['arithmetic']}: [{colour[verdict['answer']]}]{verdict['answer']}[/]"
            + (f" ({verdict['reference']})" if verdict["reference"] else "")
        )
