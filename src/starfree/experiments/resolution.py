"""What a spec only names, made definite: options with their defaults, files by their content.

File names and modules are looked for in the current folder, as on the command line.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starfree.errors import InputError
from starfree.files import user_file


def complete_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A model's options with every default filled in (a user's own model: those given).

    Raises:
        InputError: no such model, or no such option.
    """
    from starfree.models.model import check_options, load_builder

    if ":" in name:
        load_builder(name)
        return dict(given)
    return check_options(name, dict(given)).model_dump()


def model_file(name: str) -> str | None:
    """SHA-256 of the file of a user's model ``package.module:function``; None for ours."""
    if ":" not in name:
        return None
    from starfree.models.model import load_builder

    source = inspect.getsourcefile(inspect.unwrap(load_builder(name)))
    return None if source is None else _sha256(Path(source))


def language_file(reference: str) -> str | None:
    """SHA-256 of the file of a ``dfa:FILE`` language; None for all others."""
    kind, _, name = reference.partition(":")
    return _sha256(user_file(name)) if kind == "dfa" else None


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
