"""Reports of flip-flop and bounded Dyck: numbers by other means, real axes, every trial told."""

import csv
import io
import re
from itertools import product

import numpy as np
import pytest
from own_results import dyck_result, flipflop_result, planned, save

from starfree.data.flipflop import draw_flipflop
from starfree.languages.catalog import language
from starfree.report.bounded_dyck_report import Setting, bounded_dyck_report, published
from starfree.report.flipflop_figure import NOTHING, error_figure
from starfree.report.flipflop_report import constant_bit, flipflop_report
from starfree.report.kinds import build_own_report
from starfree.report.sections import csv_path


def test_the_chance_of_one_bit_at_every_read_is_exact():
    """By hand for three pairs: w, then i (p), w or r ((1 - p) / 2 each), then r."""
    p = 0.6
    # The middle pair: an ignore or a read leaves the first bit to be asked for; a write another.
    assert constant_bit(p, 6) == pytest.approx(0.5)
    total = 0.0
    for middle in product("iwr", repeat=2):
        chance = np.prod([p if x == "i" else (1 - p) / 2 for x in middle])
        # all reads 0: every write that some read asks for wrote 0
        asked, waiting = 1, False
        for x in middle:
            waiting = True if x == "r" else waiting
            if x == "w":
                asked, waiting = asked + waiting, False
        total += chance * 0.5**asked
    assert constant_bit(p, 8) == pytest.approx(total)


@pytest.mark.parametrize("ignore", [0.98, 0.8])
def test_the_chance_of_one_bit_as_drawn(ignore):
    spoken = language("flipflop")
    strings = draw_flipflop(spoken, 64, 4_000, ignore, np.random.default_rng(0))
    reads = strings.tokens[:, ::2] == spoken.alphabet.index("r")
    ones = strings.tokens[:, 1::2] == spoken.alphabet.index("1")
    share = 1 - (reads & ones).any(axis=1).mean()
    assert constant_bit(ignore, 64) == pytest.approx(share, abs=0.03)


def test_flipflop_tells_of_every_trial_and_of_those_not_run(tmp_path):
    experiment, store, trials = planned(tmp_path, "flipflop")
    save(store, trials[0], **flipflop_result([100, 20, 0], 10))
    save(store, trials[-1], **flipflop_result([100, 90, 80], None))
    report = flipflop_report(experiment, store)
    texts = [" ".join(row) for row in report.tables[0].rows]
    assert len(texts) == len(trials) == 5
    assert sum("not run" in text for text in texts) == 3
    assert texts[0].endswith("60 10")
    assert "40 %" in texts[-1]
    assert texts[-1].endswith("none more than 100")
    assert any("2 of 5 planned trials" in line for line in report.caveats)
    assert len(report.findings) == 2
    errors, memory = (drawing.caption for drawing in report.drawings)
    assert "strings of 64 symbols" in report.question
    assert "50 of FFL(0.98)" in errors, "the smoke scale's"
    assert "at most 30 pairs" in memory, "of 32, the first writes and the last reads"
    hashes = {row.trial_hash for row in report.rows}
    assert hashes == {trials[0].hash, trials[-1].hash}
    stress = [row.value for row in report.rows if row.metric == "ignored_pairs"]
    assert stress == [10, None]
    opened = report.tables[0].details
    assert [one is not None for one in opened] == ["not run" not in text for text in texts]
    wrong, _, _, memory = opened[0].charts
    assert list(wrong.at) == [20, 40, 60]
    assert [list(line.ys) for line in wrong.lines] == [[0.5, 0.1, 0.0]] * 3
    assert list(memory.lines[0].ys) == [0, 0, 1 / 12]


def test_rows_tell_models_of_one_class_apart(tmp_path):
    experiment, store, trials = planned(tmp_path, "hybrids-flipflop", "full")
    shown = [model.shown for model, _ in experiment.trials(experiment.seeds)]
    mambas, mixed = (shown.index(f"mixture: {name}") for name in ("mamba mamba", "mamba attention"))
    for one in (mambas, mixed):
        save(store, trials[one], **flipflop_result([100, 0], 10))
    rows = flipflop_report(experiment, store).rows
    assert {row.model: row.trial_hash for row in rows} == {
        "mamba mamba": trials[mambas].hash,
        "mamba attention": trials[mixed].hash,
    }


def test_what_decides_is_said_only_where_every_pair_agrees(tmp_path):
    experiment, store, trials = planned(tmp_path, "flipflop", "full")
    mixed = next(t for t in trials if t.arm == "clean, mixture")
    alone = next(t for t in trials if t.arm == "clean, FFL(0.8)")
    assert mixed.training.learning_rate == alone.training.learning_rate
    save(store, mixed, **flipflop_result([100, 0], 10))
    save(store, alone, **flipflop_result([100, 40], 10))
    first = flipflop_report(experiment, store).findings[0]
    assert "20 % of the sparse reads are wrong after FFL(0.8) alone, 0 after the mixture" in first
    store.save_result(mixed.hash, store.result(mixed.hash) | flipflop_result([100, 50], 10))
    assert "decide" not in flipflop_report(experiment, store).findings[0]


