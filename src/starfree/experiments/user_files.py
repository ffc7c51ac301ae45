"""A trial's own files, by content, for a worker that cannot read the user's folder.

A trial names at most two: the automaton of a `dfa:FILE` language, the module of a user's model.
Modules that this module imports do not travel; they must be installed where the workers run.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starfree.experiments.spec import Trial
from starfree.files import bring_user_file, user_file, write_atomically


@dataclass(frozen=True)
class UserFiles:
    """Content of the files that a trial names.

    Attributes:
        languages: by what stands after `dfa:`.
        modules: by dotted name.
    """

    languages: Mapping[str, bytes]
    modules: Mapping[str, bytes]


def gather_user_files(trial: Trial) -> UserFiles:
    """Read them.

    Raises:
        InputError: the user's model cannot be imported.
        OSError: a file cannot be read.
    """
    languages = {}
    if trial.language_file is not None:
        _, _, name = trial.language.partition(":")
        languages[name] = user_file(name).read_bytes()
    return UserFiles(languages, _modules(trial.model) if trial.model_file is not None else {})


def _modules(model: str) -> dict[str, bytes]:
    """The module that the model names, and the one that defines its function."""
    from starfree.models.model import load_builder

    builder = inspect.unwrap(load_builder(model))
    found = {}
    for name in (model.partition(":")[0], builder.__module__):
        source = getattr(sys.modules.get(name), "__file__", None)
        if source is not None:
            found[name] = Path(source).read_bytes()
    return found


def place_user_files(files: UserFiles, folder: Path) -> None:
    """Write them into a folder that lives as long as this process; names then lead there.

    An installed package goes before a module of the same name here.
    """
    for name, content in files.languages.items():
        # Apart from files of the same name that came with other trials.
        place = folder / f"{hashlib.sha256(content).hexdigest()}.json"
        write_atomically(place, content)
        bring_user_file(name, place)
    for name, content in files.modules.items():
        place = folder.joinpath(*name.split(".")).with_suffix(".py")
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, content)
    if files.modules and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
