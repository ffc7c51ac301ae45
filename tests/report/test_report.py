"""Reports of made-up results: what is said, and that it is said of the right numbers."""

import json
import sqlite3
from contextlib import closing
from html.parser import HTMLParser

import pytest
from made_results import SPEC, made_run
from matplotlib import image
from rich.console import Console

from starfree.errors import InputError
from starfree.experiments.store import Store
from starfree.experiments.summary import read_summary
from starfree.report.build import build_report
from starfree.report.findings import against_published, against_theory, caveats, outcome, tallies
from starfree.report.numbers import duration, percent, points
from starfree.report.tables import print_summary
from starfree.training.intervals import binomial_interval


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store, _, _ = made_run(tmp_path_factory.mktemp("made") / "run")
    return store, build_report(store)


def cell(summary, language, model):
    (found,) = [c for c in summary.cells if c.language.name == language and c.model.shown == model]
    return found


def test_cells_gather_the_seeds_at_the_chosen_rate(made):
    _, summary = made
    dyck = cell(summary, "dyck-1", "Mamba")
    assert dyck.learning_rate == 0.01
    assert dyck.rates == {0.001: 1000.0, 0.01: 100.0}
    assert len(dyck.trials) == 2
    assert dyck.bins[1].seeds == (0.5, 0.7)
    assert dyck.bins[1].accuracy == pytest.approx(0.6)
    assert dyck.bins[1].interval == binomial_interval(120, 200)
    assert dyck.bins[1].baseline == 0.05
    assert [b.published.value for b in dyck.bins] == [1.0, 0.626, 0.1391]
    assert dyck.solved_seeds == 0
    assert not dyck.solved
    assert dyck.breaks_at == "51-100"


def test_theory_stands_beside(made):
    _, summary = made
    answers = {(c.language.name, c.model.shown): c.expectation.answer for c in summary.cells}
    assert answers["d-2", "Mamba"] == "can"
    assert answers["parity", "Mamba"] == "cannot"
    assert answers["dyck-1", "LSTM"] == "can"


def test_nested_languages_have_no_interval_over_strings(made):
    _, summary = made
    nested = cell(summary, "aa-star", "Mamba")
    assert all(b.interval is None for b in nested.bins)
    assert nested.right_prefixes == ((24, 150), (24, 150))
    assert outcome(nested) == "right to 24 24"


def test_the_findings_say_what_the_numbers_say(made):
    _, summary = made
    assert tallies(summary)["Mamba"]["star-free"].solved == 1
    assert tallies(summary)["Mamba"]["counter"].in_length == 1
    assert tallies(summary)["LSTM"]["regular, not star-free"].solved == 2
    assert outcome(cell(summary, "dyck-1", "Mamba")) == "breaks at 51–100"
    theory = "\n".join(against_theory(summary))
    assert "did not find them here: Mamba (dyck-1)" in theory
    assert "most seeds of another model do not: Mamba (parity, aa-star)" in theory
    published = against_published(summary)
    assert "aa-star, Mamba, 1–50: 25.0 % here, 2.1 % published" in published
    # 62.6 % lies within the interval of 60 %
    assert not any("dyck-1, Mamba, 51–100" in line for line in published)
    said = "\n".join(caveats(summary))
    assert "Provisional: 2 seeds a cell" in said
    assert "Not identifiable" in said
    assert "dyck-1" in said


def test_no_control_no_claim(tmp_path):
    spec = SPEC.replace('  - {name: lstm, label: "LSTM", d_model: 8}\n', "")
    store, _, _ = made_run(tmp_path / "run", spec)
    theory = "\n".join(against_theory(read_summary(store)[0]))
    assert "Not learned at this budget" in theory
    assert "seeds of another model do not" not in theory


@pytest.mark.parametrize("width", [78, 100, 160])
def test_the_terminal_table_fits_and_shows_everything(made, width):
    _, summary = made
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_summary(console, summary)
    console.file.close()
    text = console.export_text()
    assert all(len(line) <= width for line in text.splitlines())
    for word in (
        "STAR-FREE",
        "dyck-1",
        "published",
        "stateless",
        "62.6",
        "52.9–66.",
        "Provisional",
    ):
        assert word in text
    assert ("0 of 2 seeds" in text) == (width >= 100)


def test_results_json_lists_the_trials(made):
    store, _ = made
    value = json.loads((store.folder / "results.json").read_text())
    assert value["format"] == 1
    assert value["experiment"]["name"] == "made"
    assert len(value["trials"]) == 24
    first = value["trials"][0]
    assert first["trial"]["seed"] in (0, 1)
    assert first["bins"]["1-50"]["metrics"]["string_accuracy"]["n"] == 200


