"""Commands about exact models: compile, certify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from starfree.cli.arguments import ModelArgument, open_model
from starfree.cli.output import Json, LanguageReference, print_json
from starfree.errors import InputError, StarfreeError

if TYPE_CHECKING:
    from torch import nn

    from starfree.verification.certificate import Certificate
    from starfree.verification.product import Domain

WRONG = 3
PAGE = "page.html"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("compile")(compile_language)
    app.command()(certify)


def compile_language(
    language: LanguageReference,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The directory to write.")],
    target: Annotated[
        Literal["mamba", "paper", "signed", "rotation", "reflection"],
        typer.Option(
            help="mamba: genuine Mamba weights, loaded by transformers; paper: the paper's form, "
            "which counts too; signed, rotation, reflection: that form with more general gates."
        ),
    ] = "mamba",
    precision: Annotated[
        Literal["exact", "robust"],
        typer.Option(
            help="Of target mamba: robust withstands small changes of its weights; exact has half "
            "the size."
        ),
    ] = "robust",
    task: Annotated[
        Literal["predict", "recognise"],
        typer.Option(help="predict: right on prefixes of members; recognise: on every string."),
    ] = "predict",
    route: Annotated[
        Literal["automaton", "formula"],
        typer.Option(
            help="automaton: the smallest cascade; formula: of a pltl: language, one unit for each "
            "S and Y, right on every string."
        ),
    ] = "automaton",
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Of target paper: without any convolution."),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print what every direction of the model means.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the exact weights of a language, proven for every length.

    DIR/page.html shows it in a browser: the circuit runs on what you type.
    """
    from starfree.algebra.bounds import remarks
    from starfree.compiler.compile import GATES
    from starfree.compiler.compile import compile as compiled_for
    from starfree.compiler.explain import explain as explained
    from starfree.compiler.folder import check_folder, save
    from starfree.languages.catalog import language as named
    from starfree.report.language_page import Network, gates_in_words, write_page
    from starfree.verification.certificate import certify as prove

    spoken = named(language)
    check_folder(out)
    made = compiled_for(spoken, target, precision, task, route, strict)
    domain: Domain = "all" if made.circuit.mode == "recogniser" else "prefixes"
    certificate = prove(made.model, spoken, domain)
    if certificate.status == "COUNTEREXAMPLE":
        raise StarfreeError(f"{language}: the compiled model is wrong: {_told(certificate)}")
    save(made, out, certificate)
    gates = gates_in_words(made.circuit, GATES[target])
    network = Network(made.circuit, gates, target, made.names, certificate)
    write_page(out / PAGE, spoken, network=network)
    if json:
        proven = certificate.to_json()
        known = explained(made, spoken).data if explain else {}
        print_json({**known, "certificate": proven} if explain else proven)
        return
    if explain:
        print(explained(made, spoken).text() + "\n")
    for line in remarks(made.circuit, spoken):
        print(line)
    print(_told(certificate))
    loads = " (transformers.MambaForCausalLM.from_pretrained loads it)"
    print(f"page: {out / PAGE}")
    print(f"written: {out}{loads if target == 'mamba' else ''}")


def certify(
    model: ModelArgument,
    language: Annotated[
        str | None,
        typer.Argument(metavar="[LANG]", help="By default the one that the directory names."),
    ] = None,
    domain: Annotated[
        Literal["prefixes", "all"] | None,
        typer.Option(help="Strings to be right on: prefixes of members (default), or all."),
    ] = None,
    margin: Annotated[
        float, typer.Option(min=0, help="Ask that every logit is at least this far from 0.")
    ] = 0.0,
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"] | None,
        typer.Option(help="Arithmetic, by default that of the weights."),
    ] = None,
    max_states: Annotated[int, typer.Option(min=1, help="Stop after so many states.")] = 50_000,
    prover: Annotated[
        Literal["starfree", "transformers"],
        typer.Option(
            help="Who runs the weights: starfree, or transformers with its cache, which shares no "
            "code with it (slower)."
        ),
    ] = "starfree",
    json: Json = False,
) -> None:
    """Prove that a model predicts a language at every length, or find a shortest fault.

    A compiled directory is proven anew, and its certificate.json must agree. Ends with exit code 3
    if there is a fault, or if it does not agree.
    """
    import torch

    from starfree.verification.certificate import certify as prove

    loaded, spoken = open_model(model, language)
    asked, known = loaded.model, _written_certificate(model)
    if prover == "transformers":
        asked = _as_transformers(model)
    if dtype:
        asked = asked.to(getattr(torch, dtype))
    where = domain or (known.domain if known else "prefixes")
    certificate = prove(asked, spoken, where, margin, max_states)
    if json:
        print_json(certificate.to_json())
    else:
        print(_told(certificate))
    if known and (language or known.language, dtype, prover, where, certificate.reading) == (
        *(known.language, None, "starfree", known.domain, known.reading),
    ):
        _compare(Path(model), known, certificate)
    if certificate.status == "COUNTEREXAMPLE":
        sys.exit(WRONG)


def _written_certificate(model: str) -> Certificate | None:
    if not Path(model).is_dir():
        return None
    from starfree.compiler.folder import read_certificate

    return read_certificate(Path(model))


def _as_transformers(model: str) -> nn.Module:
    from starfree.models.transformers_cache import open_transformers

    if not Path(model).is_dir():
        raise InputError(f"{model}: transformers reads directories only; `starfree export` it")
    return open_transformers(Path(model))


def _compare(folder: Path, written: Certificate, found: Certificate) -> None:
    """End with exit code 3 if the written certificate does not hold."""
    from starfree.compiler.folder import CERTIFICATE
    from starfree.verification.certificate import disagreements

    wrong = disagreements(written, found)
    if wrong:
        print(f"{folder / CERTIFICATE} does not hold: {'; '.join(wrong)}", file=sys.stderr)
        sys.exit(WRONG)


def _told(certificate: Certificate) -> str:
    """The certificate in a few lines."""
    strings = "prefixes of members" if certificate.domain == "prefixes" else "all strings"
    found = certificate.counterexample
    if found is not None:
        text = f"{found.string!r}" if found.position else "the empty string"
        first = (
            f"after {text} it gives {{{', '.join(found.given)}}}, right is "
            f"{{{', '.join(found.expected)}}}"
        )
        first += "; no shorter string shows a fault" if found.shortest else ""
    elif certificate.status == "UNKNOWN":
        first = f"nothing is proven about {certificate.language}"
    elif certificate.states == 0:
        first = f"{certificate.language} is empty: no string begins a member, so none can go wrong"
    elif certificate.status == "PROVEN_UP_TO":
        first = f"right on {strings} of {certificate.language} up to length {certificate.length:,}"
    else:
        first = f"right on {strings} of {certificate.language}, of every length"
    size = "" if certificate.margin is None else f", smallest |logit| {certificate.margin:g}"
    inductive = certificate.method == "inductive"
    what = "abstract cases of an invariant" if inductive else "states of model and language"
    lines = [
        f"{certificate.status}: {first}",
        f"{certificate.states:,} {what}{size}, in {certificate.seconds:.2f} s",
    ]
    if certificate.invariant:
        lines.append(f"invariant: {certificate.invariant}")
    if certificate.covers:
        lines.append(f"{'covers: ' if inductive else ''}{certificate.covers}")
    return "\n".join([*lines, certificate.arithmetic, certificate.kernel])
