"""Who wins where, on cells made by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from starfree.report.winners import told, winners


def a_cell(language: str, model: str, *bins: tuple[float, float, float], baseline: float) -> Any:
    """Accuracy and interval of each window."""
    return SimpleNamespace(
        language=SimpleNamespace(name=language),
        model=SimpleNamespace(shown=model),
        bins=[
            SimpleNamespace(
                window=f"{50 * place + 1}-{50 * place + 50}",
                accuracy=accuracy,
                interval=(low, high),
                baseline=baseline,
            )
            for place, (accuracy, low, high) in enumerate(bins)
        ],
    )


def a_summary(*cells: Any) -> Any:
    return SimpleNamespace(cells=cells)


SUMMARY = a_summary(
    a_cell("copy-4", "mamba", (0.5, 0.45, 0.55), (0.0, 0.0, 0.01), baseline=0.0),
    a_cell("copy-4", "hybrid", (1.0, 0.99, 1.0), (0.2, 0.15, 0.25), baseline=0.0),
    a_cell("copy-4", "rotary", (0.97, 0.95, 0.985), (0.18, 0.14, 0.22), baseline=0.0),
    a_cell("parity", "mamba", (0.3, 0.2, 0.4), (0.1, 0.0, 0.2), baseline=0.4),
    a_cell("parity", "hybrid", (0.2, 0.1, 0.3), (0.5, 0.4, 0.6), baseline=0.4),
    a_cell("parity", "rotary", (0.1, 0.0, 0.2), (0.1, 0.0, 0.2), baseline=0.4),
    a_cell("two", "mamba", (1.0, 1.0, 1.0), baseline=0.0),
    a_cell("two", "hybrid", (1.0, 1.0, 1.0), baseline=0.0),
)


def test_the_best_and_who_is_level() -> None:
    found = {(w.language, w.window): w for w in winners(SUMMARY)}
    assert set(found) == {(n, w) for n in ("copy-4", "parity") for w in ("1-50", "51-100")}
    first, second = found["copy-4", "1-50"], found["copy-4", "51-100"]
    assert (first.best, first.level, first.control) == ("hybrid", (), True)
    assert (second.best, second.level) == ("hybrid", ("rotary",))
    # Below the best predictor without state nobody has won.
    assert (found["parity", "1-50"].best, found["parity", "1-50"].control) == (None, False)
    assert found["parity", "51-100"].best == "hybrid"


def test_sentences() -> None:
    copy, parity = told(SUMMARY)
    assert copy == "copy-4 – 1–50: hybrid 100 %; 51–100: hybrid 20.0 % (level: rotary)."
    assert "1–50: nobody above 40.0 %" in parity
    assert parity.endswith("no model learned it, so that nothing is refused.")
