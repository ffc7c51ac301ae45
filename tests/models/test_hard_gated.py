"""The hard-gated model against its definition, written down a second time."""

import numpy as np
import pytest
import torch

from starfree.models.hard_gated import HardGated, HardGatedOptions

VOCABULARY, OUTPUTS = 4, 3


@pytest.fixture
def model():
    torch.manual_seed(3)
    made = HardGated(VOCABULARY, OUTPUTS, HardGatedOptions(layers=3, units=5, d_model=7))
    made.snap()
    return made.eval()


def definition(model, string):
    """Symbol by symbol, in float64: the logits, and all units after each symbol."""
    weights = {name: t.double().numpy() for name, t in model.state_dict().items()}

    def linear(name, x):
        return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]

    letter_before = np.zeros(VOCABULARY)
    units = [np.zeros(5) for _ in range(3)]
    rows, seen = [], []
    for token in string:
        letter = np.eye(VOCABULARY)[token]
        before, after = list(units), []
        for place in range(3):
            z = np.concatenate([letter, *after, letter_before, *before[:place]])
            reset = linear(f"layers.{place}.reset", z) > 0
            value = np.where(linear(f"layers.{place}.value", z) > 0, 1.0, -1.0)
            after.append(np.where(reset, value, before[place]))
        units, letter_before = after, letter
        hidden = np.maximum(linear("answer", np.concatenate([letter, *units])), 0)
        rows.append(linear("head", hidden))
        seen.append(np.concatenate(units))
    return np.array(rows), np.array(seen)


def test_forward_is_the_definition_to_the_last_bit(model):
    tokens = torch.randint(0, VOCABULARY, (6, 40))
    logits = model(tokens).detach().numpy()
    for row, string in zip(logits, tokens.tolist(), strict=True):
        assert np.array_equal(row, definition(model, string)[0].astype(np.float32))


def test_step_is_forward_to_the_last_bit(model):
    tokens = torch.randint(0, VOCABULARY, (3, 300))
    state = model.initial_state(3)
    with torch.no_grad():
        whole = model(tokens)
        for t in range(300):
            logits, state = model.step(tokens[:, t], state)
            assert torch.equal(logits, whole[:, t])


def test_every_unit_is_minus_one_zero_or_one_and_some_are_kept(model):
    tokens = torch.randint(0, VOCABULARY, (1, 60))
    _, seen = definition(model, tokens[0].tolist())
    _, state = model.advance(tokens, model.initial_state(1))
    assert np.array_equal(torch.cat(state.hidden, dim=1)[0].detach().numpy(), seen[-1])
    assert set(np.unique(seen)) <= {-1.0, 0.0, 1.0}
    assert len(np.unique(seen, axis=0)) > VOCABULARY  # more than the last symbol tells


def test_noise_only_in_training(model):
    tokens = torch.randint(0, VOCABULARY, (4, 30))
    quiet = model(tokens)
    model.noise = 1.0
    assert torch.equal(model(tokens), quiet)
    model.train()
    assert not torch.equal(model(tokens), quiet)


def test_snapped_weights_stay():
    torch.manual_seed(0)
    model = HardGated(VOCABULARY, OUTPUTS, HardGatedOptions())
    before = {name: t.clone() for name, t in model.state_dict().items()}
    model.snap()
    once = {name: t.clone() for name, t in model.state_dict().items()}
    model.snap()
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, once[name])
        assert torch.equal(weights * 64, (weights * 64).round())
        assert (weights - before[name]).abs().max() <= 1 / 128
