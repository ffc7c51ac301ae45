"""Tables for LaTeX, with booktabs: to be included in a paper."""

from __future__ import annotations

from collections.abc import Sequence

from starfree.report.sections import Table

LONG = 40  # rows from which a table may break over pages

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "–": "--", "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "≤": r"$\le$",
    "≥": r"$\ge$", "→": r"$\to$", "∞": r"$\infty$", "∪": r"$\cup$", "∩": r"$\cap$",
    "∅": r"$\emptyset$", "ε": r"$\varepsilon$", "σ": r"$\sigma$", "Σ": r"$\Sigma$",
    "✓": r"\checkmark{}", "✗": r"$\times$", "…": r"\dots{}", "≠": r"$\neq$", "≈": r"$\approx$",
}  # fmt: skip


def as_latex(tables: Sequence[Table]) -> str:
    """The tables one after the other, each with its caption; needs booktabs, longtable, amssymb."""
    head = (
        "% Made by `starfree report --export latex`.\n"
        "% Needs \\usepackage{booktabs, longtable, amssymb}.\n"
    )
    return head + "".join(f"\n{_table(table)}" for table in tables if table.rows)


def _table(table: Table) -> str:
    columns = "".join("r" if table.is_numeric(i) else "l" for i in range(len(table.header)))
    stop = "" if table.title.endswith((".", "?", "!")) else "."
    title = escaped(f"{table.title}{stop} {table.note}" if table.note else table.title)
    header = _row(table.header)
    body = "".join(
        # A line with something in its first cell opens a group: the language of those below it.
        ("\\addlinespace\n" if number and row[0] and _grouped(table) else "") + _row(row)
        for number, row in enumerate(table.rows)
    )
    if len(table.rows) > LONG:
        return (
            f"\\begin{{longtable}}{{@{{}}{columns}@{{}}}}\n\\caption{{{title}}}\\\\\n"
            f"\\toprule\n{header}\\midrule\n\\endfirsthead\n"
            f"\\toprule\n{header}\\midrule\n\\endhead\n"
            f"\\bottomrule\n\\endfoot\n{body}\\end{{longtable}}\n"
        )
    return (
        f"\\begin{{table}}\n\\centering\n\\caption{{{title}}}\n"
        f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n"
        f"\\toprule\n{header}\\midrule\n{body}\\bottomrule\n"
        "\\end{tabular}\n\\end{table}\n"
    )


def _grouped(table: Table) -> bool:
    return any(not row[0] for row in table.rows)


def _row(cells: Sequence[str]) -> str:
    text = " & ".join(escaped(cell) for cell in cells)
    # After \\ a bracket or a star would be read as its argument.
    return ("{}" if text.startswith(("[", "*")) else "") + text + " \\\\\n"


def escaped(text: str) -> str:
    r"""Text as LaTeX prints it.

    >>> escaped("99.2 % of a_b")
    '99.2 \\% of a\\_b'
    """
    return "".join(_SPECIAL.get(character, character) for character in text)
