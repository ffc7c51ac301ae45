"""Published numbers beside ours, and what is committed of a run."""

import csv
import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_results import SPEC, STRINGS, made_run

from starfree.experiments.plan import make_plan, read_plan
from starfree.experiments.spec import parse_experiment
from starfree.experiments.summary import read_summary
from starfree.report.build import build_report
from starfree.report.comparison import compare
from starfree.report.page import draw
from starfree.report.paper_figure import paper_figure
from starfree.report.reproduction import regenerate
from starfree.report.rows import rows
from starfree.report.sections import as_csv
from starfree.training.intervals import binomial_interval


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store, _, _ = made_run(tmp_path_factory.mktemp("runs") / "made")
    return store


def number(compared, language, layers, rank):
    (found,) = [
        c
        for c in compared
        if (c.published.language, c.published.model) == (language, "mamba")
        and (c.published.layers, c.published.bin) == (layers, str(rank))
    ]
    return found


def test_every_published_number_has_a_status(made):
    compared = list(compare(read_summary(made)[0]))
    assert len(compared) == 252
    run = [c for c in compared if c.status != "not run"]
    # One layer of Mamba was run, on four of the languages: 2 + 2 + 3 + 2 windows.
    assert {(c.published.model, c.published.layers) for c in run} == {("mamba", 1)}
    assert len(run) == 9
    assert number(compared, "d-2", 2, 0).difference is None


def test_the_interval_spans_the_seeds(made):
    compared = list(compare(read_summary(made)[0]))
    longer = number(compared, "dyck-1", 1, 1)  # ours 50 % and 70 %, published 62.6 %
    assert longer.interval == (
        binomial_interval(STRINGS // 2, STRINGS)[0],
        binomial_interval(round(0.7 * STRINGS), STRINGS)[1],
    )
    assert longer.status == "agrees"
    assert longer.difference == pytest.approx(0.6 - 0.626)
    assert number(compared, "d-2", 1, 0).status == "agrees"  # 100 and 100
    assert number(compared, "parity", 1, 0).status == "agrees"  # 25 and 26.95
    assert number(compared, "dyck-1", 1, 2).status == "differs"  # 0 and 13.91


def test_rows_are_those_of_the_chosen_rate_and_name_everything(made):
    experiment, planned = read_plan(made.folder)
    text = as_csv(list(rows(experiment, planned, made.results())))
    found = list(csv.DictReader(io.StringIO(text)))
    assert list(found[0]) == [
        "experiment", "language", "model", "layers", "protocol", "train_data", "test_data",
        "seed", "bin", "metric", "value", "n", "low", "high", "baseline", "baseline_kind",
        "published", "trial_hash", "commit",
    ]  # fmt: skip
    assert len(found) == 4 * 2 * 2 * 3  # languages, models, seeds, windows
    chosen = {t.hash for t in planned if t.learning_rate == 0.01}
    assert {row["trial_hash"] for row in found} == chosen
    row = next(
        r for r in found
        if (r["language"], r["model"], r["seed"], r["bin"]) == ("dyck-1", "Mamba", "1", "51-100")
    )  # fmt: skip
    assert (row["value"], row["published"], row["baseline"]) == ("0.7", "0.626", "0.05")
    assert (row["train_data"], row["test_data"], row["layers"]) == ("mixed", "uniform", "1")


def test_the_file_beside_the_folder_is_made_again_from_spec_and_results_alone(made):
    build_report(made)
    written = (made.folder.parent / "made.csv").read_text()
    (made.folder / "experiment.json").replace(made.folder / "aside.json")
    try:
        (made.folder / "spec.yaml").write_text(SPEC)
        experiment, planned = read_plan(made.folder)
    finally:
        (made.folder / "aside.json").replace(made.folder / "experiment.json")
    assert as_csv(list(rows(experiment, planned, made.results()))) == written


def test_a_plan_is_made_again_from_spec_and_results(made):
    _, planned = read_plan(made.folder)
    assert make_plan(parse_experiment(SPEC, "x"), made.results()) == planned


def test_the_page_says_not_run_and_fills_in_nothing(tmp_path):
    (tmp_path / "suite" / "trials").mkdir(parents=True)
    page = tmp_path / "page.md"
    regenerate(tmp_path, page)
    text = page.read_text()
    assert "{{" not in text
    assert "0 agree, 0 differ, 252 were not run" in text
    assert text.count("not run; published") == 2 * 252  # both protocols
    assert not (tmp_path / "suite.csv").exists()
    assert not (tmp_path / "suite.png").exists()


def test_the_paper_figure_is_drawn_again_the_same(made):
    compared = list(compare(read_summary(made)[0]))
    languages = {"d-2": "star-free", "parity": "not star-free", "dyck-1": "counter"}
    first = draw("x", paper_figure(compared, languages), "").svg
    assert first == draw("x", paper_figure(compared, languages), "").svg
    assert first.count("not run") == 6  # three layers of Mamba were not run: languages, bins
