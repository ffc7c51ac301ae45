"""The page in a browser without any network: its circuit gives the legal sets that Python gives."""

import itertools
import json

import pytest

from starfree.algebra.classify import classify
from starfree.cli import main
from starfree.languages.catalog import language
from starfree.languages.strings import Strings
from starfree.report.language_page import language_page, weakest_network

LONGEST = 5

# as text: the browser's own way to hand over many small lists is slow
RUN_ALL = """text => JSON.stringify(
    JSON.parse(text).map(tokens => run(data.circuit, tokens).map(one => one.legal)))"""


@pytest.fixture
def show(browser, tmp_path):
    """Open a page offline; what it complained of and asked for comes with it."""
    contexts = []

    def opened(text, width=1280):
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.asked = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()


def page_of(name):
    spoken = language(name)
    return language_page(spoken, classify(spoken), weakest_network(spoken))


def compare(page, spoken, strings):
    """The page's legal sets are the language's, after every prefix of every string."""
    given = json.loads(page.evaluate(RUN_ALL, json.dumps(strings)))
    legal = spoken.legal_batch(Strings.of(strings))
    for string, found, right in zip(strings, given, legal, strict=True):
        assert found == right[: len(string) + 1].tolist(), string


@pytest.mark.parametrize(
    "name", ["parity", "flipflop", "d-4", "dyck-1", "s3", "s5", "anbncn", "dyck-2-2", "shuffle-2"]
)
def test_the_circuit_runs_as_python_says(show, name):
    spoken = language(name)
    page = show(page_of(name))
    longest = LONGEST if len(spoken.alphabet) < 6 else 4
    strings = [
        list(string)
        for length in range(longest + 1)
        for string in itertools.product(range(len(spoken.alphabet)), repeat=length)
    ]
    compare(page, spoken, strings)
    assert page.complaints == []
    assert len(page.asked) == 1


def test_typing_updates_states_and_legal_sets(show):
    page = show(page_of("d-2"))
    page.fill("#string", "aab")
    rows = {
        row[0]: row[1:]
        for row in page.evaluate(
            "[...document.querySelectorAll('#trajectory tr')]"
            ".map(row => [...row.cells].map(cell => cell.textContent))"
        )
    }
    assert rows["letter"] == ["^", "a", "a", "b"]
    assert rows["state"] == ["0", "1", "2", "1"]
    legal = language("d-2").legal([0, 0, 1])
    for bit, head in enumerate(["a may follow", "b may follow", "may end"]):
        assert [cell == "●" for cell in rows[head]] == legal[:, bit].tolist()
    assert page.text_content("#verdict").startswith("A prefix of members, no member itself")
    assert page.locator(".state.now").get_attribute("data-state") == "1"
    page.locator("#trajectory td.head").nth(2).click()
    assert page.locator(".state.now").get_attribute("data-state") == "2"
    page.fill("#string", "aabb")
    assert page.text_content("#verdict") == "A member."
    page.fill("#string", "aaab")
    assert "a at position 3 is illegal" in page.text_content("#verdict")
    assert page.locator("#trajectory td.illegal").count() > 0
    page.fill("#string", "axb")
    assert page.text_content("#verdict") == "x at position 2 is not in the alphabet a b"
    page.fill("#string", "")
    assert page.text_content("#verdict") == "A member."
    page.locator("button.example").first.click()
    assert page.input_value("#string") != ""
    page.fill("#string", "ab" * 500)
    assert "300 of 1000 positions are shown" in page.text_content("#verdict")
    assert page.complaints == []


def test_verdicts_are_filtered(show):
    page = show(page_of("parity"))
    rows = page.locator("#verdicts tbody tr:visible")
    everything = rows.count()
    page.select_option("select[data-column=answer]", "cannot")
    assert 0 < rows.count() < everything
    assert set(rows.evaluate_all("rows => rows.map(row => row.dataset.answer)")) == {"cannot"}
    page.select_option("select[data-column=architecture]", "LSTM")
    assert rows.count() == 0
    page.select_option("select[data-column=answer]", "")
    assert rows.count() > 0


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["flipflop", "d-4", "s3"])
def test_no_page_is_wider_than_its_window(show, name, width):
    page = show(page_of(name), width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_recogniser_is_right_on_all_strings(show, tmp_path, monkeypatch):
    arguments = ["compile", "regex:(ab)*@a,b,c", "--task", "recognise", "--target", "paper"]
    monkeypatch.setattr("sys.argv", ["starfree", *arguments, "--out", str(tmp_path / "made")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    text = (tmp_path / "made" / "page.html").read_text(encoding="utf-8")
    for words in ("PROVEN_ALL_LENGTHS", "all strings", "target paper", "letter=a"):
        assert words in text
    page = show(text)
    spoken = language("regex:(ab)*@a,b,c")
    strings = [list(s) for n in range(LONGEST) for s in itertools.product(range(3), repeat=n)]
    compare(page, spoken, strings)
    assert page.complaints == []
