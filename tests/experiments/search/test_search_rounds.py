"""The course of a search: what is tried, chosen and trained again, and how it goes on."""

import json
import random
import sys
from statistics import median

import pytest
from made_search import GRID, TPE, final, made_search

from starfree.errors import InputError
from starfree.experiments.plan import read_plan
from starfree.experiments.search.history import read_history
from starfree.experiments.spec import parse_experiment

pytestmark = pytest.mark.usefixtures("quick_disk")

RANDOM = TPE.replace("method: tpe", "method: random")


def stored(store):
    """Every result as it lies on disk, read without the code under test."""
    return {
        path.parent.name: json.loads(path.read_text())
        for path in store.trials.glob("*/result.json")
    }


def split(results):
    """Those that were compared, and those that were trained with fresh seeds."""
    compared = {h: r for h, r in results.items() if r["trial"].get("purpose") == "search"}
    return compared, {h: r for h, r in results.items() if h not in compared}


def settings(result):
    trial = result["trial"]
    return (
        trial["options"]["d_model"],
        trial["training"]["learning_rate"],
        trial["training"]["clip"],
    )


@pytest.mark.parametrize("spec", [GRID, TPE, RANDOM])
def test_the_smallest_validation_loss_is_trained_again_with_fresh_seeds(tmp_path, spec):
    store, _, outcome = made_search(tmp_path, spec)
    compared, fresh = split(stored(store))
    assert outcome.ran == len(compared) + len(fresh)
    for language in ("d-2", "parity"):
        own = [r for r in compared.values() if r["trial"]["language"] == language]
        ended = [r for r in own if r["stopped"] == "budget"]
        best = min(ended, key=lambda r: r["validation"]["loss"])
        again = [r for r in fresh.values() if r["trial"]["language"] == language]
        assert {settings(r) for r in again} == {settings(best)}
        assert sorted(r["trial"]["seed"] for r in again) == [0, 1]
        assert {r["trial"]["seed"] for r in own} == {100}


def test_a_grid_is_tried_whole(tmp_path):
    store, engine, _ = made_search(tmp_path)
    compared, _ = split(stored(store))
    assert sorted(settings(r)[:2] for r in compared.values()) == sorted(
        2 * [(d, rate) for d in (4, 8, 16) for rate in (0.001, 0.01)]
    )
    assert len({job.hash for job in engine.ran}) == len(engine.ran) == 2 * 6 + 2 * 2


def test_no_compared_trial_has_a_test_bin(tmp_path):
    store, engine, _ = made_search(tmp_path, TPE)
    compared, fresh = split(stored(store))
    for job in engine.ran:
        if job.hash in compared:
            assert job.trial.training.bin_strings == 0
    assert all(r["bins"] for r in fresh.values())


def test_optuna_learns_and_gives_up(tmp_path):
    spec = TPE.replace("trials: 16", "trials: 40")
    store, _, _ = made_search(tmp_path, spec)
    compared, _ = split(stored(store))
    assert len(compared) == 2 * 40
    pruned = [r for r in compared.values() if r["stopped"] == "pruned"]
    assert pruned
    assert all(r["tokens"] < 1000 for r in pruned)
    for cell in read_history(parse_experiment(spec, "x"), store):
        losses = [final_of(one, compared) for one in cell.tried]
        assert median(losses[-10:]) < median(losses[:10])  # of which the first are drawn blindly


def final_of(one, compared):
    result = compared[one.hash]
    trial = result["trial"]
    best = 16 if trial["language"] == "d-2" else 8
    d_model, rate, clip = settings(result)
    return 0.1 + abs(d_model - best) / 10 + 50 * abs(rate - 0.01) + 0.05 * clip


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.full)])
@pytest.mark.parametrize("spec", [GRID, TPE])
def test_a_killed_search_does_only_what_is_missing(tmp_path, spec, kills):
    whole, first, _ = made_search(tmp_path / "whole", spec)
    total = len(first.ran)
    for stop in (1, *random.Random(0).sample(range(2, total), min(kills, total - 2))):
        folder = tmp_path / f"{stop}"
        _, killed, _ = made_search(folder, spec, stop_after=stop, shuffled=stop)
        store, resumed, _ = made_search(folder, spec, shuffled=stop + 1)
        assert stored(store) == stored(whole)
        assert len(killed.ran) == stop
        assert len(resumed.ran) == total - stop
        assert not {j.hash for j in killed.ran} & {j.hash for j in resumed.ran}
    _, again, outcome = made_search(tmp_path / "whole", spec)
    assert again.ran == []
    assert (outcome.ran, outcome.kept) == (0, total)


