"""search, end to end: real workers, a real kill, choices checked by hand."""

import csv
import json
import os
import shutil
import signal
import time

import pytest
from commands import finish, process

SPEC = """
name: small
languages: [parity]
models: [{name: lstm, label: LSTM}]
seeds: [0, 1]
data: {train_size: 200, validation_size: 60, bin_size: 40, train_window: 1-20,
       test_windows: [1-20, 21-40]}
training: {tokens: 8000, evaluations: 20, batch_size: 8, bin_strings: 5}
refutation: {symbols: 0}
search:
  method: random
  trials: 8
  pruning: {rule: halving, start: 0.1}
  space:
    d_model: [2, 4]
    learning_rate: {low: 0.0001, high: 0.1, log: true}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A search that went through, and what was printed."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "small.yaml").write_text(SPEC)
    done = finish(process("search", "small.yaml", "--out", "out", cwd=folder))
    return folder / "out", done


def results(out):
    return {
        path.parent.name: json.loads(path.read_text())
        for path in sorted(out.glob("trials/*/result.json"))
    }


def compared(found):
    return [r for r in found.values() if r["trial"].get("purpose") == "search"]


def lines(out):
    with (out / "history.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_it_ends_with_what_was_chosen_and_a_report(finished):
    out, done = finished
    assert done.err == ""
    assert done.code == 0
    for words in ("small, round 1: 4 trials to run; 2 at a time", "small, round 2: 4 trials",
                  "small, chosen, fresh seeds: 2 trials", "What was chosen", "given up after",
                  "8 configurations were compared", "report: out/report.html"):  # fmt: skip
        assert words in done.out
    assert {path.name for path in out.iterdir()} >= {
        "report.html", "results.json", "results.sqlite", "experiment.json", "spec.yaml",
        "figures", "history.csv", "trials",
    }  # fmt: skip
    assert (out / "spec.yaml").read_text() == SPEC
    for name in ("history", "settings", "pruning", "accuracy"):
        for kind in ("png", "svg", "pdf"):
            assert (out / "figures" / f"{name}.{kind}").stat().st_size > 1000
    page = (out / "report.html").read_text()
    assert "Every configuration that was tried" in page
    assert page.count("<svg") >= 4


def test_the_choice_is_the_smallest_validation_loss_on_disk(finished):
    out, _ = finished
    found = results(out)
    ended = [r for r in compared(found) if r["stopped"] == "budget"]
    best = min(ended, key=lambda r: r["validation"]["loss"])["trial"]
    fresh = [r["trial"] for r in found.values() if r not in compared(found)]
    assert sorted(trial["seed"] for trial in fresh) == [0, 1]
    assert {r["trial"]["seed"] for r in compared(found)} == {100}
    for trial in fresh:
        assert trial["options"] == best["options"]
        assert trial["training"]["learning_rate"] == best["training"]["learning_rate"]
    assert all(r["bins"] == {} for r in compared(found))
    (chosen,) = [line for line in lines(out) if line["chosen"] == "1"]
    assert found[chosen["trial_hash"]]["trial"] == best


def test_the_history_is_what_lies_on_disk(finished):
    out, done = finished
    found = results(out)
    history = lines(out)
    assert [line["trial"] for line in history] == [str(n) for n in range(1, 9)]
    pruned = 0
    for line in history:
        result = found[line["trial_hash"]]
        assert float(line["learning_rate"]) == result["trial"]["training"]["learning_rate"]
        assert int(line["d_model"]) == result["trial"]["options"]["d_model"]
        assert float(line["validation_loss"]) == result["validation"]["loss"]
        assert int(line["tokens"]) == result["tokens"]
        stopped = {"budget": "complete", "pruned": "pruned"}[result["stopped"]]
        assert line["state"] == stopped
        pruned += stopped == "pruned"
        assert (result["tokens"] < 8000) == (stopped == "pruned")
    assert pruned == done.out.count("given up after") >= 1
    assert all(float(line["validation_loss"]) > 0 for line in history)


def test_the_numbers_beside_the_folder_are_those_of_the_fresh_seeds(finished):
    out, _ = finished
    found = results(out)
    with out.with_suffix(".csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["seed"] for row in rows} == {"0", "1"}
    assert {row["bin"] for row in rows} == {"1-20", "21-40"}
    for row in rows:
        measured = found[row["trial_hash"]]["bins"][row["bin"]]["metrics"][row["metric"]]
        assert float(row["value"]) == measured["value"]


def test_a_second_search_only_reports(finished, starfree):
    out, _ = finished
    before = {path: path.stat().st_mtime_ns for path in out.glob("trials/*/*.json")}
    done = starfree("search", out.parent / "small.yaml", "--out", out)
    assert done.code == 0
    assert "to run" not in done.out
    assert "What was chosen" in done.out
    after = {path: path.stat().st_mtime_ns for path in out.glob("trials/*/*.json")}
    assert after == before


@pytest.mark.full
def test_a_report_is_made_from_the_folder_alone(finished, tmp_path, starfree):
    out, _ = finished
    for name in ("trials", "experiment.json"):
        source = out / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    done = starfree("report", tmp_path)
    assert done.code == 0, done.err
    assert (tmp_path / "history.csv").read_text() == (out / "history.csv").read_text()


def test_a_report_of_half_a_search(finished, tmp_path, starfree):
    out, _ = finished
    shutil.copytree(out, tmp_path / "half")
    last = lines(out)[-1]["trial_hash"]
    (tmp_path / "half" / "trials" / last / "result.json").unlink()
    done = starfree("report", tmp_path / "half")
    assert done.code == 0, done.err
    said = " ".join(done.out.split())
    assert "1 configuration not finished yet: parity, LSTM, trial 8" in said


def wait_for(condition):
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_search_goes_on_as_if_nothing_had_happened(finished, tmp_path):
    whole, _ = finished
    (tmp_path / "small.yaml").write_text(SPEC)
    out = tmp_path / "out"
    started = process("search", "small.yaml", "--out", "out", cwd=tmp_path)
    wait_for(lambda: len(results(out)) >= 3)
    os.kill(started.pid, signal.SIGKILL)
    finish(started)
    kept = {path: path.read_text() for path in out.glob("trials/*/result.json")}
    assert 3 <= len(kept) < 10
    # With one worker, where the whole one had two.
    done = finish(process("search", "small.yaml", "--out", "out", "--workers", 1, cwd=tmp_path))
    assert done.code == 0, done.err
    assert all(path.read_text() == text for path, text in kept.items())
    ours, theirs = results(out), results(whole)
    assert ours.keys() == theirs.keys()
    for name, result in ours.items():
        for field in ("validation", "bins", "tokens", "stopped"):
            assert result[field] == theirs[name][field]
    assert [line["trial_hash"] for line in lines(out)] == [
        line["trial_hash"] for line in lines(whole)
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("d_model: [2, 4]", "d_modl: [2, 4]", "search.space: model lstm: option `d_modl` is unk"),
        ("trials: 8", "trials: 0", "bad.yaml: search.trials: input should be greater than 0"),
        ("method: random", "method: best", "bad.yaml: search.method: input should be 'grid', "),
        ("[0, 1]", "[0, 100]", "bad.yaml: seeds: 100 is the search's own (search.seed)"),
        ("[parity]", "[pariti]", "languages[0]: unknown language 'pariti'"),
        ("rule: halving", "rule: halve", "bad.yaml: search.pruning: "),
    ],
)
def test_a_bad_spec_is_refused_before_anything_is_written(
    tmp_path, starfree, monkeypatch, old, new, said
):
    monkeypatch.chdir(tmp_path)
    assert old in SPEC
    (tmp_path / "bad.yaml").write_text(SPEC.replace(old, new, 1))
    done = starfree("search", "bad.yaml")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith(f"error: {said}")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_a_spec_without_a_search_and_a_search_without_search(tmp_path, starfree, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = starfree("search", "quickstart")
    assert done.code == 2
    assert done.err.startswith("error: quickstart: it has no search section; `starfree spec search")
    (tmp_path / "small.yaml").write_text(SPEC)
    done = starfree("run", "small.yaml")
    assert done.code == 2
    assert done.err == "error: small has a search section: `starfree search` runs it\n"
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_optuna_is_asked_for_where_it_is_needed(tmp_path, starfree, monkeypatch):
    from starfree.experiments.search import proposals

    monkeypatch.setattr(proposals, "find_spec", lambda name: None)
    (tmp_path / "small.yaml").write_text(SPEC)
    done = starfree("search", tmp_path / "small.yaml", "--out", tmp_path / "out")
    assert done.code == 2
    assert "needs Optuna (`pip install 'starfree[search]'`)" in done.err
    assert not (tmp_path / "out").exists()


def test_the_papers_grid_is_printed(starfree):
    done = starfree("spec", "search")
    assert done.code == 0
    assert "d_model: [16, 32, 64, 128, 256]" in done.out
