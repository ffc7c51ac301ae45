"""The report of a search: made losses, so that every number is known beforehand."""

import csv
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments" / "search"))

from made_search import GRID, TPE, final, made_search

from starfree.experiments.search.history import read_history
from starfree.experiments.spec import parse_experiment
from starfree.report.kinds import build_own_report
from starfree.report.search_figure import history_figure, pruning_figure, settings_figure
from starfree.report.search_report import search_report


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    store, engine, _ = made_search(tmp_path_factory.mktemp("searched") / "run", TPE)
    return parse_experiment(TPE, "x"), store, engine


def rings(figure):
    """Where the chosen trials are marked."""
    return [
        tuple(float(value[0]) for value in line.get_data())
        for axis in figure.axes
        for line in axis.lines
        if line.get_marker() == "o" and line.get_markersize() == 8
    ]


def test_the_figure_marks_the_smallest_final_loss(searched):
    experiment, store, engine = searched
    cells = read_history(experiment, store)
    figure = history_figure(cells)
    compared = {job.hash: job.trial for job in engine.ran}
    expected = []
    for cell in cells:
        ended = [one for one in cell.tried if store.result(one.hash)["stopped"] == "budget"]
        best = min(ended, key=lambda one: final(compared[one.hash]))
        expected.append((float(best.number), final(compared[best.hash])))
    assert rings(figure) == expected


def test_the_figure_has_a_mark_a_trial_and_the_best_so_far(searched):
    experiment, store, _ = searched
    cells = read_history(experiment, store)
    for axis, cell in zip(history_figure(cells).axes, cells, strict=False):
        step, *marks = axis.lines
        best = [loss for loss in step.get_ydata() if loss == loss]
        assert best == sorted(best, reverse=True)
        assert best[-1] == cell.chosen.loss
        points = [line for line in marks if line.get_markersize() == 4]
        assert [line.get_xdata()[0] for line in points] == list(range(1, 17))
        crosses = [line for line in points if line.get_marker() == "x"]
        assert len(crosses) == sum(one.state == "pruned" for one in cell.tried) > 0
        assert axis.get_yscale() == "log"


def test_the_settings_stand_at_their_values(searched):
    experiment, store, _ = searched
    cells = read_history(experiment, store)
    figure = settings_figure(cells, experiment.search.space)
    assert len(figure.axes) == 2 * 3
    width, rate, clip = figure.axes[:3]
    assert width.get_xscale() == rate.get_xscale() == "log"
    assert [label.get_text() for label in clip.get_xticklabels()] == ["0", "1"]
    chosen = cells[0].chosen
    at = [x for x, _ in rings(figure)[:3]]
    assert at[:2] == [chosen.point["d_model"], chosen.point["learning_rate"]]
    assert at[2] == (0.0, 1.0).index(chosen.point["clip"])


def test_curves_end_where_a_trial_was_given_up(searched):
    experiment, store, _ = searched
    cells = read_history(experiment, store)
    axis, _ = pruning_figure(cells, 10).axes
    crosses = [line for line in axis.lines if line.get_marker() == "x"]
    ends = sorted(10.0 * max(one.losses) for one in cells[0].tried if one.state == "pruned")
    assert sorted(float(line.get_xdata()[0]) for line in crosses) == ends
    assert all(end < 100 for end in ends)


def test_it_says_what_was_saved_and_where_the_space_ends(tmp_path):
    store, _, _ = made_search(tmp_path / "run", GRID)
    report = search_report(parse_experiment(GRID, "x"), store)
    said = " ".join(report.findings)
    assert "12 configurations were compared by their validation loss." in said
    assert "The chosen d_model is the largest of the space (16) for d-2, LSTM" in said
    assert "learning_rate" not in said  # of two values each is an end
    assert "given up" not in said
    chosen, tested, history = report.tables
    assert chosen.rows[0][:4] == ["d-2, LSTM", "16", "0.01", "0.15"]
    assert chosen.rows[1][:4] == ["parity, LSTM", "8", "0.01", "0.15"]
    assert tested.rows[0] == [
        "d-2, LSTM", "50.0 (10.0)", "50.0 (10.0)", "errs in-length", "0 of 2"
    ]  # fmt: skip
    assert len(history.rows) == 12
    assert sum("← chosen" in row[0] for row in history.rows) == 2
    assert {row.seed for row in report.rows} == {0, 1}


def test_pruned_tokens_are_counted(searched):
    experiment, store, _ = searched
    report = search_report(experiment, store)
    read = sum(
        result["tokens"]
        for result in store.results().values()
        if result["trial"].get("purpose") == "search"
    )
    pruned = sum(result["stopped"] == "pruned" for result in store.results().values())
    assert f"{pruned} of them were given up early" in report.findings[0]
    assert f"the search read {read:,} tokens" in report.findings[0]
    assert f"{100 * read / 32_000:.1f} %" in report.findings[0]


def test_failures_and_divergence_are_told(tmp_path):
    def broken(trial):
        return trial.options["d_model"] == 4 or trial.language == "parity"

    store, engine, _ = made_search(tmp_path / "run", GRID, fail=broken)
    diverged = next(
        job.hash
        for job in engine.ran
        if (job.trial.language, job.trial.options["d_model"]) == ("d-2", 8)
    )
    result = store.result(diverged)
    result["stopped"] = "diverged"
    result["validation"]["loss"] = None
    result["losses"][-1][1] = None
    store.save_result(diverged, result)
    report = build_own_report(store)
    said = " ".join(report.caveats)
    assert (
        "8 configurations failed (why is in its folder, failure.json): d-2, LSTM, trial 1" in said
    )
    assert "1 configuration diverged and cannot be chosen: d-2, LSTM, trial" in said
    assert "Nothing to choose from yet: parity, LSTM." in said
    with (store.folder / "history.csv").open() as stream:
        states = [row["state"] for row in csv.DictReader(stream)]
    assert states.count("failed") == 8
    assert states.count("diverged") == 1
    assert (store.folder / "figures" / "history.svg").exists()


def test_nothing_finished_is_a_report_too(tmp_path):
    store, _, _ = made_search(tmp_path / "run", GRID, stop_after=0)
    report = build_own_report(store)
    assert report.drawings == []
    assert "12 configurations not finished yet" in " ".join(report.caveats)
