"""run and report, end to end: small budgets, real workers, real kills."""

import json
import os
import resource
import shutil
import signal
import subprocess
import time

import pytest
from commands import SMALL, TINY, finish, process

TRIALS = 4
DISK = 409_600  # bytes


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that went through, and what was printed."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "small.yaml").write_text(SMALL)
    done = finish(process("run", "small.yaml", "--out", "out", cwd=folder))
    return folder, done


def result_files(folder):
    return sorted(folder.glob("trials/*/result.json"))


def test_a_run_ends_with_a_table_and_a_report(finished):
    folder, done = finished
    assert done.err == ""
    assert done.code == 0
    assert "small: 4 trials to run; 2 at a time" in done.out
    assert done.out.count("✓") == TRIALS
    for words in ("STAR-FREE", "REGULAR, NOT STAR-FREE", "stateless", "published", "LSTM",
                  "1–20", "21–40", "Provisional: 1 seed", "report: out/report.html"):  # fmt: skip
        assert words in done.out
    out = folder / "out"
    assert {path.name for path in out.iterdir()} >= {
        "report.html", "results.json", "results.sqlite", "experiment.json", "spec.yaml",
        "figures", "trials",
    }  # fmt: skip
    assert (out / "spec.yaml").read_text() == SMALL
    page = (out / "report.html").read_text()
    assert "parity" in page
    assert "<svg" in page


def test_results_hold_what_the_definitions_ask_for(finished):
    folder, _ = finished
    value = json.loads((folder / "out" / "results.json").read_text())
    assert len(value["trials"]) == TRIALS
    for trial in value["trials"]:
        assert trial["stopped"] == "budget"
        assert trial["tokens"] >= 60000
        assert trial["version"]
        assert trial["parameters"] > 0
        for measured in trial["bins"].values():
            accuracy = measured["metrics"]["string_accuracy"]
            assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
            assert accuracy["n"] == measured["strings"] == 40
            assert measured["metrics"]["position_accuracy"]["n"] > 40
            assert measured["best_baseline"]["value"] == max(measured["baselines"].values())
            assert "longest prefix" in measured["baselines"]
            right = sum(share[0] for share in measured["by_length"].values())
            assert right == round(accuracy["value"] * 40)
            for example in measured["examples"]:
                assert example["expected"] != example["given"]
        curve = (folder / "out" / "trials" / trial["hash"] / "curve.jsonl").read_text()
        assert 40 <= len(curve.splitlines()) <= 60  # a batch may pass two points
        assert (folder / "out" / "trials" / trial["hash"] / "weights.safetensors").exists()
        assert not (folder / "out" / "trials" / trial["hash"] / "checkpoint.safetensors").exists()


def test_examples_of_errors_are_true(finished):
    from starfree.languages.catalog import language

    folder, _ = finished
    value = json.loads((folder / "out" / "results.json").read_text())
    seen = 0
    for trial in value["trials"]:
        spoken = language(trial["trial"]["language"])
        symbols = (*spoken.alphabet, "$")
        for measured in trial["bins"].values():
            for example in measured["examples"]:
                row = spoken.legal(spoken.encode(example["string"]))[example["position"]]
                assert [s for s, bit in zip(symbols, row, strict=True) if bit] == example[
                    "expected"
                ]
                seen += 1
    assert seen


def test_a_second_run_only_reports(finished):
    folder, _ = finished
    before = [path.stat().st_mtime_ns for path in result_files(folder / "out")]
    done = finish(process("run", "small.yaml", "--out", "out", cwd=folder))
    assert done.code == 0
    assert "0 trials to run, 4 there already" in done.out
    assert [path.stat().st_mtime_ns for path in result_files(folder / "out")] == before


def test_a_report_is_made_from_the_trials_alone(finished, tmp_path, starfree):
    folder, _ = finished
    (tmp_path / "moved").mkdir()
    shutil.copytree(folder / "out" / "trials", tmp_path / "moved" / "trials")
    shutil.copy(folder / "out" / "experiment.json", tmp_path / "moved")
    done = starfree("report", tmp_path / "moved")
    assert done.code == 0
    assert (tmp_path / "moved" / "report.html").exists()
    assert (tmp_path / "moved" / "results.sqlite").exists()
    old = json.loads((folder / "out" / "results.json").read_text())
    assert json.loads((tmp_path / "moved" / "results.json").read_text()) == old


