"""The transfer report: what it says of made results."""

import pytest

from starfree.experiments.plan import planned_trial, write_plan
from starfree.experiments.spec import parse_experiment
from starfree.experiments.store import Store
from starfree.report.kinds import build_own_report
from starfree.report.transfer_page import transfer_page

SPEC = """
kind: transfer
name: small
languages: [d-2, tomita-4]
models: [{name: mamba, label: M, d_model: 8}]
train_data: [published, uniform, hard]
labels: [with $]
seeds: [0, 1]
data: {train_window: 1-100, test_windows: [1-50, 451-500]}
training: {tokens: 1000}
"""
STRINGS = 100


def made_test(accuracy):
    return {
        "strings": STRINGS,
        "metrics": {
            "string_accuracy": {"value": accuracy, "n": STRINGS, "low": 0.0, "high": 1.0},
            "position_accuracy": {"value": (1 + accuracy) / 2, "n": 5000},
        },
        "best_baseline": {"kind": "last 7 symbols", "value": 0.25},
        "best_windows": {"4": {"position_accuracy": 0.5}, "10": {"position_accuracy": 0.625}},
        "identifiable": True,
        "by_transition": {"0,0": [90, 100], "1,1": [round(50 * accuracy), 50]},
        "first_error": None if accuracy == 1.0 else {"0.1": 2.0, "0.5": 8.0, "0.9": 30.0},
    }


def made_result(trial):
    """Every control is passed; published strings teach nothing about the others."""
    own = trial.data.train_distribution
    names = ("published", "uniform") + (("hard",) if trial.language == "d-2" else ())
    tests = {
        name: {
            window: made_test(
                1.0 if name == own or own != "published" else 0.125 + 0.25 * trial.seed
            )
            for window in trial.data.test_windows
        }
        for name in names
    }
    return {
        "format": 1,
        "trial": trial.model_dump(mode="json"),
        "validation": {"loss": 0.5},
        "tests": tests,
        "bins": tests[own],
        "parameters": 1, "tokens": 1000, "seconds": 1.0, "total_seconds": 2.0,
        "steps": 3, "stopped": "budget",
        "version": "0", "commit": "abc", "finished": "2026-01-01T00:00:00+00:00",
        "machine": {"cpu": "x", "cores": 1, "system": "s", "libraries": {"torch": "2"}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("runs") / "transfer")
    store.trials.mkdir(parents=True)
    experiment = parse_experiment(SPEC, "x")
    planned = []
    for model, trial in experiment.trials(experiment.seeds):
        planned.append(planned_trial(model, trial))
        if trial.language == "d-2":  # the other was not run
            store.trial_folder(trial.hash).mkdir()
            store.save_result(trial.hash, made_result(trial))
    write_plan(store.folder, experiment, planned)
    return store, build_own_report(store)


def test_the_findings_compare_a_control_with_the_others(reported):
    _, report = reported
    assert len(report.findings) == 2  # published to uniform and to hard, in-length only
    assert report.findings[0] == (
        "d-2, M, with $, length 1–50: trained on published strings, 100 % of those and 25.0 % of "
        "uniform ones (62.5 % of positions); trained on uniform strings, 100 % of them."
    )


def test_what_is_missing_is_told(reported):
    _, report = reported
    assert any("2 seeds; claims about training need 5" in line for line in report.caveats)
    assert any("2 of 5 cells were not run" in line for line in report.caveats)


def test_rows_and_table_hold_every_number(reported):
    store, report = reported
    strings = [row for row in report.rows if row.metric == "string_accuracy"]
    assert len(strings) == 3 * 2 * 3 * 2  # trained on, seeds, tested on, windows
    positions = next(row for row in report.rows if row.metric == "position_accuracy")
    assert (positions.baseline, positions.baseline_kind) == (0.625, "best of the last 10 symbols")
    assert sum(row.metric == "first_error_median" for row in report.rows) == 2 * 2 * 2
    table, _ = report.tables  # one a window
    row = next(r for r in table.rows if r[2] == "published")
    assert row[table.header.index("uniform")] == "25.0 (12.5–37.5) / 62.5 @8"
    assert row[table.header.index("published")] == "100 / 100"
    assert (store.folder.parent / "transfer.csv").exists()
    assert (store.folder / "report.html").exists()
    assert {path.suffix for path in (store.folder / "figures").glob("matrix-1.*")} == {
        ".png", ".pdf", ".svg",
    }  # fmt: skip


def test_a_row_opens_every_test_and_where_it_errs(reported):
    _, report = reported
    table, _ = report.tables
    place = next(i for i, row in enumerate(table.rows) if row[2] == "published")
    details = table.details[place]
    assert details.title == "d-2, M, published strings, labels with $"
    tests, errors, origin = details.tables
    assert tests.rows[2][:5] == ["uniform", "1–50", "100", "12.5", "37.5"]
    # Three distributions, two windows, two seeds of 90 of 100; the worst is where none is known.
    assert errors.rows[0][2:] == ["1", "b", "25.0", "100"]
    assert ["0", "a", "90.0", "200"] in [row[2:] for row in errors.rows]
    assert {row[1] for row in origin.rows} == {"0", "1"}
    assert "train_distribution: published" in details.spec


def test_the_page_says_what_a_published_score_shows(reported):
    store, _ = reported
    lines = list(transfer_page(parse_experiment(SPEC, "x"), store))
    assert "3 reach 99.0 % of the strings of their own distribution; 1 of these" in lines[0]
    (line,) = [line for line in lines if line.startswith("| d-2 | M | with $ | 100")]
    assert "| 25.0 (12.5–37.5) | 25.0 (12.5–37.5) | 100 | 100 |" in line
    assert line.endswith("| not that the state is tracked; uniform strings teach it |")


def test_the_page_of_nothing(tmp_path):
    assert list(transfer_page(parse_experiment(SPEC, "x"), Store(tmp_path))) == ["Not run yet."]
