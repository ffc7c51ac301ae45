"""A run's numbers in other forms: read back, they are the same numbers."""

import csv
import io
import json
import re
import sys

import pytest
from made_results import made_run

from starfree.errors import InputError
from starfree.experiments.plan import read_plan
from starfree.experiments.summary import read_summary
from starfree.report.exports import export, summary_table
from starfree.report.forms import Format
from starfree.report.latex import LONG, as_latex, escaped
from starfree.report.rows import rows
from starfree.report.sections import Row, Table


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store, _, _ = made_run(tmp_path_factory.mktemp("made") / "run")
    found = list(rows(*read_plan(store.folder), store.results()))
    return store, found, [summary_table(read_summary(store)[0])]


def plain(row):
    return {name: value for name, value in vars(row).items() if value not in (None, "")}


def test_csv_and_json_have_every_number(made):
    store, found, tables = made
    path = export(store, found, tables, Format.CSV)
    assert path == store.folder / "tables" / "results.csv"
    read = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [{k: v for k, v in line.items() if v} for line in read] == [
        {name: str(value) for name, value in plain(row).items()} for row in found
    ]
    value = json.loads(export(store, found, tables, Format.JSON).read_text())
    assert [Row(**line) for line in value["rows"]] == found


def test_parquet_has_every_number_and_its_type(made):
    parquet = pytest.importorskip("pyarrow.parquet")
    store, found, tables = made
    table = parquet.read_table(export(store, found, tables, Format.PARQUET))
    kinds = {
        name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)
    }
    assert (kinds["seed"], kinds["value"], kinds["language"], kinds["layers"]) == (
        "int64", "double", "string", "int64",
    )  # fmt: skip
    read = [{k: v for k, v in line.items() if v not in (None, "")} for line in table.to_pylist()]
    assert read == [plain(row) for row in found]


def test_a_missing_package_is_named(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'starfree\[parquet\]'"):
        export(*made, Format.PARQUET)


def cells(line):
    """The cells of a row of a LaTeX table."""
    return [cell.strip() for cell in re.split(r"(?<!\\)&", line.removesuffix(r"\\"))]


def check_latex(text):
    """What a compiler would stumble over: braces, environments, columns."""
    bare = re.sub(r"\\[\\{}%&#$_]", "", re.sub(r"(?m)^%.*$", "", text))
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0
    assert not set(bare) & set("#%_^~<>|")
    opened = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert not opened
    for spec, body in re.findall(
        r"\\begin\{(?:tabular|longtable)\}\{@\{\}([lr]+)@\{\}\}(.*?)\\end\{", text, re.DOTALL
    ):
        lines = [line for line in body.splitlines() if "&" in line]
        assert lines
        assert all(len(cells(line)) == len(spec) for line in lines)


def test_latex_has_booktabs_and_intervals(made):
    store, found, tables = made
    path = export(store, found, tables, Format.LATEX)
    assert path.name == "results.tex"
    text = path.read_text()
    check_latex(text)
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert r"\caption{Made \textless{}up\textgreater{}. \% of strings right" in text
    assert text.count(r"\addlinespace") == 3  # between four languages
    by_model = [cells(line) for line in text.splitlines() if line.startswith(" & Mamba &")]
    assert len(by_model) == 4
    cell = read_summary(store)[0].cells[0]
    low, high = cell.bins[1].interval
    assert by_model[0][3:5] == ["100 [98.2, 100]", f"100 [{100 * low:.1f}, 100]"]
    assert high == 1.0


def test_a_long_table_breaks_over_pages():
    table = Table("t", ("a", "b"), [(f"row {n}", "1") for n in range(LONG + 1)])
    text = as_latex([table])
    check_latex(text)
    assert r"\begin{longtable}{@{}lr@{}}" in text
    assert r"\endhead" in text


@pytest.mark.parametrize(
    ("title", "caption"), [("All", "All. How to read it"), ("Why?", "Why? How to read it")]
)
def test_the_note_follows_the_title(title, caption):
    assert rf"\caption{{{caption}}}" in as_latex([Table(title, ("a",), [("b",)], "How to read it")])


def test_a_row_that_begins_with_a_bracket_is_no_argument():
    text = as_latex([Table("t", ("a", "b"), [("[x]", "1"), ("*", "2")])])
    check_latex(text)
    assert "{}[x] & 1" in text
    assert "{}* & 2" in text


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (r"a\b", r"a\textbackslash{}b"),
        ("{1, $} & #", r"\{1, \$\} \& \#"),
        ("51–100 − 3 %", r"51--100 $-$ 3 \%"),
        ("x_1^2 ~ y", r"x\_1\textasciicircum{}2 \textasciitilde{} y"),
    ],
)
def test_what_latex_would_take_for_its_own_is_escaped(given, wanted):
    assert escaped(given) == wanted
