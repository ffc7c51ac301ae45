"""Commands about models: export, bench."""

from __future__ import annotations

from json import dumps, loads
from pathlib import Path
from typing import Annotated, Any

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
    quick: Annotated[
        bool, typer.Option("--quick", help="Under a minute; without W3 and scaling.")
    ] = False,
    doctor: Annotated[
        bool, typer.Option("--doctor", help="Only say which kernels compute here, and why.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write bench.json, tables.md and the scaling figure here."
        ),
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Only print the tables of such a bench.json."),
    ] = None,
    json: Json = False,
) -> None:
    """Training and evaluation speed, beside peers and what the processor could do at most.

    W1-W5 are training steps, W6 is evaluation of long strings. Peers that are not installed are
    left out (`pip install starfree[bench]`). Without --quick it takes about ten minutes.
    """
    from starfree.experiments.bench import comparison, presentation

    if doctor:
        said = comparison.doctor()
        if json:
            print_json({"format": comparison.FORMAT, "kernels": said})
        else:
            print(said)
        return
    if tables is not None:
        print(presentation.tables(_measured(tables)), end="")
        return
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    result = comparison.run(quick, say=(lambda line: None) if json else print)
    if json:
        print_json(result)
    if out is not None:
        _write_bench(result, out)


def _measured(path: Path) -> dict[str, Any]:
    from starfree.errors import InputError

    try:
        found = loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--tables {path}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"--tables {path}: not JSON ({error})") from None
    if not isinstance(found, dict) or not {"machine", "workloads", "evaluation"} <= found.keys():
        raise InputError(f"--tables {path}: is no result of `starfree bench --json`")
    return found


def _write_bench(result: dict[str, Any], out: Path) -> None:
    from starfree.experiments.bench import presentation
    from starfree.files import write_atomically

    write_atomically(out / "bench.json", dumps(result, indent=1) + "\n")
    write_atomically(out / "tables.md", presentation.tables(result))
    if "scaling" in result:
        from starfree.report.speed_figure import draw_scaling

        draw_scaling(result["scaling"], out)