def test_the_error_axis_is_logarithmic_and_counts_true_iterations():
    results = [{"trial": {"seed": 0}} | flipflop_result([100, 20, 0], 10)]
    panel = {
        "title": "t", "measure": "reads", "models": {"m": results},
        "published": {"FFL(0.8)": [(140_000, 0.0)]},
    }  # fmt: skip
    figure = error_figure([panel], "8 strings of 64 symbols each")
    assert "8 strings of 64" in figure.get_supxlabel()
    assert figure.get_supylabel() == "share wrong (reads)"
    axis = figure.axes[0]
    assert axis.get_yscale() == "log"
    lines = [line for line in axis.get_lines() if len(line.get_xdata()) == 3]
    assert list(lines[0].get_xdata()) == [20, 40, 60]
    assert list(lines[0].get_ydata()) == [0.5, 0.1, NOTHING]
    assert 10.0**-5 in axis.get_yticks()


def test_bounded_dyck_stands_beside_the_published_numbers(tmp_path):
    experiment, store, trials = planned(tmp_path, "bounded-dyck", "full")
    save(store, trials[0], **dyck_result(0.7))
    save(store, trials[3], **dyck_result(0.9, far=None))
    report = bounded_dyck_report(experiment, store)
    rows = {row[0]: row for row in report.tables[0].rows}
    assert [trials[0].options["layers"], trials[3].options["layers"]] == [1, 2]
    assert rows["1, 20, 0.0001"][-2] == "−1.2", "71.24 published"
    assert rows["2, 20, 0.001"][-2] == "−7.6", "97.61 published"
    assert "not run" in rows["1, 20, 0.001"]
    assert rows["1, 30, 0.0001"][-3] == "72.77", "what was published stands there even so"
    assert "test20 82.9 %" in report.tables[0].note
    assert published(Setting(1, 20, 1e-3), "test") is None, "no such run was published"
    window = [r.baseline for r in report.rows if r.bin == "test" and r.baseline is not None]
    assert window == [pytest.approx(0.75), pytest.approx(0.85)], "distances up to 3 and to 6"
    assert report.findings == [
        "Of the brackets opened 20 symbols ago or earlier, 1 layer at rate 0.0001 closes 50.00 %."
    ], "no rate has both depths, no depth both rates"
    save(store, trials[1], **dyck_result(0.8))
    layer, rate, *_ = bounded_dyck_report(experiment, store).findings
    assert layer.endswith("rate 0.001 a second layer changes the closing accuracy on the test "
                          "file by +10.0 points (1 width).")  # fmt: skip
    assert (
        rate
        == "With 1 layer the rate 0.001 instead of 0.0001 changes it by +10.0 points (1 width)."
    )
    distances, losses = report.tables[0].details[0].charts
    assert list(distances.lines[0].at) == [1, 3, 7, 41], "the bracket itself is counted"
    assert list(distances.lines[0].ys) == [1.0, 0.8, 0.5, 0.0]
    assert [list(line.ys) for line in losses.lines] == [[1.7], [2.0]]
    assert len(report.tables[0].rows[0]) == len(report.tables[0].rows[1]), "also where not run"


@pytest.mark.parametrize("name", ["flipflop", "bounded-dyck"])
def test_page_figures_and_csv_are_written_and_repeat(tmp_path, name):
    _, store, trials = planned(tmp_path, name)
    result = flipflop_result([9, 1], 100) if name == "flipflop" else dyck_result(0.7)
    save(store, trials[0], **result)
    build_own_report(store)
    figures = sorted((store.folder / "figures").glob("*.svg"))
    texts = [path.read_text() for path in figures]
    page = (store.folder / "report.html").read_text()
    assert len(figures) == 2
    assert page.count("<svg") == 2
    assert not re.search(r'(src|href)="http', page), "it opens without a network"
    found = list(csv.DictReader(io.StringIO(csv_path(store.folder).read_text())))
    assert {row["trial_hash"] for row in found} == {trials[0].hash}
    header = "experiment, language, model, layers, protocol, train_data, test_data, seed, bin, "
    header += "metric, value, n, low, high, baseline, baseline_kind, published, trial_hash, commit"
    assert list(found[0]) == header.split(", ")
    build_own_report(store)
    assert [path.read_text() for path in figures] == texts


def test_a_report_of_no_trials_says_so(tmp_path):
    _, store, _ = planned(tmp_path, "bounded-dyck")
    report = build_own_report(store)
    assert report.rows == []
    assert "No trial is finished yet" in (store.folder / "report.html").read_text()


def test_an_ordinary_experiment_has_the_ordinary_report(tmp_path):
    _, store, _ = planned(tmp_path, "quickstart")
    assert build_own_report(store) is None
