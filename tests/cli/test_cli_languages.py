"""languages, label, sample, compare."""

import io
import json
import sys

import pytest

from starfree.languages.catalog import entries, language


def test_the_catalog_is_listed(starfree):
    done = starfree("languages")
    assert done.code == 0
    for entry in entries():
        assert f"{entry.name} " in done.out
    rows = {
        row["name"]: row for row in json.loads(starfree("languages", "--json").out)["languages"]
    }
    assert rows["flipflop"]["states"] == 8
    assert rows["tomita-4"]["definiteness"] == 2
    assert rows["aa-star"]["nested"] is True
    assert rows["dyck-8-10"]["states"] is None
    assert sum(row["suite"] for row in rows.values()) == 27


def test_labels_as_json_are_those_of_the_definition(starfree):
    done = starfree("label", "regex:(ab)*@a,b", "ab", "--json")
    assert json.loads(done.out) == {
        "string": "ab",
        "member": True,
        "legal": [["a", "$"], ["b"], ["a", "$"]],
    }
    done = starfree("label", "regex:(ab)*@a,b", "--json", "bb")
    assert json.loads(done.out) == {"string": "bb", "member": False, "legal": [["a", "$"], [], []]}


@pytest.mark.parametrize("name", [entry.name for entry in entries()][::4])
def test_labels_agree_with_the_language(starfree, name):
    spoken = language(name)
    lines = starfree(
        "sample", name, "--length", "1:40", "--count", 20, "--seed", 3
    ).out.splitlines()
    done = starfree("label", name, "--json", *lines)
    symbols = (*spoken.alphabet, "$")
    for line, text in zip(map(json.loads, done.out.splitlines()), lines, strict=True):
        tokens = spoken.encode(text)
        assert line["member"] is True
        assert line["string"] == text
        bits = [[symbol in row for symbol in symbols] for row in line["legal"]]
        assert bits == spoken.legal(tokens).tolist()


def test_labels_for_people(starfree):
    done = starfree("label", "d-2", "ab", "b", "")
    assert done.out == (
        "ab: a member\n"
        "  (empty)  a $\n"
        "  a        a b\n"
        "  ab       a $\n"
        "b: not a member\n"
        "  (empty)  a $\n"
        "  b        (nothing: no member starts so)\n"
        "(empty): a member\n"
        "  (empty)  a $\n"
    )
    spaced = starfree("label", "dyck-2-4", "(a a)").out
    assert "(a a): a member" in spaced


def test_strings_are_read_from_a_pipe(starfree, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("101\n\n11"))
    done = starfree("label", "parity", "--json")
    assert [json.loads(line)["string"] for line in done.out.splitlines()] == ["101", "", "11"]
    terminal = io.StringIO("")
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    done = starfree("label", "parity")
    assert done.code == 2
    assert "give strings" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["label", "d-2", "abx"],
            "error: d-2: symbol 'x' at position 3 is not in the alphabet a b",
        ),
        (["label", "tomita-9", "1"], "error: unknown language 'tomita-9'; did you mean tomita-7"),
        (["label", "regex:(ab", "a"], "error: "),
        (["label", "pltl:a &", "a"], "error: "),
        (["label", "dfa:no-such-file.json", "a"], "error: "),
        (["sample", "d-2", "--length", "5:"], "error: --length 5:: write LOW:HIGH"),
        (["sample", "d-2", "--length", "5"], "error: d-2: no member has a length in 5..5"),
        (["sample", "d-2", "--length", "9:5"], "error: length window 9..5 is empty"),
        (["sample", "d-2", "--length", "1:1"], "error: d-2: no member has a length in 1..1"),
        (["sample", "tomita-2", "--distribution", "hard"], "error: "),
        (["sample", "s5", "--distribution", "published"], "error: "),
        (["sample", "d-2", "--distribution", "normal"], "error: Invalid value"),
        (["labl"], "error: No such command 'labl'"),
        (["label"], "error: Missing argument 'LANG'"),
        (["compare", "d-2"], "error: Missing argument 'LANG'"),
    ],
)
def test_bad_input_gives_one_line_and_exit_code_2(starfree, arguments, message):
    done = starfree(*arguments)
    assert done.code == 2
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith(message)


def test_samples_are_members_of_the_window_and_repeatable(starfree):
    arguments = ("sample", "d-3", "--length", "10:20", "--count", 50, "--seed", 1)
    lines = starfree(*arguments).out.splitlines()
    spoken = language("d-3")
    assert len(lines) == 50
    assert all(10 <= len(line) <= 20 and spoken.accepts(spoken.encode(line)) for line in lines)
    assert starfree(*arguments).out.splitlines() == lines
    assert starfree(*arguments[:-1], 2).out.splitlines() != lines


@pytest.mark.filterwarnings("default")
def test_a_small_window_is_said_to_be_small(starfree):
    done = starfree("sample", "aa-star", "--length", "1:6", "--count", 50)
    assert done.out.split() == ["aa", "aaaa", "aaaaaa"]
    assert done.err.startswith("note: aa-star: lengths 1..6 have 3 members")


def test_comparing(starfree):
    done = starfree("compare", "regex:(ab)*", "tomita-2", "--json")
    assert done.code == 3
    assert json.loads(done.out)["equal"] is False
    done = starfree("compare", "d-2", "d-3")
    assert (done.code, done.out) == (3, "different: 'aaabbb' is in d-3 only\n")
    done = starfree("compare", "regex:(0*10*1)*0*", "parity")
    assert (done.code, done.out) == (0, "equal\n")
    done = starfree("compare", "dyck-1", "d-4")
    assert (done.code, "only" in done.out) == (3, True)