def test_what_is_proposed_hangs_on_no_order_and_no_clock(tmp_path):
    found = [stored(made_search(tmp_path / str(i), TPE, shuffled=i)[0]) for i in range(2)]
    assert found[0] == found[1]


def test_another_seed_proposes_other_configurations(tmp_path):
    one, _ = split(stored(made_search(tmp_path / "1", RANDOM)[0]))
    other_spec = RANDOM.replace("  trials: 16", "  trials: 16\n  seed: 7")
    other, _ = split(stored(made_search(tmp_path / "7", other_spec)[0]))
    assert not {settings(r) for r in one.values()} & {settings(r) for r in other.values()}


def test_languages_get_the_same_random_configurations(tmp_path):
    spec = RANDOM.replace("  pruning: {rule: median, trials: 3}\n", "")
    compared, _ = split(stored(made_search(tmp_path, spec)[0]))
    of = {
        language: {settings(r) for r in compared.values() if r["trial"]["language"] == language}
        for language in ("d-2", "parity")
    }
    assert of["d-2"] == of["parity"]
    assert len(of["d-2"]) == 16


def test_a_wider_grid_keeps_what_is_there(tmp_path):
    made_search(tmp_path)
    _, engine, _ = made_search(tmp_path, GRID.replace("[4, 8, 16]", "[4, 8, 16, 32]"))
    assert {job.trial.options["d_model"] for job in engine.ran} == {32}


def test_a_failed_trial_is_not_chosen_and_is_tried_again(tmp_path):
    def broken(trial):
        return trial.options["d_model"] == 16

    store, _, outcome = made_search(tmp_path, fail=broken)
    assert len(outcome.failures) == 2 * 2
    _, fresh = split(stored(store))
    assert {settings(r)[0] for r in fresh.values()} == {8}
    _, engine, outcome = made_search(tmp_path)
    assert {job.trial.options["d_model"] for job in engine.ran} == {16}
    assert outcome.failures == {}


def test_nothing_is_chosen_where_everything_failed(tmp_path):
    store, _, outcome = made_search(tmp_path, fail=lambda trial: trial.language == "parity")
    _, fresh = split(stored(store))
    assert {r["trial"]["language"] for r in fresh.values()} == {"d-2"}
    assert len(outcome.failures) == 6


def test_a_budget_of_tokens_ends_the_rounds(tmp_path):
    spec = GRID.replace("  method: grid", "  method: grid\n  tokens: 2500\n  round: 2")
    compared, _ = split(stored(made_search(tmp_path, spec)[0]))
    # 2000 after the first round, 4000 after the second.
    assert len(compared) == 2 * 4


def test_a_point_proposed_twice_is_run_once(tmp_path):
    spec = """
name: made
languages: [d-2]
models: [{name: lstm, label: LSTM}]
training: {tokens: 1000, evaluations: 10}
search: {method: random, trials: 12, space: {d_model: [8, 16]}}
"""
    store, engine, _ = made_search(tmp_path, spec)
    compared, _ = split(stored(store))
    assert len(compared) == 2
    assert len(engine.ran) == 2 + 5
    _, planned = read_plan(store.folder)
    assert len(planned) == 12 + 5
    (cell,) = read_history(parse_experiment(spec, "x"), store)
    assert [one.number for one in cell.tried] == list(range(1, 13))
    assert cell.chosen.number == next(o.number for o in cell.tried if o.point["d_model"] == 16)


def test_a_grid_needs_no_optuna(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)  # importing it fails
    compared, _ = split(stored(made_search(tmp_path)[0]))
    assert len(compared) == 12
    with pytest.raises(InputError, match="needs Optuna"):
        made_search(tmp_path / "tpe", TPE)


def test_chosen_trials_are_those_of_a_plain_experiment(tmp_path):
    _, engine, _ = made_search(tmp_path)
    plain = parse_experiment(
        """
name: plain
languages: [d-2]
models: [{name: lstm, d_model: 16}]
seeds: [0, 1]
learning_rates: [0.01]
training: {tokens: 1000, evaluations: 10}
""",
        "x",
    )
    expected = {trial.hash for _, trial in plain.trials(plain.seeds)}
    assert expected <= {job.hash for job in engine.ran}


def test_the_made_loss_is_what_the_tests_think(tmp_path):
    _, engine, _ = made_search(tmp_path)
    values = {(j.trial.language, j.trial.options["d_model"]): final(j.trial) for j in engine.ran}
    assert values["d-2", 16] < values["d-2", 8]
    assert values["parity", 8] < values["parity", 16]
