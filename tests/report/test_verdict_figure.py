"""Outcomes beside theory: what agrees, what does not, and what has no positive control."""

from dataclasses import replace

import pytest
from made_results import made_run

from starfree.experiments.summary import read_summary
from starfree.report.verdict_figure import (
    SYMBOLS,
    caption,
    judge,
    verdict_figure,
    worth_drawing,
)


@pytest.fixture
def summary(tmp_path):
    """Mamba solves d-2 alone, the LSTM all."""
    store, _, _ = made_run(tmp_path)
    return read_summary(store)[0]


def marks(summary):
    return {cell.key: judge(summary, cell).mark for cell in summary.cells}


def test_each_cell_is_judged(summary):
    found = marks(summary)
    assert found["d-2", "Mamba"] == "agrees"
    assert found["parity", "Mamba"] == "agrees"  # it cannot, and the LSTM is the control
    assert found["parity", "LSTM"] == "agrees"
    assert found["dyck-1", "Mamba"] == "not learned"


def test_without_a_control_nothing_is_claimed(summary):
    alone = replace(summary, cells=[c for c in summary.cells if c.model.shown == "Mamba"])
    assert marks(alone)["parity", "Mamba"] == "no control"
    assert not worth_drawing(alone)


def test_a_control_need_only_get_farther(summary):
    """Parity: the LSTM breaks at the last window, Mamba in the first."""
    (mamba,) = [c for c in summary.cells if c.key == ("parity", "Mamba")]
    (lstm,) = [c for c in summary.cells if c.key == ("parity", "LSTM")]
    last = replace(lstm.bins[-1], seeds=(0.5,) * len(lstm.trials))
    lstm = replace(lstm, bins=(*lstm.bins[:-1], last))
    assert lstm.solved_seeds == 0
    both = replace(summary, cells=(mamba, lstm))
    assert judge(both, mamba).mark == "agrees"
    ruled_out = replace(lstm, expectation=mamba.expectation)
    assert judge(replace(summary, cells=(mamba, ruled_out)), mamba).mark == "no control"
    level = replace(mamba, bins=lstm.bins)
    assert judge(replace(summary, cells=(level, lstm)), level).mark == "no control"


def test_what_theory_rules_out_and_training_found_is_marked(summary):
    (cell,) = [c for c in summary.cells if c.key == ("parity", "Mamba")]
    (solved,) = [c for c in summary.cells if c.key == ("parity", "LSTM")]
    lucky = replace(cell, bins=solved.bins)
    assert judge(summary, lucky).mark == "against"


def test_the_figure_has_every_cell_and_the_caption_every_mark(summary):
    assert worth_drawing(summary)
    figure = verdict_figure(summary)
    said = [text.get_text() for text in figure.axes[0].texts]
    assert len(said) == 8
    assert f"{SYMBOLS['agrees']} 2/2 (2)" in said
    assert any(words.startswith(f"{SYMBOLS['not learned']} 0/2 (") for words in said)
    told = caption(summary)
    assert "○ weights exist for the architecture" in told
    assert "✗" not in told