class Page(HTMLParser):
    """Checks that elements close, and gathers what a test asks about."""

    VOID = ("meta", "input", "br", "use", "path", "image", "rect", "link", "ellipse")

    def __init__(self):
        super().__init__()
        self.open = []
        self.ids = []
        self.links = []
        self.text = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if "id" in given:
            self.ids.append(given["id"])
        self.links += [given[k] for k in ("href", "src", "xlink:href") if k in given]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_and_stands_alone(made):
    store, _ = made
    page = Page()
    text = (store.folder / "report.html").read_text()
    page.feed(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids)), "an id occurs twice"
    assert all(link.startswith("#") for link in page.links), "it refers to another file"
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert "Made &lt;up&gt;" in text
    said = " ".join(page.text)
    for words in ("published 62.6", "stateless 5.0", "Provenance", "a processor", "0.1.0 (abc)"):
        assert words in said
    assert said.count("provisional") >= 8


def test_figures_are_drawn_in_three_formats_and_again_the_same(made):
    store, _ = made
    names = {path.name for path in (store.folder / "figures").iterdir()}
    assert names == {
        f"{name}.{kind}" for name in ("accuracy", "lengths", "theory", "curves")
        for kind in ("png", "pdf", "svg")
    }  # fmt: skip
    before = {p.name: p.read_bytes() for p in (store.folder / "figures").iterdir()}
    build_report(store)
    after = {p.name: p.read_bytes() for p in (store.folder / "figures").iterdir()}
    assert after == before
    picture = image.imread(store.folder / "figures" / "accuracy.png")
    assert picture.shape[1] >= 1200
    assert picture[..., :3].std() > 0.1  # not blank


def test_nothing_is_drawn_outside_its_figure(made):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from starfree.report.figures import accuracy_figure
    from starfree.report.style import style

    _, summary = made
    with style():
        figure = accuracy_figure(summary)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        box = figure.get_tightbbox(canvas.get_renderer())
        width, height = figure.get_size_inches()
    assert box.x0 >= -0.02
    assert box.y0 >= -0.02
    assert box.x1 <= width + 0.02
    assert box.y1 <= height + 0.02


def test_a_report_of_a_run_that_is_going_on(tmp_path):
    store, engine, _ = made_run(tmp_path / "run")
    for job in engine.ran:
        if job.trial.language == "parity":
            (store.trial_folder(job.hash) / "result.json").unlink()
    with store.lock():
        summary, _ = read_summary(Store(store.folder))
    assert {c.language.name for c in summary.cells} == {"d-2", "dyck-1", "aa-star"}
    assert "2 of 8 cells were not run yet." in caveats(summary)


def test_failures_and_mixed_versions_are_told(tmp_path):
    store, engine, _ = made_run(tmp_path / "run", leave_out=("parity",))
    path = store.trial_folder(engine.ran[-1].hash) / "result.json"
    path.write_text(path.read_text().replace('"abc"', '"def"'))
    said = "\n".join(caveats(read_summary(store)[0]))
    assert "Results of several versions are mixed: 0.1.0 (abc); 0.1.0 (def)" in said
    assert "Failed: it broke" in said


def test_a_report_before_the_first_result(tmp_path):
    store, _, _ = made_run(tmp_path / "run", leave_out=("d-2", "parity", "dyck-1", "aa-star"))
    summary = build_report(store)
    assert summary.cells == ()
    assert not (store.folder / "report.html").exists()
    with pytest.raises(InputError, match="no run is here"):
        build_report(Store(tmp_path / "nowhere"))


def test_the_index_holds_every_trial(made):
    store, _ = made
    with closing(sqlite3.connect(store.index)) as database:
        assert database.execute("SELECT COUNT(*) FROM trials").fetchone() == (24,)
        best = database.execute(
            "SELECT COUNT(*) FROM metrics WHERE metric = 'string_accuracy' AND value = 1.0"
        ).fetchone()
    assert best[0] > 0


def test_numbers_are_written_so_that_they_mislead_nobody():
    assert [points(x) for x in (0, 1, 0.9999, 0.0001, 0.6249, 0.5)] == [
        "0", "100", "99.9", "0.1", "62.5", "50.0",
    ]  # fmt: skip
    assert percent(0.036) == "3.6 %"
    assert [duration(s) for s in (4.4, 65, 3725)] == ["4 s", "1 min 05 s", "1 h 02 min"]
