"""Commands that look into trained models: refute, extract."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starfree.cli.arguments import ModelArgument, open_model
from starfree.cli.output import Json, print_json

if TYPE_CHECKING:
    from starfree.languages.language import Language
    from starfree.verification.refutation import Refutation

WRONG = 3
STRINGS = "all strings but the empty one, members or not, of"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("refute")(refute_model)
    app.command("extract")(extract_automaton)


def refute_model(
    model: ModelArgument,
    language: Annotated[
        str | None,
        typer.Argument(metavar="[LANG]", help="By default the language that it was made for."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Time for all searches, about.")] = 60,
    longest: Annotated[
        int, typer.Option(min=10, help="Symbols of the longest string u w^n v.")
    ] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the random strings.")] = 0,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the margin over n (.png, .pdf, .svg)."),
    ] = None,
    json: Json = False,
) -> None:
    """Look for a string on which a model is wrong; its shortest counterexample if a short one is.

    All strings by length; u w^n v for n up to thousands; random hard strings; a search on the
    margin. Ends with exit code 3 if one is found. What is not found is not proven: see certify.
    """
    from starfree.verification.refutation import refute

    loaded, spoken = open_model(model, language, ("predict", "recognise"))
    found = refute(
        loaded.model,
        spoken,
        seconds,
        longest,
        seed,
        lambda line: print(line, file=sys.stderr),
        task="recognise" if loaded.task == "recognise" else "predict",
    )
    if figure:
        from starfree.report.margin_figure import draw_margin

        draw_margin(found, figure)
    if json:
        print_json(found.to_json())
    else:
        print(_told(found, spoken))
    if found.status == "COUNTEREXAMPLE":
        sys.exit(WRONG)


def extract_automaton(
    model: ModelArgument,
    language: Annotated[
        str | None,
        typer.Argument(metavar="[LANG]", help="By default the language that it was made for."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the automaton, to be named dfa:FILE."),
    ] = None,
    max_states: Annotated[int, typer.Option(min=1, help="Stop at so many states.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Of the random strings.")] = 0,
    json: Json = False,
) -> None:
    """Learn an automaton from what a model answers, and compare it with the language.

    A report, not a certificate: a model that no question told from the automaton may still differ.
    """
    from starfree.languages.notation import write_automaton
    from starfree.verification.certificate import as_counterexample
    from starfree.verification.extraction import extract

    loaded, spoken = open_model(model, language)
    found = extract(loaded.model, spoken, max_states, seed)
    if out:
        write_automaton(found.automaton(), out)
    difference = as_counterexample(spoken, found.difference) if found.difference else None
    if json:
        print_json(
            {
                "format": found.format,
                "language": found.language,
                "states": found.states,
                "complete": found.complete,
                "transitions": found.transitions.tolist(),
                "legal": found.outputs.tolist(),
                "difference": asdict(difference) if difference else None,
                "questions": found.questions,
                "tested": found.tested,
                "seconds": found.seconds,
            }
        )
        return
    size = f"{found.states:,} state{'' if found.states == 1 else 's'}"
    if found.complete:
        print(
            f"{size}; the model agreed with it on {found.tested:,} strings "
            f"({found.questions:,} asked, {found.seconds:.1f} s)"
        )
    else:
        print(f"more than {size}: stopped ({found.questions:,} strings asked)")
    if difference is None:
        print(f"the automaton is that of {found.language}")
    else:
        text = repr(difference.string) if difference.position else "the empty string"
        print(
            f"not {found.language}: after {text} it gives {{{', '.join(difference.given)}}}, "
            f"right is {{{', '.join(difference.expected)}}}; no shorter string shows a difference"
        )


def _told(found: Refutation, spoken: Language) -> str:
    """The outcome in a few lines."""
    lines = [f"{found.status}: {_outcome(found, spoken)}"]
    if found.theorem:
        lines.append(
            "Its gates are not negative and the language is not star-free: at finite precision no "
            f"such model is right at\nevery length (`starfree cite {found.theorem}`); no bound on "
            "the first wrong n is known."
        )
    if found.curve:
        n, margin = found.curve[-1]
        first, start = found.curve[0]
        lines.append(
            f"after {found.curve_of} the smallest margin goes from {start:.3g} (n = {first}) to "
            f"{margin:.3g} (n = {n:,})"
        )
    if found.collapse is not None and found.predicted is not None:
        lines.append(
            f"it collapses at n = {found.collapse:,}; its gates, measured at n = 8 to 10, predict "
            f"{found.predicted:,}"
        )
    lines.append(f"{found.seconds:.1f} s")
    return "\n".join(lines)


def _outcome(found: Refutation, spoken: Language) -> str:
    from starfree.verification.spelling import spelled

    wrong = found.counterexample
    prefixes = found.domain == "prefixes"
    if wrong is None:
        if found.status == "PROVEN_ALL_LENGTHS":
            strings = "prefixes of members of" if prefixes else STRINGS
            return f"right on {strings} {found.language}, of every length"
        more = found.searched
        strings = "all prefixes of members of" if prefixes else STRINGS
        return (
            f"right on {strings} {found.language} up to length {found.length}; no fault in "
            f"{more.families} families to length {more.pumped_to:,}, {more.random_strings:,} "
            f"random strings, {more.climbed:,} searched ones"
        )
    text = spelled(spoken.encode(wrong.string).tolist(), spoken.decode)
    how = "no shorter string shows a fault" if wrong.shortest else "a shorter one may be wrong too"
    if not prefixes:
        said = "a member" if wrong.given else "no member"
        return f"{text} ({wrong.position:,} symbols) is to it {said}, and that is wrong; {how}"
    return (
        f"after {text} ({wrong.position:,} symbols) it gives {{{', '.join(wrong.given)}}}, right "
        f"is {{{', '.join(wrong.expected)}}}; {how}"
    )
