"""Languages that the user writes down: `regex:...`, `pltl:...`, `dfa:FILE.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from starfree.errors import ComplexityLimit, InputError
from starfree.files import user_file, write_atomically
from starfree.languages.automaton import Automaton
from starfree.languages.regular import RegularLanguage
from starfree.languages.syntax import check_alphabet


def parse(notation: str, text: str, reference: str) -> RegularLanguage:
    """The language that `text` denotes in a notation (`regex`, `pltl` or `dfa`), named `reference`.

    Raises:
        InputError: malformed; one line that names the reference, the place, and what was expected.
        ComplexityLimit: its automaton would be too large.
    """
    # A long expression is cut; the name of a file never is.
    whole = notation == "dfa" or len(reference) <= 80
    name = reference if whole else f"{reference[:77]}..."
    try:
        return RegularLanguage(reference, _automaton(notation, text))
    except RecursionError:
        raise InputError(f"{name}: nested too deeply; write it with fewer levels") from None
    except ComplexityLimit as error:
        raise ComplexityLimit(f"{name}: {error}") from None
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _automaton(notation: str, text: str) -> Automaton:
    # The grammars are compiled on import, so each is imported only when it is asked for.
    match notation:
        case "regex":
            from starfree.languages.regex import compile_regex

            return compile_regex(text)
        case "pltl":
            from starfree.languages.pltl import compile_pltl

            return compile_pltl(text)
        case "dfa":
            return read_automaton(user_file(text))
    raise InputError(f"unknown notation {notation!r}; write regex:, pltl: or dfa:")


class AutomatonFile(BaseModel):
    """A `dfa:` file, format 1: one row a state, one target a symbol, null where there is none."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal[1]
    alphabet: list[str]
    start: int
    accepting: list[int]
    transitions: list[list[int | None]]


def read_automaton(path: Path) -> Automaton:
    """Read a `dfa:` file.

    Raises:
        InputError: no such file, not JSON, or not an automaton; says where.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"cannot read the file: {reason}") from None
    try:
        document = AutomatonFile.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise InputError(
            f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"field {where}: {first['msg']}") from None
    check_alphabet(document.alphabet)
    states = len(document.transitions)
    numbers = [("start", document.start)]
    numbers += [(f"accepting.{i}", state) for i, state in enumerate(document.accepting)]
    for index, row in enumerate(document.transitions):
        if len(row) != len(document.alphabet):
            raise InputError(
                f"field transitions.{index}: {len(row)} targets; expected {len(document.alphabet)},"
                " one per symbol"
            )
        numbers += [(f"transitions.{index}.{i}", t) for i, t in enumerate(row) if t is not None]
    for where, state in numbers:
        if not 0 <= state < states:
            raise InputError(f"field {where}: no state {state}; states are 0..{states - 1}")
    table = [[-1 if target is None else target for target in row] for row in document.transitions]
    accepting = np.zeros(states, dtype=np.bool_)
    accepting[document.accepting] = True
    return Automaton(
        tuple(document.alphabet), np.array(table, dtype=np.int32), document.start, accepting
    )


def write_automaton(automaton: Automaton, path: Path) -> None:
    """Write a `dfa:` file; an automaton without states gets one that accepts nothing."""
    whole = automaton if automaton.states else automaton.complete()
    rows = [[None if t < 0 else t for t in row] for row in whole.transitions.tolist()]
    document = AutomatonFile(
        format=1,
        alphabet=list(whole.alphabet),
        start=whole.start,
        accepting=np.flatnonzero(whole.accepting).tolist(),
        transitions=rows,
    )
    write_atomically(path, json.dumps(document.model_dump()) + "\n")
