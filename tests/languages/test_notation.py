"""`dfa:` files: what is read, what is refused, and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from starfree.errors import InputError
from starfree.languages.catalog import entries, language
from starfree.languages.comparison import compare
from starfree.languages.notation import write_automaton

PARITY: dict[str, Any] = {
    "format": 1,
    "alphabet": ["0", "1"],
    "start": 0,
    "accepting": [0],
    "transitions": [[0, 1], [1, 0]],
}


def written(path: Path, **changes: Any) -> str:
    path.write_text(json.dumps(PARITY | changes), encoding="utf-8")
    return f"dfa:{path}"


def test_read(tmp_path: Path) -> None:
    tested = language(written(tmp_path / "parity.json"))
    assert compare(tested, language("parity")).equal
    assert tested.name == f"dfa:{tmp_path / 'parity.json'}"


def test_partial_and_not_minimal(tmp_path: Path) -> None:
    """States 2 and 3 repeat state 0 and 1; null is no transition."""
    rows = [[2, 1], [None, 0], [0, 3], [None, 2]]
    tested = language(written(tmp_path / "a.json", transitions=rows, accepting=[0, 2]))
    assert tested.automaton is not None
    assert tested.automaton.states == 2
    assert tested.accepts([0, 1, 1])
    assert not tested.accepts([1, 0])


def test_the_file_is_read_again(tmp_path: Path) -> None:
    reference = written(tmp_path / "a.json")
    assert language(reference).accepts([1, 1])
    written(tmp_path / "a.json", accepting=[1])
    assert not language(reference).accepts([1, 1])


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_round_trip(entry: Any, tmp_path: Path) -> None:
    automaton = language(entry.name).automaton
    if automaton is None:
        infinite = entry.language_class in ("counter", "context-sensitive")
        assert infinite or entry.name == "dyck-8-10"
        return
    write_automaton(automaton, tmp_path / "a.json")
    again = language(f"dfa:{tmp_path / 'a.json'}").automaton
    assert again is not None
    assert again.alphabet == automaton.alphabet
    assert (again.transitions == automaton.transitions).all()
    assert (again.accepting == automaton.accepting).all()


def test_round_trip_of_the_empty_language(tmp_path: Path) -> None:
    automaton = language("regex:[]@a,b").automaton
    assert automaton is not None
    write_automaton(automaton, tmp_path / "a.json")
    again = language(f"dfa:{tmp_path / 'a.json'}")
    assert again.count(0) == again.count(5) == 0
    assert not np.any(again.legal([0, 1]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "field format: "),
        ({"start": "0"}, "field start: "),
        ({"start": 2}, r"field start: no state 2; states are 0\.\.1"),
        ({"accepting": [0, 5]}, r"field accepting\.1: no state 5"),
        ({"transitions": [[0, 1], [1]]}, r"field transitions\.1: 1 targets; expected 2"),
        ({"transitions": [[0, 1], [1, -1]]}, r"field transitions\.1\.1: no state -1"),
        ({"transitions": [[0, 1.5], [1, 0]]}, r"field transitions\.0\.1: "),
        ({"alphabet": ["0", "0"]}, "symbol '0' is listed twice"),
        ({"alphabet": ["0", "$"]}, r"symbol '\$' stands for the end"),
        ({"alphabet": ["0", "a b"]}, "symbol 'a b' is empty or has white space"),
        ({"alphabet": [], "transitions": [[], []]}, "the alphabet is empty"),
        ({"finals": [0]}, "field finals: "),
    ],
)
def test_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    reference = written(tmp_path / "a.json", **changes)
    with pytest.raises(InputError, match=message) as caught:
        language(reference)
    assert str(caught.value).startswith(reference)
    assert "\n" not in str(caught.value)


def test_missing_field(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"format": 1}', encoding="utf-8")
    with pytest.raises(InputError, match="field alphabet: Field required"):
        language(f"dfa:{tmp_path / 'a.json'}")


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the file: No such file"):
        language(f"dfa:{tmp_path / 'nowhere.json'}")
    with pytest.raises(InputError, match="cannot read the file: Is a directory"):
        language(f"dfa:{tmp_path}")
    (tmp_path / "a.json").write_text('{"format": 1,,}', encoding="utf-8")
    with pytest.raises(InputError, match=r"not JSON: .* at line 1 column 14"):
        language(f"dfa:{tmp_path / 'a.json'}")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8 text"):
        language(f"dfa:{tmp_path / 'b.json'}")
    (tmp_path / "c.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(InputError, match="field the document: "):
        language(f"dfa:{tmp_path / 'c.json'}")
    (tmp_path / "d.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match=r"nested too deeply|not JSON"):
        language(f"dfa:{tmp_path / 'd.json'}")
