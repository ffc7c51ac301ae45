"""The experiments that come with the package, as the files that `starfree spec` prints."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from starfree.errors import InputError
from starfree.experiments.spec import Experiment, parse_experiment

_SUFFIX = ".yaml"


def names() -> list[str]:
    """What `text` takes."""
    folder = files("starfree.experiments") / "specs"
    return sorted(
        entry.name.removesuffix(_SUFFIX) for entry in folder.iterdir() if _SUFFIX in entry.name
    )


def text(name: str) -> str:
    """The spec as YAML, with its comments.

    Raises:
        InputError: no such experiment.
    """
    if name not in names():
        raise InputError(f"no experiment {name!r} comes with starfree (there are: {_listed()})")
    spec = files("starfree.experiments") / "specs" / f"{name}{_SUFFIX}"
    return spec.read_text(encoding="utf-8")


def load(
    name_or_file: str, scale: str | None = None, protocol: str | None = None
) -> tuple[Experiment, str]:
    """An experiment and its text, by name or from a file.

    Args:
        name_or_file: a built-in name, or a path.
        scale: one of the spec's `scales`; by default the spec as it is.
        protocol: one of the spec's `protocols`; by default its own.

    Raises:
        InputError: neither a name nor a file that can be read; a field is wrong; the spec has no
            such scale or protocol.
    """
    if name_or_file in names():
        content = text(name_or_file)
        return parse_experiment(content, name_or_file, scale, protocol), content
    try:
        content = Path(name_or_file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"{name_or_file}: no such file, and no experiment that comes with starfree (there "
            f"are: {_listed()})"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise InputError(f"{name_or_file}: cannot be read ({reason})") from None
    return parse_experiment(content, name_or_file, scale, protocol), content


def _listed() -> str:
    return ", ".join(names())