def test_a_report_of_nothing(tmp_path, starfree):
    done = starfree("report", tmp_path)
    assert done.code == 2
    assert done.err.startswith(f"error: {tmp_path}: no run is here")


def start(folder, name="small.yaml", **options):
    return process("run", name, "--out", "out", cwd=folder, start_new_session=True, **options)


def wait_for(condition, what):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def test_a_killed_run_loses_no_finished_trial_and_goes_on(tmp_path, finished):
    (tmp_path / "small.yaml").write_text(SMALL)
    out = tmp_path / "out"
    started = start(tmp_path)
    wait_for(lambda: list(out.glob("trials/*/spec.json")), "the first trial")
    # a second run in the same folder is refused while the first one lives
    second = finish(start(tmp_path))
    assert second.code == 1
    (line,) = second.err.splitlines()
    assert "another run is writing here" in line
    assert f"process {started.pid}" in line
    wait_for(lambda: list(out.glob("trials/*/checkpoint.safetensors")), "a checkpoint")
    os.kill(started.pid, signal.SIGKILL)
    finish(started)
    wait_for(lambda: not _session_alive(started.pid), "the workers' end")
    kept = {path: path.read_text() for path in result_files(out)}
    checkpoints = list(out.glob("trials/*/checkpoint.safetensors"))
    assert checkpoints
    done = finish(start(tmp_path))
    assert done.code == 0, done.err
    assert len(result_files(out)) == TRIALS
    assert all(path.read_text() == text for path, text in kept.items())
    # The resumed trials end as if nothing had happened.
    for path in result_files(out):
        twin = finished[0] / "out" / "trials" / path.parent.name
        weights = path.parent / "weights.safetensors"
        assert weights.read_bytes() == (twin / "weights.safetensors").read_bytes()
        bins = json.loads(path.read_text())["bins"]
        assert bins == json.loads((twin / "result.json").read_text())["bins"]


def _session_alive(session):
    done = subprocess.run(["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True)
    return bool(done.stdout.strip())


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    started = start(tmp_path)
    wait_for(lambda: list(tmp_path.glob("out/trials/*/checkpoint.safetensors")), "a checkpoint")
    os.killpg(started.pid, signal.SIGINT)
    done = finish(started)
    assert done.code == 130
    assert done.err == "error: interrupted\n"
    assert "run the same command again to go on" in done.out
    wait_for(lambda: not _session_alive(started.pid), "the workers' end")


def test_a_failing_trial_does_not_stop_the_others(tmp_path):
    (tmp_path / "own_models.py").write_text(
        "import torch\n"
        "class Broken(torch.nn.Module):\n"
        "    def __init__(self, outputs):\n"
        "        super().__init__()\n"
        "        self.head = torch.nn.Embedding(9, outputs)\n"
        "    def forward(self, tokens):\n"
        "        if tokens.shape[1] > 5:\n"
        "            raise RuntimeError('too long\\nfor me')\n"
        "        return self.head(tokens)\n"
        "def broken(vocabulary, outputs):\n"
        "    return Broken(outputs)\n"
    )
    spec = TINY.replace("d_model: 4}", 'd_model: 4}, {name: "own_models:broken"}')
    spec = spec.replace("[0, 1, 2, 3]", "[0, 1]")
    (tmp_path / "small.yaml").write_text(spec)
    done = finish(start(tmp_path))
    assert done.code == 1
    assert done.err == ""
    assert "RuntimeError: too long for me" in done.out
    assert len(result_files(tmp_path / "out")) == 2
    failures = list(tmp_path.glob("out/trials/*/failure.json"))
    assert len(failures) == 2
    assert "Traceback" in json.loads(failures[0].read_text())["details"]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("seeds: [0]", "seeds: [zero]\nsead: 1",
         ['error: bad.yaml: seeds[0]: input should be a valid integer (given: "zero")',
          "error: bad.yaml: sead: no such field (fields: "]),
        ("d-2", "d-two", ["error: languages[1]: unknown language 'd-two'"]),
        ("d_state: 2", "d_stat: 2", ["error: model mamba: option `d_stat` is unknown; allowed: "]),
        ("tokens: 60000", "tokens: 0", ["error: bad.yaml: training.tokens: "]),
        ("name: small", "name: [", ["error: bad.yaml: line 4, column 1: not YAML"]),
    ],
)  # fmt: skip
def test_a_bad_spec_is_refused_before_anything_is_written(
    tmp_path, starfree, monkeypatch, old, new, lines
):
    monkeypatch.chdir(tmp_path)
    assert old in SMALL
    (tmp_path / "bad.yaml").write_text(SMALL.replace(old, new, 1))
    done = starfree("run", "bad.yaml")
    assert done.code == 2
    for said, expected in zip(done.err.splitlines(), lines, strict=True):
        assert said.startswith(expected)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_a_missing_spec(starfree):
    done = starfree("run", "nowhere.yaml")
    assert done.code == 2
    assert "no such file" in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--scale", "huge"), "quickstart: no scale 'huge' (it has: full, smoke)"),
        (("--protocol", "published"), "quickstart: no protocol 'published' (it has: sound)"),
        (("--language", "d-9"), "the spec has no language 'd-9' (it has: tomita-4; d-2; "),
        (("--model", "gru"), "the spec has no model 'gru' (it has: Mamba, 1 layer; "),
        (("--seed", "9"), "the spec has no seed '9' (it has: 1)"),
    ],
)
def test_a_part_or_variant_that_the_spec_lacks(tmp_path, starfree, options, message):
    done = starfree("run", "quickstart", "--out", tmp_path / "out", *options)
    assert done.code == 2
    assert message in " ".join(done.err.split())
    assert not (tmp_path / "out").exists()


