"""What `run` and `search` are both told: where results go, how much of it, where trials run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starfree.errors import InputError

if TYPE_CHECKING:
    from starfree.experiments.engine import Engine


class EngineName(StrEnum):
    """Where trials run."""

    LOCAL = "local"
    RAY = "ray"


EngineOption = Annotated[
    EngineName, typer.Option("--engine", help="local: this machine; ray: a Ray cluster.")
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Of the Ray cluster; auto: the one this machine is part of. By default RAY_ADDRESS, "
        "else a Ray of its own on this machine.",
    ),
]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Results go here; by default runs/NAME.")
]
Scale = Annotated[
    str | None, typer.Option(help="A scale of the spec, such as smoke: minutes, no result.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Trials at once; by default one a core.")]


def make_engine(name: EngineName, address: str | None, workers: int | None) -> Engine:
    """The engine that the options ask for.

    Raises:
        InputError: an address without Ray, or Ray is not installed.
    """
    if name is EngineName.RAY:
        from starfree.experiments.engine.ray import RayEngine

        return RayEngine(address, workers)
    if address is not None:
        raise InputError("--address is for --engine ray")
    from starfree.experiments.engine import LocalEngine

    return LocalEngine(workers)
