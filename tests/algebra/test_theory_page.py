"""The tables of docs/theory.md are those of the code.

`python tests/algebra/test_theory_page.py` writes them anew.
"""

from itertools import groupby
from pathlib import Path

from starfree.algebra.claims import Case
from starfree.algebra.conditions import in_words
from starfree.algebra.theorems import THEOREMS
from starfree.algebra.verdict import TABLE

PAGE = Path(__file__).parents[2] / "docs" / "theory.md"
HEADINGS = ("rows", "arguments", "theorems")


def rows() -> str:
    lines = []
    for architecture, own in groupby(TABLE, key=lambda row: row.architecture):
        lines += [f"**{architecture}**", "", "| task, reading | arithmetic | of which languages |"]
        lines += ["|---|---|---|"]
        for row in own:
            where = "; ".join(text for text in (row.arithmetic, row.conditions) if text)
            told = "; ".join(map(case_in_words, row.cases))
            lines.append(f"| {row.task}, {row.reading} | {where} | {told} |")
        lines.append("")
    return "\n".join(lines)


def case_in_words(case: Case) -> str:
    star = "\\*" if case.derived else ""
    return f"{in_words(case.when)}: **{case.answer}** ({case.theorem}{star})"


def arguments() -> str:
    told: dict[str, list[str]] = {}
    for row in TABLE:
        for case in row.cases:
            if case.derived:
                who = f"{row.architecture}, {in_words(case.when)}"
                told.setdefault(case.derived, []).append(who)
    return "\n".join(
        f"- {argument}: {'; '.join(dict.fromkeys(who))}." for argument, who in told.items()
    )


def theorems() -> str:
    lines = ["| id | source | what is used | status |", "|---|---|---|---|"]
    for t in THEOREMS:
        lines.append(f"| {t.id} | {t.reference} | {t.statement} | {t.status} |")
    return "\n".join(lines)


def with_tables(page: str) -> str:
    for heading, table in zip(HEADINGS, (rows(), arguments(), theorems()), strict=True):
        begin, end = f"<!-- {heading} -->\n", f"<!-- end of {heading} -->"
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        page = f"{before}{begin}\n{table.strip()}\n\n{end}{after}"
    return page


def test_the_tables_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page), "run python tests/algebra/test_theory_page.py"


def test_every_theorem_is_used_or_named() -> None:
    used = {case.theorem for row in TABLE for case in row.cases}
    page = PAGE.read_text(encoding="utf-8").split("<!-- theorems -->")[0]
    for theorem in THEOREMS:
        assert theorem.id in used or f"`{theorem.id}`" in page, theorem.id


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