def test_a_part_at_smoke_scale_is_kept_with_the_spec_that_was_run(tmp_path, starfree):
    out = tmp_path / "out"
    options = ("--scale", "smoke", "--language", "aa-star", "--model", "mamba", "--workers", "1")
    done = starfree("run", "quickstart", "--out", out, *options)
    assert done.code == 0, done.err
    assert "quickstart-smoke: 1 trial to run" in done.out
    assert "tokens: 30000" in (out / "spec.yaml").read_text()
    (out / "experiment.json").unlink()
    assert "26 of 27 cells were not run" in " ".join(starfree("report", out).out.split())


def test_an_unwritable_folder_is_named(tmp_path, starfree):
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "file").write_text("")
    done = starfree("run", tmp_path / "small.yaml", "--out", tmp_path / "file" / "out")
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert line.startswith(f"error: {tmp_path}/file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path, starfree):
    (tmp_path / "small.yaml").write_text(SMALL)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    done = starfree("run", tmp_path / "small.yaml", "--out", closed / "out")
    assert done.code == 1
    assert "choose a folder that you can write" in done.err


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own; needs root."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no permission to mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("room", [pytest.param(20_000, marks=pytest.mark.full), 60_000])
def test_a_full_disk_loses_nothing(tmp_path, small_disk, room):
    (tmp_path / "small.yaml").write_text(TINY)
    filler = small_disk / "filler"
    filler.write_bytes(b"0" * (DISK - room))
    arguments = ("run", "small.yaml", "--workers", 1, "--out", small_disk / "out")
    done = finish(process(*arguments, cwd=tmp_path))
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert "No space left on device" in line
    assert str(small_disk) in line
    assert "Traceback" not in done.out
    kept = {path: path.read_text() for path in result_files(small_disk / "out")}
    assert all(json.loads(text)["format"] == 1 for text in kept.values())
    filler.unlink()
    shutil.copytree(small_disk / "out", tmp_path / "out")
    done = finish(process("run", "small.yaml", "--out", "out", cwd=tmp_path))
    assert done.code == 0, done.err
    assert f"{TRIALS - len(kept)} trials to run" in done.out or not kept
    assert len(result_files(tmp_path / "out")) == TRIALS


@pytest.mark.full
def test_a_limit_on_file_sizes_loses_nothing(tmp_path):
    (tmp_path / "small.yaml").write_text(TINY)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))

    done = finish(
        process("run", "small.yaml", "--workers", 1, "--out", "out", cwd=tmp_path,
                preexec_fn=limit)
    )  # fmt: skip
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert "File too large" in line
    done = finish(process("run", "small.yaml", "--out", "out", cwd=tmp_path))
    assert done.code == 0
    assert len(result_files(tmp_path / "out")) == TRIALS
