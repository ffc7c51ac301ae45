"""What `starfree classify LANG` prints for people: facts first, then the verdict table."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from starfree.cli.output import console

if TYPE_CHECKING:
    from rich.console import Console

    from starfree.algebra.aperiodicity import Witness
    from starfree.algebra.classify import Classification
    from starfree.algebra.groups import Group
    from starfree.algebra.verdict import Size, Verdict

WIDTH = 100
_COLOUR = {"can": "green", "cannot": "red", "open": "yellow"}
_GATES = {
    "nonnegative": "non-negative gates",
    "recogniser": "right on every string, not on members' prefixes only",
    "signed": "signed gates",
    "rotation": "rotations",
    "reflection": "reflections",
}
_POWERS = 4
"""Strings u w^n v that are shown, at least."""


def print_language(found: Classification) -> None:
    """One sentence, an example, the facts, the verdicts."""
    out = console()
    out.width = min(out.width, WIDTH)
    out.print(f"{found.language}: {_sentence(found)}", markup=False)
    for limit in found.undecided:
        out.print(f"limit: {limit}", markup=False)
    if found.witness is not None:
        _print_powers(out, found, found.witness)
    _print_facts(out, found)
    _print_verdicts(out, found.verdicts)


def _sentence(found: Classification) -> str:
    if found.star_free:
        return "star-free"
    if found.star_free is None:
        return "whether it is star-free is undecided within the limits"
    if found.witness is None:
        from starfree.languages.catalog import language_class

        kind = language_class(found.language) or "counter"
        return f"a {kind} language, by its definition: not regular, so not star-free"
    u, w, v = (_spell(found, word) for word in (found.witness.u, found.witness.w, found.witness.v))
    return (
        f"not star-free: whether u w^n v is a member never settles as n grows, it repeats with "
        f"period {found.witness.period} (u = {u}, w = {w}, v = {v})"
    )


def _spell(found: Classification, word: tuple[int, ...]) -> str:
    joint = "" if all(len(symbol) == 1 for symbol in found.alphabet) else " "
    return joint.join(found.alphabet[letter] for letter in word) or "(empty)"


def _print_powers(out: Console, found: Classification, witness: Witness) -> None:
    shown = max(_POWERS, witness.period + 1)
    cycle = found.accepted_in_cycle
    table = _table()
    for n in range(min(shown, 8)):
        word = (*witness.u, *witness.w * n, *witness.v)
        member = "a member" if cycle[n % witness.period] else "not a member"
        table.add_row(f"  n = {n}", _spell(found, word), member)
    out.print(table)


def _print_facts(out: Console, found: Classification) -> None:
    facts = _table()
    if found.states == 0:
        facts.add_row("minimal automaton", "no live state: the empty language")
    elif found.states is not None:
        dead = (
            "and a sink: a letter can be illegal" if found.sink else "no sink: no letter is illegal"
        )
        facts.add_row("minimal automaton", f"{_count(found.states, 'live state')}, {dead}")
    elif found.star_free is False:
        facts.add_row("minimal automaton", "none: infinitely many states")
    else:
        facts.add_row("minimal automaton", "too large to build; star-free by definition")
    if found.monoid is not None:
        facts.add_row("syntactic monoid", _count(found.monoid, "element"))
    facts.add_row("groups", _groups(found))
    facts.add_row("last letters", _window(found.definiteness))
    names = {True: "classes", False: "not in", None: "undecided"}
    for answer, heading in names.items():
        own = [name.replace("_", "-") for name, value in found.classes.items() if value is answer]
        if own and found.states is not None:
            facts.add_row(heading, ", ".join(own))
    for gates, size in _different(found).items():
        size_in_words = f"{_count(size.layers, 'layer')}, {_units(size.units)}"
        facts.add_row("circuit", f"{_GATES[gates]}: {size_in_words}")
    out.print()
    out.print(facts)


def _groups(found: Classification) -> str:
    if found.groups is None:
        return "undecided within the limits"
    if not found.groups:
        return "none" if found.star_free else "none: no finite automaton"
    return "; ".join(dict.fromkeys(_group(group) for group in found.groups))


def _group(group: Group) -> str:
    kind = "abelian" if group.abelian else "solvable" if group.solvable else "not solvable"
    length = f", derived length {group.derived_length}" if kind == "solvable" else ""
    return f"order {group.order}, {kind}{length}"


def _window(definiteness: int | None) -> str:
    match definiteness:
        case None:
            return "not even the last 64 tell what may follow: prediction needs state"
        case 0:
            return "not needed: the same letters may follow everywhere"
        case 1:
            return "the last one tells what may follow: prediction needs no state"
    return f"the last {definiteness} tell what may follow: prediction needs no state beyond them"


def _different(found: Classification) -> dict[str, Size]:
    """Circuits by gates; the stronger gates only where theirs is another."""
    kept: dict[str, Size] = {}
    for gates in _GATES:
        size = found.circuits.get(gates)
        if size is not None and size not in kept.values():
            kept[gates] = size
    return kept


def _units(units: Mapping[str, int]) -> str:
    return " + ".join(_count(number, f"{kind} unit") for kind, number in units.items()) or "no unit"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _print_verdicts(out: Console, verdicts: tuple[Verdict, ...]) -> None:
    out.print("\nDo weights exist that are right at every length? Layers: at least..at most known.")
    for architecture, rows in groupby(verdicts, key=lambda verdict: verdict.architecture):
        out.print(f"\n{architecture}", style="bold")
        table = _table()
        for width in (6, 18, 36, 6, 26):
            table.add_column(width=width)
        for verdict in rows:
            table.add_row(*_row(verdict))
        out.print(table)
    generalises = next((v for v in verdicts if v.predicted_to_generalise is not None), None)
    if generalises is not None:
        predicted = "is" if generalises.predicted_to_generalise else "is not"
        out.print(
            f"\nA trained transformer {predicted} predicted to generalise in length (C-RASP)."
        )
    out.print(
        "\n* our own argument from the theorem. `starfree cite THEOREM` prints a theorem and its "
        "status;\n`--json` has the units and the status of every line.",
        style="dim",
    )


def _row(verdict: Verdict) -> tuple[str, ...]:
    layers = [verdict.layers_lower, verdict.layers_upper]
    bounds = (
        "" if layers == [None, None] else "..".join("" if n is None else str(n) for n in layers)
    )
    text = "; ".join(text for text in (verdict.arithmetic, verdict.conditions) if text)
    star = "*" if verdict.status == "derived" else ""
    return (
        f"[{_COLOUR[verdict.answer]}]{verdict.answer}[/]",
        f"{verdict.task}, {verdict.reading}",
        escape(text),
        "" if layers == [None, None] else bounds,
        verdict.theorem + star,
    )


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
