"""What is shown while a run goes on."""

import io
import re
from dataclasses import replace

import pytest
from made_results import SPEC, made_run
from rich.console import Console

from starfree.experiments.events import Failed, Finished, Job, Lost, Progressed, Started
from starfree.experiments.spec import parse_experiment
from starfree.report.progress import Display, LiveDisplay, display


@pytest.fixture
def jobs(tmp_path):
    experiment = parse_experiment(SPEC.replace("[0.001, 0.01]", "[0.01]"), "x")
    return [
        Job(trial, trial.hash, model.shown, tmp_path)
        for model, trial in experiment.trials(experiment.seeds)
    ]


def result(trial_hash):
    shares = {"1-50": 0.9995, "51-100": 0.125}
    bins = {w: {"metrics": {"string_accuracy": {"value": v}}} for w, v in shares.items()}
    return {"bins": bins, "total_seconds": 3.0}


def screen(terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=110, highlight=False)


def said(console):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())


def tell(shown, jobs):
    first, second, third = jobs[:3]
    shown.announce(jobs, kept=2)
    for event in (
        Started(first.hash, 0),
        Started(second.hash, 1),
        Progressed(first.hash, "training", 0.5, 0.25),
        Finished(first.hash, 0),
        Lost(second.hash, 1, "killed by SIGKILL"),
        Started(third.hash, 0),
        Failed(third.hash, 0, "ValueError: no luck", "Traceback"),
    ):
        shown.watch(event)


def test_lines_where_there_is_no_terminal(jobs):
    console = screen(terminal=False)
    shown = display(console, "made", 2, result)
    assert type(shown) is Display
    with shown:
        tell(shown, jobs)
    lines = said(console).splitlines()
    assert lines[0] == "made: 16 trials to run, 2 there already; 2 at a time"
    assert lines[1] == "% of strings right at lengths 1–50 / 51–100:"
    assert re.fullmatch(r"✓ d-2 +Mamba +seed 0 +99\.9 / 12\.5 +3 s +1/16", lines[2])
    assert re.match(r"! d-2 +Mamba +seed 1 +killed by SIGKILL; it goes on elsewhere", lines[3])
    assert re.match(r"✗ d-2 +LSTM +seed 0 +failed: ValueError: no luck", lines[4])


def test_a_live_part_on_a_terminal(jobs):
    console = screen(terminal=True)
    shown = display(console, "made", 2, result)
    assert isinstance(shown, LiveDisplay)
    with shown:
        tell(shown, jobs)
        shown.watch(Started(jobs[3].hash, 0))
        shown.watch(Progressed(jobs[3].hash, "training", 0.5, 0.25))
        picture = Console(file=io.StringIO(), width=110)
        picture.print(shown._picture())
    text = picture.file.getvalue()
    assert "2 of 16 trials" in text
    assert "gone, about" in text
    assert re.search(r"training .* d-2 +LSTM +seed 1 +validation 25\.0 %", text)
    assert "idle" in text


def test_an_interrupted_run_says_how_to_go_on(jobs):
    console = screen(terminal=True)

    def interrupted():
        with display(console, "made", 2, result) as shown:
            shown.announce(jobs, kept=0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "0 of 16 trials done; run the same command again to go on" in said(console)


def test_it_follows_a_run_of_two_stages(tmp_path):
    console = screen(terminal=False)
    shown = Display(console, "made", 1, result)
    made_run(tmp_path / "run", announce=shown.announce, watch=shown.watch)
    text = said(console)
    assert "16 trials to run" in text
    assert "8 trials to run" in text
    assert "24/24" in text


def test_what_a_search_found_stands_beside_the_shares(jobs):
    console = screen(terminal=False)
    shares = {"1-50": {"value": 1.0, "n": 1000}, "51-100": {"value": 1.0, "n": 800}}
    bins = {window: {"metrics": {"string_accuracy": share}} for window, share in shares.items()}
    found = {"status": "COUNTEREXAMPLE", "length": 1875, "word": "w1 (i0)^936 r", "seconds": 2.0}
    shown = display(
        console,
        "made",
        1,
        lambda trial: {"bins": bins, "total_seconds": 90.0},
        lambda trial: found if trial != jobs[2].hash else None,
    )
    with shown:
        shown.announce(jobs[:1], kept=0)
        shown.watch(Started(jobs[0].hash, 0))
        shown.watch(Finished(jobs[0].hash, 0))
        again = [replace(jobs[1], trained=True)]
        shown.announce(again, kept=0)
        shown.watch(Started(jobs[1].hash, 0))
        shown.watch(Finished(jobs[1].hash, 0))
    lines = said(console).splitlines()
    words = "100 / 100  solved@800 in all bins, wrong at length 1,875 on w1 (i0)^936 r"
    text = " ".join(" ".join(lines).split())
    assert text.count(" ".join(words.split())) == 2
    assert "1 trial to be searched for a wrong string" in text
    assert "1 min 30 s 1/1" in text or "90 s 1/1" in text
    assert "2 s 2/2" in text
