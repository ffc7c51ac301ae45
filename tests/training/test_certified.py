"""Counterexample-guided training against brute force over all short strings."""

from itertools import product

import numpy as np
import pytest
import torch

from starfree.data.splits import make_splits
from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.languages.strings import Strings
from starfree.models.model import build
from starfree.training.certified import train_certified
from starfree.training.certified_settings import CertifiedSettings
from starfree.training.settings import TrainSettings
from starfree.verification.certificate import certify
from starfree.verification.product import search_faults

TRAINING = TrainSettings(
    tokens=150_000, batch_size=16, learning_rate=0.03, warmup=0.0, decay="linear", weight_decay=0.0
)
LENGTH = 9


def fresh(spoken, **options):
    letters = len(spoken.alphabet)
    return lambda: build("hard_gated", letters + 2, letters + 1, **{"units": 4, **options})


def strings(spoken):
    data = make_splits(
        spoken, "sound", 0, "predict",
        train_size=300, validation_size=20, bin_size=20,
        train_window=(1, 16), test_windows=[(1, 16)],
    )  # fmt: skip
    return data.train


def trained(name, seed=0, tokens=150_000, **settings):
    spoken = language(name)
    wanted = {"first_steps": 250, "steps": 60, **settings}
    budget = TRAINING.model_copy(update={"tokens": tokens})
    told = []
    found = train_certified(
        fresh(spoken), spoken, strings(spoken), budget, CertifiedSettings(**wanted), seed,
        lambda tried, fraction: told.append((tried, fraction)),
    )  # fmt: skip
    return spoken, found, told


def wrong_prefixes(model, spoken, length):
    """Live strings up to a length after which the model is wrong, by brute force."""
    wrong = []
    with torch.no_grad():
        for size in range(length + 1):
            for string in product(range(len(spoken.alphabet)), repeat=size):
                legal = spoken.legal(string)
                if not legal[-1].any():
                    continue
                logits = model(torch.tensor([[spoken.begin, *string]]))[0, -1]
                if (logits.numpy() > 0).tolist() != legal[-1].tolist():
                    wrong.append(string)
    return wrong


def test_a_proven_model_is_right_on_all_short_strings():
    spoken, found, told = trained("tomita-2")
    assert found.proven
    assert found.trained.stopped == "solved"
    assert wrong_prefixes(found.model, spoken, LENGTH) == []
    assert certify(found.model, spoken).status == "PROVEN_ALL_LENGTHS"
    assert "no sum of a linear map is rounded" in certify(found.model, spoken).arithmetic
    assert [tried for tried, _ in told if tried] == list(found.rounds)
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)


def test_the_budget_ends_it_and_what_is_left_is_the_shortest_counterexample():
    # 16 batches and no layer deep enough: nothing can be proven.
    spoken, found, _ = trained("d-3", tokens=6_000, first_steps=8, steps=4, rounds=2)
    assert not found.proven
    assert found.trained.stopped == "budget"
    assert found.trained.tokens >= 6_000
    best = max(tried.length for tried in found.rounds)
    assert max(tried.restart for tried in found.rounds) >= 1
    wrong = wrong_prefixes(found.model, spoken, LENGTH)
    assert min(map(len, wrong)) == best + 1
    assert certify(found.model, spoken).counterexample.position == best + 1


def test_counterexamples_and_their_continuations_join_the_training_strings():
    _, found, _ = trained("d-3", tokens=6_000, first_steps=8, steps=4, rounds=3)
    first, second = found.rounds[:2]
    assert (first.number, second.number) == (1, 2)
    assert first.strings == 0
    assert second.strings > 1
    # The first round's faults are in the pool of the second, each with what goes on from it.
    assert first.counterexample is not None


def test_the_seed_decides_everything():
    runs = [trained("tomita-2", seed, tokens=8_000, first_steps=20)[1] for seed in (0, 0, 1)]
    weights = [run.model.state_dict() for run in runs]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["head.weight"], weights[2]["head.weight"])
    assert runs[0].rounds == runs[1].rounds


def test_no_strings_are_refused():
    spoken = language("tomita-2")
    with pytest.raises(InputError, match="no training strings"):
        train_certified(
            fresh(spoken), spoken, Strings.of([]), TRAINING, CertifiedSettings(), 0
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_faults_are_faults_the_shortest_first(seed):
    spoken = language("d-2")
    torch.manual_seed(seed)
    model = fresh(spoken, layers=2)().eval()
    model.snap()
    found, faults = search_faults(model, spoken, "prefixes", 20_000, wanted=20)
    wrong = wrong_prefixes(model, spoken, LENGTH)
    lengths = [len(fault.letters) for fault in faults]
    assert len(faults) == 20 or len(faults) <= found.states
    assert lengths == sorted(lengths)
    assert lengths[0] == min(map(len, wrong))
    assert {fault.letters for fault in faults if len(fault.letters) <= LENGTH} <= set(wrong)
    assert len({fault.letters for fault in faults}) == len(faults)
    for fault in faults:
        assert fault.expected == tuple(spoken.legal(np.array(fault.letters))[-1].tolist())
