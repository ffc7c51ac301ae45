"""Commands about languages: languages, label, sample, compare."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from starfree.cli.output import Json, LanguageReference, console, print_json
from starfree.errors import InputError

if TYPE_CHECKING:
    from starfree.languages.language import Language

DIFFERENT = 3
STRINGS_AT_ONCE = 1_000


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(languages)
    app.command()(label)
    app.command()(sample)
    app.command()(compare)


def languages(json: Json = False) -> None:
    """The catalog, with class, alphabet and states."""
    from starfree.languages.catalog import entries

    rows = [(entry, _properties(entry.name)) for entry in entries()]
    if json:
        found = [
            {
                "name": entry.name,
                "title": entry.title,
                "class": entry.language_class,
                "suite": entry.in_suite,
                **properties,
            }
            for entry, properties in rows
        ]
        print_json({"format": 1, "languages": found})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("name", "class", "alphabet", "states", "growth", "last k", "language"):
        table.add_column(heading, no_wrap=heading != "language")
    for entry, properties in rows:
        states, last = properties["states"], properties["definiteness"]
        table.add_row(
            entry.name,
            entry.language_class,
            _shortened(properties["alphabet"]),
            "" if states is None else str(states),
            properties["growth"] + (", nested" if properties["nested"] else ""),
            "" if last is None else str(last),
            entry.title,
        )
    out = console()
    out.print(table)
    out.print(
        "\nstates: live states of the minimal automaton. last k: what may follow depends on the "
        "last k symbols only. nested: each member is a prefix of the next.\nFamilies: d-N, "
        "dyck-K-H, shuffle-K, boolean-N, z-N, undo-flipflop-H, copy-K, recall-K-V, recall-K-V-Q "
        "(Q queries).\nYour own: regex:..., pltl:..., dfa:FILE.json.",
        style="dim",
    )


def label(
    language: LanguageReference,
    strings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STRING]...", help="Strings; without any, lines are read."),
    ] = None,
    json: Json = False,
) -> None:
    """What may follow after every prefix of each string: symbols, and `$` for the end.

    Symbols are written without spaces where all are one character, else with spaces.
    """
    from starfree.languages.catalog import language as named

    spoken = named(language)
    lines = iter(strings) if strings else _lines()
    for batch in _batches(lines, STRINGS_AT_ONCE):
        for text, member, legal in _labelled(spoken, batch):
            if json:
                print_json({"string": text, "member": member, "legal": legal})
            else:
                _print_labels(spoken, text, member, legal)


def sample(
    language: LanguageReference,
    length: Annotated[
        str, typer.Option(metavar="LOW:HIGH", help="Lengths, both ends included; or one length.")
    ] = "1:50",
    count: Annotated[int, typer.Option(min=1, help="How many strings.")] = 10,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    distribution: Annotated[
        Literal["uniform", "published", "hard"],
        typer.Option(
            help="uniform over all members of a length; as the paper's authors drew; "
            "or members that the last few symbols do not settle."
        ),
    ] = "uniform",
    window: Annotated[
        int, typer.Option(min=1, help="The last few symbols of `hard`: how many.")
    ] = 4,
) -> None:
    """Draw members of a language, one a line."""
    from starfree.data.lines import to_lines
    from starfree.data.sampling import sample as draw
    from starfree.languages.catalog import language as named

    spoken = named(language)
    low, high = _window(length)
    drawn = draw(spoken, low, high, count, seed, distribution, window)
    for line in to_lines(spoken, drawn):
        print(line)


def compare(
    left: LanguageReference,
    right: LanguageReference,
    json: Json = False,
) -> None:
    """Equal, or a shortest string that only one of the two languages has.

    Ends with exit code 3 if they differ.
    """
    from starfree.languages.catalog import language as named
    from starfree.languages.comparison import compare as search

    found = search(named(left), named(right))
    text = None if found.witness is None else _written(found.witness)
    member_of = None if text is None else (left if found.in_left else right)
    if json:
        print_json(
            {
                "format": 1,
                "equal": None if found.agree_up_to is not None else found.equal,
                "string": text,
                "member_of": member_of,
                "agree_up_to": found.agree_up_to,
            }
        )
    elif found.agree_up_to is not None:
        print(f"no difference up to length {found.agree_up_to}; whether they are equal is open")
    elif text is None:
        print("equal")
    else:
        print(f"different: {text!r} is in {member_of} only")
    if text is not None:
        sys.exit(DIFFERENT)


def _written(symbols: tuple[str, ...]) -> str:
    return ("" if all(len(symbol) == 1 for symbol in symbols) else " ").join(symbols)


def _properties(name: str) -> dict[str, Any]:
    from starfree.languages.catalog import language as named

    spoken = named(name)
    automaton = spoken.automaton
    return {
        "alphabet": list(spoken.alphabet),
        "states": None if automaton is None else automaton.states,
        "growth": spoken.growth,
        "nested": spoken.nested,
        "definiteness": spoken.definiteness(),
    }


def _shortened(alphabet: list[str]) -> str:
    if len(alphabet) <= 8:
        return " ".join(alphabet)
    return f"{' '.join(alphabet[:3])} .. {alphabet[-1]} ({len(alphabet)})"


def _lines() -> Iterator[str]:
    if sys.stdin.isatty():
        raise InputError("give strings after the language, or pipe them in, one a line")
    return (line.rstrip("\n") for line in sys.stdin)


def _batches(lines: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(lines)
    while batch := list(islice(iterator, size)):
        yield batch


def _labelled(language: Language, texts: list[str]) -> Iterator[tuple[str, bool, list[list[str]]]]:
    """Each text with its membership and its legal symbols, prefix by prefix."""
    from starfree.languages.strings import Strings

    strings = Strings.of([language.encode(text) for text in texts])
    legal = language.legal_batch(strings)
    members = language.accepts_batch(strings)
    symbols = (*language.alphabet, "$")
    for text, length, member, rows in zip(texts, strings.lengths, members, legal, strict=True):
        allowed = [
            [symbol for symbol, bit in zip(symbols, row, strict=True) if bit]
            for row in rows[: length + 1].tolist()
        ]
        yield text, bool(member), allowed


def _print_labels(language: Language, text: str, member: bool, legal: list[list[str]]) -> None:
    joint = "" if language.single_characters else " "
    symbols = list(text) if language.single_characters else text.split()
    prefixes = ["(empty)", *(joint.join(symbols[:n]) for n in range(1, len(symbols) + 1))]
    width = max(len(prefix) for prefix in prefixes)
    print(f"{text or '(empty)'}: {'a member' if member else 'not a member'}")
    for prefix, allowed in zip(prefixes, legal, strict=True):
        print(f"  {prefix:<{width}}  {' '.join(allowed) or '(nothing: no member starts so)'}")


def _window(text: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    high = high if colon else low
    if not (low.isdecimal() and high.isdecimal()):
        raise InputError(f"--length {text}: write LOW:HIGH, for instance 1:50, or one length")
    return int(low), int(high)
