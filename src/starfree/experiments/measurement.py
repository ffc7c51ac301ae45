"""How right a trained model is on validation and on every bin, as plain data."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import nn

from starfree.experiments.material import Material
from starfree.languages.strings import BoolArray, Strings
from starfree.training.metrics import evaluate

EXAMPLES = 3  # wrong strings that a result shows, the shortest ones


def measure_validation(ground: Material, model: nn.Module, batch_size: int) -> dict[str, Any]:
    """Loss and accuracy to choose a learning rate by.

    The published protocol has no validation strings: there, as its authors did, the first bin.
    """
    strings, on = ground.data.validation, "validation"
    if strings is None:
        on = next(iter(ground.data.bins))
        strings = ground.data.bins[on]
    measured = evaluate(model, ground.task, strings, batch_size=batch_size)
    return {
        "on": on,
        "strings": measured.strings.total,
        "loss": measured.loss if isfinite(measured.loss) else None,
        "string_accuracy": measured.string_accuracy,
    }


def measure_bin(
    ground: Material,
    model: nn.Module,
    window: str,
    batch_size: int,
    by_transition: bool = False,
) -> dict[str, Any]:
    """Everything that is known of a model on one bin, beside the stateless baselines.

    Args:
        ground: where the bin is from.
        model: after training.
        window: which bin.
        batch_size: see `evaluate`.
        by_transition: also count by (state, letter), for regular languages.
    """
    strings = ground.data.bins[window]
    automaton = by_transition and ground.language.automaton is not None
    states = ground.language.state_batch(strings) if automaton else None
    measured = evaluate(model, ground.task, strings, states=states, batch_size=batch_size)
    plain = measured.as_json()
    low, high = measured.string_interval
    metrics = {
        "string_accuracy": {
            "value": measured.string_accuracy, "n": measured.strings.total,
            "low": low, "high": high,
        },
        "position_accuracy": {
            "value": measured.position_accuracy, "n": measured.positions.total,
        },
    }  # fmt: skip
    if measured.bits is not None:
        metrics["bit_accuracy"] = {"value": measured.bits.accuracy, "n": measured.bits.total}
    fitted = {found.kind: found for found in ground.baselines[window]}
    stateless = {kind: found.accuracy for kind, found in fitted.items()}
    stateless |= {
        f"best of the last {symbols} symbols": share
        for symbols, share in ground.optima[window].items()
    }
    best = max(fitted.values(), key=lambda found: found.accuracy)
    kind, value = max(stateless.items(), key=lambda item: item[1])
    unseen = ground.data.manifest["coverage"]["not_identifiable"].get(window, [])
    return {
        "strings": measured.strings.total,
        "metrics": metrics,
        "loss": plain["loss"],
        "first_errors": plain["first_errors"],
        "by_class": plain["by_class"],
        **({"by_transition": plain["by_transition"]} if by_transition else {}),
        "by_length": _by_length(strings, measured.string_right),
        "baselines": stateless,
        "best_baseline": {"kind": kind, "value": value},
        "baseline_by_length": _by_length(strings, best.right),
        "identifiable": not unseen,
        "unseen_transitions": unseen,
        "examples": _examples(ground, model, strings, measured.string_right),
    }


def right_prefix(ground: Material, model: nn.Module) -> dict[str, int] | None:
    """Of a nested language: how long a prefix of its longest test string is read without error.

    There the test strings are prefixes of one another, so that their share says nothing more; but
    for task `recognise`, which asks once a string.
    """
    if not ground.language.nested or ground.task.name == "recognise":
        return None
    strings = max(ground.data.bins.values(), key=lambda s: int(s.lengths.max(initial=0)))
    longest = strings.select(np.array([int(strings.lengths.argmax())]))
    measured = evaluate(model, ground.task, longest)
    inputs = int(ground.task.encode(longest).lengths[0])
    symbols = int(longest.lengths[0])
    first_error = next(iter(measured.first_errors), inputs)
    # Input t is answered after t symbols where the task reads `^` first, else after t + 1.
    return {"length": max(first_error - (inputs - symbols), 0), "of": symbols}


def _by_length(strings: Strings, right: BoolArray) -> dict[str, list[int]]:
    """For each length, how many strings are right, of how many."""
    return {
        str(length): [int(right[strings.lengths == length].sum()), int(count)]
        for length, count in zip(*np.unique(strings.lengths, return_counts=True), strict=True)
    }


def _examples(
    ground: Material, model: nn.Module, strings: Strings, right: BoolArray
) -> list[dict[str, Any]]:
    """The shortest wrong strings: where the first error is, what may follow, what the model said.

    Only of task `predict`, whose answers are sets of symbols.
    """
    if ground.task.name != "predict":
        return []
    wrong = np.flatnonzero(~right)
    shortest = wrong[np.argsort(strings.lengths[wrong], kind="stable")][:EXAMPLES]
    symbols = (*ground.language.alphabet, "$")[: ground.task.outputs]
    found = []
    model.eval()
    for row in shortest:
        example = ground.task.encode(strings.select(np.array([row])))
        with torch.no_grad():
            given = (model(torch.from_numpy(example.inputs))[0] > 0).numpy()
        expected = example.targets[0].astype(bool)
        errors = np.flatnonzero((given != expected).any(axis=1))
        if not len(errors):
            continue  # right when read alone: on the threshold, up to the order of summation
        position = int(errors[0])
        found.append(
            {
                "string": ground.language.decode(strings.tokens[row, : strings.lengths[row]]),
                "position": position,
                "expected": [s for s, bit in zip(symbols, expected[position], strict=True) if bit],
                "given": [s for s, bit in zip(symbols, given[position], strict=True) if bit],
            }
        )
    return found
