"""The suite under the published protocol."""

import pytest

from starfree.data.published import protocols, published_splits
from starfree.errors import InputError
from starfree.experiments import builtin
from starfree.experiments.execution import check
from starfree.experiments.published_suite import PublishedSuite
from starfree.experiments.spec import parse_experiment
from starfree.languages.catalog import language


def test_each_language_has_the_authors_settings():
    suite, _ = builtin.load("suite", protocol="published")
    assert isinstance(suite, PublishedSuite)
    assert suite.name == "suite-published"
    check(suite)
    trials = {t.language: t for m, t in suite.trials((0,)) if m.shown == "Mamba, 3 layers"}
    assert set(trials) == set(protocols())
    training = trials["d-4"].training
    assert (training.learning_rate, training.batch_size, training.tokens) == (
        0.001, 32, 100 * 872_160,
    )  # fmt: skip
    assert (training.decay, training.weight_decay, training.shuffle) == ("none", 0.1, False)
    assert trials["anbn"].training.batch_size == 10
    assert trials["012-02"].training.learning_rate == 1e-5


def test_the_smoke_scale_bounds_the_budget():
    smoke, _ = builtin.load("suite", scale="smoke", protocol="published")
    assert {t.training.tokens for _, t in smoke.trials((0,))} == {20_000}


@pytest.mark.parametrize(
    "name",
    [
        "tomita-2",
        "anbn",
        *(
            pytest.param(name, marks=pytest.mark.full)
            for name in protocols()
            if name not in ("tomita-2", "anbn")
        ),
    ],
)
def test_an_epoch_has_the_tokens_that_the_spec_says(name):
    suite, _ = builtin.load("suite", protocol="published")
    strings = published_splits(language(name), suite.data.seed, "published").train
    assert suite.epoch_tokens[name] == strings.lengths.sum()


def test_only_languages_of_the_published_suite():
    text = """
    {kind: published-suite, name: x, task: published, protocol: published, languages: [d-5],
     models: [{name: lstm}], epoch_tokens: {d-5: 10}}
    """
    with pytest.raises(InputError, match="d-5: not a language of the published suite"):
        parse_experiment(text, "x")
