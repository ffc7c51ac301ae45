"""What a passive learner makes of an experiment's training strings, kept and shown."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from made_results import SPEC, made_run

from starfree.data.passive import Determined
from starfree.experiments.determination import FILE, determine, read_determined
from starfree.experiments.spec import parse_experiment
from starfree.experiments.summary import read_summary
from starfree.report.findings import caveats

SMALL = SPEC + "data: {train_size: 600, validation_size: 20, bin_size: 20}\n"


def test_each_language_with_a_trial_is_asked_once(tmp_path):
    store, _, _ = made_run(tmp_path / "run", SMALL, languages=["d-2", "dyck-1"])
    experiment = parse_experiment(SMALL, "x")
    determine(store, experiment)
    found = read_determined(store.folder)
    assert set(found) == {"d-2", "dyck-1"}
    assert found["d-2"] == Determined(True, 3, found["d-2"].nodes)
    deep = found["dyck-1"]
    assert deep.determined is False
    assert set(deep.string) <= {"(", ")"}
    before = (store.folder / FILE).stat().st_mtime_ns
    determine(store, experiment)
    assert (store.folder / FILE).stat().st_mtime_ns == before
    # other strings are another question
    other = SMALL.replace("train_size: 600", "train_size: 3")
    determine(store, parse_experiment(other, "x"))
    assert read_determined(store.folder)["d-2"].nodes < found["d-2"].nodes


def test_the_report_says_it(tmp_path):
    store, _, _ = made_run(tmp_path / "run", SMALL)
    assert not any("RPNI" in line for line in caveats(read_summary(store)[0]))
    determine(store, parse_experiment(SMALL, "x"))
    lines = [line for line in caveats(read_summary(store)[0]) if "learner" in line]
    assert lines[0].endswith("finds it in them: d-2, parity, aa-star.")
    assert lines[1].endswith("not shown: dyck-1.")


def test_a_damaged_file_is_made_again(tmp_path):
    store, _, _ = made_run(tmp_path / "run", SMALL, languages=["d-2"])
    (store.folder / FILE).write_text("{ torn")
    assert read_determined(store.folder) == {}
    determine(store, parse_experiment(SMALL, "x"))
    assert read_determined(store.folder)["d-2"].determined


def test_words():
    assert "3 states" in Determined(True, 3, 10).words
    assert "leaves open what comes after '(('" in Determined(False, 3, 10, "((", ("(",)).words
    assert "it is wrong after the empty string" in Determined(False, 1, 2, "", ("$",), ()).words
    assert "stopped" in Determined(None, 400, 10).words
