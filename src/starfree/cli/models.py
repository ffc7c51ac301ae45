"""Commands about models: export, bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from starfree.cli.arguments import ModelArgument, alphabet
from starfree.cli.output import Json, print_json
from starfree.errors import InputError


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(export)
    app.command()(bench)


def export(
    model: ModelArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The directory to write.")],
) -> None:
    """Write a trained Mamba as a directory that transformers loads, tokenizer included."""
    from starfree.models.exchange import write_transformers
    from starfree.models.loading import load
    from starfree.models.mamba import Mamba

    loaded = load(model)
    if not isinstance(loaded.model, Mamba):
        raise InputError(f"{model}: its model is {loaded.architecture}, not mamba")
    write_transformers(loaded.model, out, alphabet(loaded) or ())
    print(f'{out}: load it with transformers.MambaForCausalLM.from_pretrained("{out}")')


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Under a minute; without W3.")] = False,
    doctor: Annotated[
        bool, typer.Option("--doctor", help="Only say which kernels compute here, and why.")
    ] = False,
    json: Json = False,
) -> None:
    """Training and evaluation speed, beside peers and what the processor could do at most.

    W1-W5 are training steps, W6 is evaluation of long strings. Peers that are not installed are
    left out (`pip install starfree[bench]`).
    """
    from starfree.experiments import bench as measure

    if doctor:
        said = measure.doctor()
        if json:
            print_json({"format": measure.FORMAT, "kernels": said})
        else:
            print(said)
        return
    result = measure.run(quick, say=(lambda line: None) if json else print)
    if json:
        print_json(result)
