"""The store: the trials are the truth, the index can be lost, one run at a time."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from starfree.errors import StarfreeError
from starfree.experiments.store import Store


def result(seed=0, value=0.5):
    return {
        "format": 1,
        "trial": {
            "language": "parity", "model": "lstm", "options": {"d_model": 8}, "seed": seed,
            "training": {"learning_rate": 0.01}, "task": "predict", "protocol": "sound",
        },
        "validation": {"loss": 0.25},
        "parameters": 10, "tokens": 1000, "seconds": 1.5, "version": "0.1.0", "commit": None,
        "bins": {
            "1-50": {
                "metrics": {
                    "string_accuracy": {"value": value, "n": 100, "low": 0.4, "high": 0.6},
                    "bit_accuracy": {"value": 0.9, "n": 5000},
                },
                "best_baseline": {"kind": "last 4 symbols", "value": 0.1},
            }
        },
    }  # fmt: skip


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "run")
    for name, seed in (("aaa", 0), ("bbb", 1)):
        made.trial_folder(name).mkdir(parents=True)
        made.save_result(name, result(seed))
    return made


def rows(store, query):
    with closing(sqlite3.connect(store.index)) as database:
        return database.execute(query).fetchall()


def test_the_index_is_made_from_the_trials(store):
    store.rebuild_index()
    assert rows(store, "SELECT hash, seed, validation_loss FROM trials ORDER BY hash") == [
        ("aaa", 0, 0.25),
        ("bbb", 1, 0.25),
    ]
    assert rows(
        store,
        "SELECT metric, value, n, baseline, baseline_kind FROM metrics "
        "WHERE trial_hash = 'aaa' ORDER BY metric",
    ) == [
        ("bit_accuracy", 0.9, 5000, None, None),
        ("string_accuracy", 0.5, 100, 0.1, "last 4 symbols"),
    ]


def test_a_result_is_added_to_the_index_once(store):
    store.rebuild_index()
    store.trial_folder("ccc").mkdir()
    store.save_result("ccc", result(2))
    store.add_to_index("ccc")
    store.add_to_index("ccc")
    assert rows(store, "SELECT COUNT(*) FROM trials") == [(3,)]
    assert rows(store, "SELECT COUNT(*) FROM metrics") == [(6,)]


@pytest.mark.parametrize("damage", ["missing", "garbage", "empty"])
def test_a_damaged_index_is_made_again(store, damage):
    if damage == "garbage":
        store.index.write_bytes(b"not a database" * 100)
    elif damage == "empty":
        store.index.write_bytes(b"")
    store.add_to_index("aaa")
    assert rows(store, "SELECT COUNT(*) FROM trials") == [(2,)]


def test_a_damaged_result_is_not_a_result(store):
    (store.trial_folder("aaa") / "result.json").write_text('{"format": 1, "tri')
    assert store.result("aaa") is None
    assert list(store.results()) == ["bbb"]


def test_a_result_clears_the_failure_before_it(store):
    store.save_failure("ddd", "it broke", "Traceback ...")
    assert store.failure("ddd")["message"] == "it broke"
    store.save_result("ddd", result())
    assert store.failure("ddd") is None


def test_a_torn_last_line_of_a_curve_is_dropped(store):
    path = store.trial_folder("aaa") / "curve.jsonl"
    path.write_text('{"tokens": 1}\n{"tokens": 2}\n{"tok')
    assert store.curve("aaa") == [{"tokens": 1}, {"tokens": 2}]
    assert store.curve("bbb") == []


def test_a_second_run_is_refused_and_told_who_is_there(store):
    other = Store(store.folder)
    with store.lock(), pytest.raises(StarfreeError) as caught, other.lock():
        pass
    assert f"process {os.getpid()}" in str(caught.value)
    assert "\n" not in str(caught.value)
    with other.lock():
        pass  # free again


def test_the_lock_of_a_killed_process_does_not_block(store):
    script = (
        "import sys, time, pathlib; from starfree.experiments.store import Store\n"
        "with Store(pathlib.Path(sys.argv[1])).lock():\n"
        "    print('held', flush=True); time.sleep(600)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(store.folder)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(StarfreeError), store.lock():
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with store.lock():
        pass
