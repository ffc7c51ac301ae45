"""Pages of results in a browser without any network: they sort, filter, open cells, enlarge."""

import json
import re

import pytest
from made_results import WINDOWS, made_run

from starfree.report.build import build_report

CELL = "parity-mamba"  # of the made run, wrong everywhere


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of a made run with wrong strings, curves and a refutation."""
    store, engine, _ = made_run(tmp_path_factory.mktemp("made") / "run")
    for job in engine.ran:
        folder = store.trial_folder(job.hash)
        result = json.loads((folder / "result.json").read_text())
        if job.trial.language == "parity" and job.trial.model == "mamba":
            for window in WINDOWS:
                result["bins"][window]["examples"] = [
                    {"string": "11<b>011", "position": 4, "expected": ["0", "1", "$"],
                     "given": ["0", "1"]}
                ]  # fmt: skip
            (folder / "result.json").write_text(json.dumps(result))
            rows = [{"tokens": 100 * k, "validation_loss": 1 / k, "train_loss": 2 / k,
                     "bins": dict.fromkeys(WINDOWS, k / 10)} for k in range(1, 6)]  # fmt: skip
            (folder / "curve.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        if job.trial.language == "d-2" and job.trial.model == "lstm":
            store.save_refutation(job.hash, {
                "format": 1, "status": "COUNTEREXAMPLE", "length": 1875, "word": "w1 (i0)^936 r",
                "counterexample": {"string": "ab" * 937 + "a", "position": 1875, "shortest": False,
                                   "expected": ["a", "b"], "given": ["a"]},
            })  # fmt: skip
    build_report(store)
    return store.folder / "report.html"


@pytest.fixture
def show(browser):
    """Open a page with every request refused but those for files; complaints come with it."""
    contexts = []

    def opened(path, width=1280, anchor="", **options):
        context = browser.new_context(viewport={"width": width, "height": 850}, **options)
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.asked = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))

        def only_files(route, request):
            page.asked.append(request.url)
            route.continue_() if request.url.startswith("file:") else route.abort()

        page.route("**/*", only_files)
        page.goto(path.as_uri() + anchor)
        return page

    yield opened
    for context in contexts:
        context.close()


def column(page, table, place):
    return page.locator(f"{table} tbody tr:visible td:nth-child({place})").all_inner_texts()


def test_it_opens_alone_and_fits(show, report):
    for width in (390, 1280):
        page = show(report, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(f"openDetails('{CELL}')")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        content = page.locator("#details .content")
        assert content.evaluate("box => box.scrollWidth <= box.clientWidth")
        assert page.complaints == []
        assert page.asked == [report.as_uri()]


def test_a_heading_sorts_by_its_numbers(show, report):
    page = show(report)
    first = column(page, "#cells", 1)
    heading = page.locator("#cells thead th", has_text=re.compile("^51–100$"))
    button = heading.get_by_role("button")
    values = "rows => rows.map(row => Number(row.cells[6].dataset.value))"
    rows = page.locator("#cells tbody tr")
    button.click()
    found = rows.evaluate_all(values)
    assert heading.get_attribute("aria-sort") == "descending"
    assert found == sorted(found, reverse=True)
    assert len(set(found)) > 2
    button.press("Enter")
    assert rows.evaluate_all(values) == sorted(found)
    button.click()
    assert heading.get_attribute("aria-sort") == "none"
    assert column(page, "#cells", 1) == first
    page.locator("#cells thead").get_by_role("button", name="language").click()
    names = [text.splitlines()[0] for text in column(page, "#cells", 1)]
    assert names == sorted(names)
    assert page.complaints == []


def test_words_and_selects_filter(show, report):
    page = show(report)
    bar = page.locator(".filters", has=page.get_by_label("theory"))
    assert bar.locator("output").inner_text() == "8 rows"
    bar.get_by_label("model").select_option("LSTM")
    assert set(column(page, "#cells", 3)) == {"LSTM"}
    assert bar.locator("output").inner_text() == "4 of 8 rows"
    bar.get_by_label("class").select_option("counter")
    assert len(column(page, "#cells", 1)) == 1
    bar.get_by_label("class").select_option("")
    bar.get_by_label("filter").fill("dyck")
    (only,) = column(page, "#cells", 1)
    assert only.startswith("dyck-1")
    bar.get_by_label("filter").fill("nothing has this")
    assert column(page, "#cells", 1) == []
    assert page.complaints == []


def test_a_cell_shows_where_its_numbers_come_from(show, report):
    page = show(report)
    page.locator("#cells").get_by_role("button", name="parity").first.click()
    box = page.locator("#details")
    text = box.inner_text()
    for words in ("parity, Mamba", "cannot", "0 of 2", "Accuracy by length", "Learning curves",
                  "Wrong strings", "last 4 symbols", "0.1.0 (abc)", "a processor"):  # fmt: skip
        assert words in text
    cells = box.locator("section", has_text="Wrong strings").locator("tbody tr").first
    assert cells.locator("td").all_inner_texts() == [
        "seed 0, 1–50", "4 of 8", "0 1 end", "0 1", "11<b>011",
    ]  # fmt: skip
    assert cells.locator("mark").all_inner_texts() == ["end"]
    by_length = box.locator("figure", has_text="Accuracy by length")
    assert by_length.locator("[data-named]").count() == 3, "two seeds and the baseline"
    curves = box.locator("figure", has_text="Learning curves")
    assert curves.locator("[data-named]").count() == 2 * len(WINDOWS)
    curves.get_by_text("values").click()
    assert curves.locator("tbody tr").count() == 2 * 5 * len(WINDOWS)
    assert "lengths 1–50, seed 0\t100\t10.0 %" in curves.locator("table").inner_text()
    assert page.url.endswith(f"#details-{CELL}")
    page.keyboard.press("Escape")
    assert box.is_hidden()
    assert page.locator("#cells .opens", has_text="parity").first.evaluate(
        "button => button === document.activeElement"
    )
    assert page.complaints == []


def test_a_link_opens_its_cell_and_an_unknown_one_opens_nothing(show, report):
    assert show(report, anchor=f"#details-{CELL}").locator("#details").is_visible()
    page = show(report, anchor="#details-nowhere")
    assert page.locator("#details").is_hidden()
    assert page.complaints == []


def test_a_refuted_cell_says_so_at_once(show, report):
    page = show(report)
    said = "solved@200, but wrong at length 1,875 on w1 (i0)^936 r"
    assert said in page.locator("#summary ~ ul").first.inner_text()
    row = page.locator("#cells tbody tr", has_text="LSTM").filter(has_text="d-2")
    assert said in row.inner_text()
    row.get_by_role("button").click()
    box = page.locator("#details").inner_text()
    assert "Seed 0: solved@200 in every window, wrong at length 1,875 on w1 (i0)^936 r." in box
    assert "1,875 of 1,875" in box
    assert page.complaints == []


def test_the_pointer_reads_values_off_a_figure(show, report):
    page = show(report)
    bar = page.locator("#figure-accuracy [data-says^='parity, Mamba, 1–50: 25.0 %'] path").first
    bar.scroll_into_view_if_needed()
    bar.hover()
    assert page.locator("#tip").inner_text().startswith("parity, Mamba, 1–50: 25.0 % (")
    point = page.evaluate("""() => {
        const picture = document.querySelector("#figure-lengths svg");
        picture.scrollIntoView({block: "center"});
        const line = picture.querySelectorAll("[data-named^='LSTM']")[1];  // of parity
        const [x, y] = pointsOf(line)[0];
        const at = new DOMPoint(x, y).matrixTransform(picture.getScreenCTM());
        return [at.x, at.y];
    }""")
    page.mouse.move(*point)
    assert page.locator("#tip").inner_text() == "LSTM, mean of 2 seeds: at 1, 100 %"
    page.mouse.move(5, 5)
    assert page.locator("#tip").is_hidden()
    assert page.complaints == []


def test_a_figure_is_enlarged_by_mouse_and_by_keys(show, report):
    page = show(report)
    figure = page.locator("#figure-lengths")
    before = figure.locator("svg.picture").get_attribute("viewBox")
    figure.get_by_role("button", name="Enlarge").click()
    box = page.locator("#zoom")
    assert box.is_visible()
    width = "svg => svg.viewBox.baseVal.width"
    picture = box.locator("svg.picture")
    whole = picture.evaluate(width)
    page.keyboard.press("+")
    assert picture.evaluate(width) == pytest.approx(whole / 1.5, rel=1e-3)
    left = "svg => svg.viewBox.baseVal.x"
    was = picture.evaluate(left)
    page.keyboard.press("ArrowRight")
    assert picture.evaluate(left) > was
    page.keyboard.press("0")
    assert picture.get_attribute("viewBox") != ""
    assert picture.evaluate(width) == pytest.approx(whole)
    page.mouse.move(640, 400)
    page.mouse.wheel(0, -200)
    page.wait_for_function(f"lent.box[2] < {whole}")
    was = picture.evaluate(left)
    page.mouse.down()
    page.mouse.move(540, 400)
    page.mouse.up()
    assert picture.evaluate(left) > was
    box.get_by_role("button", name="Close").click()
    assert box.is_hidden()
    assert figure.locator("svg.picture").get_attribute("viewBox").split() == [
        f"{float(number):.2f}" for number in before.split()
    ]
    assert page.complaints == []


def test_two_fingers_enlarge(show, report):
    page = show(report, 390, has_touch=True)
    page.locator("#figure-lengths svg.picture").tap()
    assert page.locator("#zoom").is_visible()
    width = page.evaluate("""() => {
        const stage = document.querySelector("#zoom .stage");
        stage.setPointerCapture = () => {};  // made-up fingers cannot be captured
        const touch = (type, finger, x) => stage.dispatchEvent(new PointerEvent(type,
            {pointerId: finger, clientX: x, clientY: 300, bubbles: true, pointerType: "touch"}));
        const before = lent.box[2];
        touch("pointerdown", 1, 150); touch("pointerdown", 2, 250);
        touch("pointermove", 2, 350);
        touch("pointerup", 1, 150); touch("pointerup", 2, 350);
        return [before, lent.box[2]];
    }""")
    assert width[1] == pytest.approx(width[0] / 2, rel=1e-2)
    assert page.complaints == []


def test_it_follows_a_dark_reader(show, report):
    colour = "getComputedStyle(document.body).backgroundColor"
    assert show(report, color_scheme="light").evaluate(colour) == "rgb(255, 255, 255)"
    page = show(report, color_scheme="dark")
    dark = page.evaluate(colour)
    assert max(map(int, re.findall(r"\d+", dark))) < 60
    # The figure's ground and letters turn with it.
    fills = page.locator("#figure-accuracy svg.picture > g path").first
    assert fills.evaluate("path => getComputedStyle(path).fill") == dark
