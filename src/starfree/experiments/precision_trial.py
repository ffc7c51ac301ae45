"""One trial of the precision experiment: a model, or single units, under every arithmetic."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

from torch import nn

from starfree.compiler.compile import compile
from starfree.experiments.events import Job, Progress
from starfree.experiments.ignore_stress import stress_points
from starfree.experiments.material import language_facts, material
from starfree.experiments.measurement import measure_bin
from starfree.experiments.precision import FLIPFLOP, ArithmeticSettings, PrecisionTrial, Target
from starfree.experiments.precision_measurement import Measured, counts, ignored_pairs
from starfree.experiments.running import trained_model, write_result
from starfree.languages.catalog import language
from starfree.training.outcome import TrainResult
from starfree.verification.number_formats import EXACT, FLUSHED, FixedFormat
from starfree.verification.one_unit import Trace, exact_margin, fixed_trace, float_trace, last_count

UNTRAINED = TrainResult("budget", 0, 0, 0.0, ())

# Dankowiakowski and Ronca 2025, Theorem 8: a write leaves a sign and at least 1/4, 1/2 from rest.
OPEN_GATE, WRITTEN = Fraction(3, 4), Fraction(1, 2)
MARGIN = Fraction(1, 8)
# A stored 1 under gates near 1: which formats give back what the gate takes?
NEAR_ONE = ("0.9", "0.99", "0.999", "0.9999")
FOLLOWED = 20_000  # updates of these


def run_precision_trial(job: Job, trial: PrecisionTrial, progress: Progress) -> None:
    """Run a trial from its last checkpoint, or from the start, to its `result.json`.

    Raises:
        InputError, StarfreeError: see `trained_model`, `compile`.
        OSError: the result cannot be written.
    """
    began = time.monotonic()
    spoken = language(trial.language)
    facts = {"language": language_facts(spoken), "bins": {}}
    if trial.made == "units":
        model: nn.Module = nn.Identity()
        write_result(job, model, UNTRAINED, facts | {"units": measure_units(trial)}, began)
        return
    if trial.made == "compiled":
        target: Target = "paper" if trial.options["target"] == "paper" else "mamba"
        model, trained = compile(spoken, target).model, UNTRAINED
    else:
        ground = material(trial)
        model, trained = trained_model(job, ground.task, ground.data, progress)
        facts["bins"] = {
            window: measure_bin(ground, model, window, trial.training.batch_size)
            for window in ground.data.bins
        }
    progress("testing", 1.0, None)
    model.eval()
    facts["arithmetics"] = measure(model, trial.language, trial.arithmetic)
    write_result(job, model, trained, facts, began)


def formats(settings: ArithmeticSettings) -> list[FixedFormat]:
    """All formats of fixed point."""
    return [
        FixedFormat(bits, truncate, outputs)
        for outputs in (False, True)
        for truncate in (False, True)
        for bits in sorted(settings.bits, reverse=True)
    ]


def measure(model: nn.Module, reference: str, settings: ArithmeticSettings) -> Measured:
    """Every arithmetic of the settings."""
    spoken, fixed = language(reference), formats(settings)
    if reference == FLIPFLOP:
        found = ignored_pairs(model, spoken, settings.floats, [], settings.ignored)
        return found | ignored_pairs(model, spoken, [], fixed, settings.ignored_fixed)
    return counts(model, spoken, settings.floats, fixed, settings.counts)


def measure_units(trial: PrecisionTrial) -> dict[str, Any]:
    """Single units: the open gates of MAT Theorem 8, a stored 1 under gates near 1, one counter.

    Returns:
        `sign` and `margin`: arithmetic -> `n`, `right`, `rows`, `settled` as `ignored_pairs` has
        them, an update a pair, for the bits 1 and 0; `kept`: gate -> arithmetic -> what is left
        of 1.0 (`left`), after how many updates it settled; `counts`: the last exact integer.
    """
    settings = trial.arithmetic
    points = [int(n) for n in stress_points(settings.ignored)]
    plain = [form for form in formats(settings) if not form.outputs]
    sign: Measured = {}
    margin: Measured = {}
    lost = exact_margin(OPEN_GATE, WRITTEN, MARGIN, settings.ignored)
    everything = len(points)
    sign[EXACT] = _row(points, [2] * everything, settled=0)
    held = [2 * (lost is None or n < lost) for n in points]
    margin[EXACT] = _row(points, held, settled=lost)
    names = [name for name in settings.floats if name != "float64"]
    traces: dict[str, tuple[Trace, Trace]] = {
        name: (
            float_trace(float(OPEN_GATE), float(WRITTEN), name, settings.ignored),
            float_trace(float(OPEN_GATE), -float(WRITTEN), name, settings.ignored),
        )
        for name in ([*names, FLUSHED] if "float32" in names else names)
    }
    traces |= {
        form.name: (
            fixed_trace(OPEN_GATE, WRITTEN, form, settings.ignored),
            fixed_trace(OPEN_GATE, -WRITTEN, form, settings.ignored),
        )
        for form in plain
    }
    for name, (one, zero) in traces.items():
        settled = None
        if one.settled is not None and zero.settled is not None:
            settled = max(one.settled, zero.settled)
        signs = [int(one.at(n) > 0) + int(zero.at(n) < 0) for n in points]
        margins = [int(one.at(n) >= MARGIN) + int(zero.at(n) <= -MARGIN) for n in points]
        sign[name] = _row(points, signs, settled)
        margin[name] = _row(points, margins, settled)
    kept: dict[str, Any] = {}
    for gate in NEAR_ONE:
        kept[gate] = {name: _left(float_trace(float(gate), 1.0, name, FOLLOWED)) for name in names}
        for form in plain:
            kept[gate][form.name] = _left(fixed_trace(Fraction(gate), Fraction(1), form, FOLLOWED))
    return {
        "sign": sign,
        "margin": margin,
        "kept": kept,
        "counts": {name: last_count(name) for name in names},
    }


def _row(points: list[int], right: list[int], settled: int | None) -> dict[str, Any]:
    return {"n": points, "right": right, "rows": 2, "settled": settled}


def _left(trace: Trace) -> dict[str, Any]:
    last = trace.values[-1] if trace.settled is None else trace.values[trace.settled]
    return {"left": last, "settled": trace.settled}
