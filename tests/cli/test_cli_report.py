"""report: while a run goes on, of several folders, in other forms."""

import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from commands import SMALL, finish, process

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from made_results import made_run

TRIALS = 4


def test_a_report_is_made_while_the_run_goes_on(tmp_path, starfree):
    (tmp_path / "small.yaml").write_text(SMALL)
    out = tmp_path / "out"
    running = process("run", "small.yaml", "--out", "out", "--workers", 1, cwd=tmp_path)
    deadline = time.monotonic() + 240
    while not list(out.glob("trials/*/result.json")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    during = 0
    while running.poll() is None:
        done = starfree("report", out)
        assert (done.code, done.err) == (0, "")
        shown = json.loads((out / "results.json").read_text())
        if running.poll() is None:
            during += 1
            assert 1 <= len(shown["trials"]) <= TRIALS
            assert "parity" in (out / "report.html").read_text()
    assert during
    assert finish(running).code == 0
    assert len(json.loads((out / "results.json").read_text())["trials"]) == TRIALS
    with closing(sqlite3.connect(out / "results.sqlite")) as database:
        assert database.execute("SELECT COUNT(*) FROM trials").fetchone() == (TRIALS,)


@pytest.fixture
def parts(tmp_path):
    made_run(tmp_path / "one", languages=["d-2", "parity"])
    made_run(tmp_path / "two", languages=["dyck-1", "aa-star", "d-2"])
    return tmp_path / "one", tmp_path / "two"


def test_parts_are_merged_and_exported(parts, tmp_path, starfree):
    out = tmp_path / "all"
    done = starfree(
        "report", *parts, "--out", out, "--export", "latex", "--export", "csv", "--export", "json"
    )
    assert (done.code, done.err) == (0, "")
    one, two = parts
    assert done.out.startswith(f"merged into {out}: 12 from {one}, 12 from {two}\n")
    assert "!" not in done.out.splitlines()[1]
    for name in ("results.tex", "results.csv", "results.json"):
        assert f"table: {out / 'tables' / name}" in done.out
        assert (out / "tables" / name).exists()
    again = starfree("report", out)
    assert again.code == 0
    assert "d-2" in again.out
    assert "aa-star" in again.out


def test_conflicts_and_versions_are_told(parts, tmp_path, starfree):
    one, two = parts
    path = next(
        p for p in sorted(one.glob("trials/*/result.json")) if (two / p.relative_to(one)).exists()
    )
    result = json.loads(path.read_text())
    result["bins"]["1-50"]["metrics"]["string_accuracy"]["value"] = 0.0625
    path.write_text(json.dumps(result | {"version": "0.0.9"}))
    done = starfree("report", one, two, "--out", tmp_path / "all")
    assert done.code == 0
    said = done.out.splitlines()
    assert said[1].startswith(f"! conflict: {path.parent.name} (d-2, ")
    assert "string_accuracy on 1-50 is 0.0625 and 1 in" in said[1]
    assert said[2] == "! made by different versions: 0.0.9 (abc); 0.1.0 (abc)"


def test_several_folders_need_a_place(parts, starfree):
    done = starfree("report", *parts)
    assert done.code == 2
    assert done.err == ("error: several folders are merged into one: say where with --out DIR\n")


def test_a_run_holds_the_place_of_a_merge(parts, tmp_path, starfree):
    from starfree.experiments.store import Store

    with Store(tmp_path / "all").lock():
        done = starfree("report", *parts, "--out", tmp_path / "all")
    assert done.code == 1
    assert "another run is writing here" in done.err
