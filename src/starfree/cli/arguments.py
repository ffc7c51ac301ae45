"""What the argument MODEL names, and whether it fits the argument LANG."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starfree.errors import InputError

if TYPE_CHECKING:
    from starfree.languages.language import Language
    from starfree.models.loading import Loaded

ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A directory (compiled, or of transformers), RUN_DIR:HASH, or "
        "package.module:build@weights.safetensors.",
    ),
]


def open_model(
    reference: str, language: str | None, tasks: Sequence[str] = ("predict",)
) -> tuple[Loaded, Language]:
    """The model, and the language that it is to know: by default the one it was made for.

    Args:
        reference: MODEL.
        language: LANG, if it was given.
        tasks: that a trial may have.

    Raises:
        InputError: no such model or language, a model of another task or for another alphabet, or
            nothing tells the language.
    """
    from starfree.languages.catalog import language as named
    from starfree.models.loading import load

    spoken = named(language) if language else None
    loaded = load(reference, len(spoken.alphabet) if spoken else None)
    if spoken is None:
        if loaded.language is None:
            raise InputError(f"{reference}: name the language too, nothing here tells it")
        spoken = named(loaded.language)
    if loaded.task not in (None, *tasks):
        asked = " or ".join(tasks)
        raise InputError(f"{reference}: its task is {loaded.task}; this command asks for {asked}")
    known = alphabet(loaded)
    if known is not None and known != spoken.alphabet:
        raise InputError(
            f"{reference}: its alphabet is {' '.join(known)}, that of {spoken.name} is "
            f"{' '.join(spoken.alphabet)}"
        )
    return loaded, spoken


def alphabet(loaded: Loaded) -> tuple[str, ...] | None:
    """The symbols behind the model's tokens, `$` and `^` after them; None if nothing tells them."""
    from starfree.languages.catalog import language

    if loaded.kind != "trial":
        return loaded.symbols
    if loaded.language is None or loaded.task == "published":  # whose tokens are the authors' own
        return None
    return language(loaded.language).alphabet


def names_model(text: str) -> bool:
    """Whether LANG|MODEL is meant as a model; a language of that name goes before a directory.

    Raises:
        InputError: it is neither.
    """
    from starfree.languages.catalog import language
    from starfree.models.reference import FORMS, names_a_model

    if text.startswith(("regex:", "pltl:", "dfa:")):
        return False
    try:
        language(text)
    except InputError as error:
        if names_a_model(text):
            return True
        raise InputError(f"{error}\nand no model: that is {FORMS}") from None
    if Path(text).is_dir():
        hint = f"note: {text} is a language; the model in the folder of that name is ./{text}"
        print(hint, file=sys.stderr)
    return False
