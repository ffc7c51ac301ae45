"""The precision experiment in one figure, tables and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from starfree.algebra.classify import classify
from starfree.algebra.verdict import NONNEGATIVE, REALS, Verdict
from starfree.experiments.plan import PlannedTrial, read_plan
from starfree.experiments.precision import COUNTERS, FLIPFLOP, PrecisionExperiment
from starfree.experiments.precision_trial import FOLLOWED, NEAR_ONE
from starfree.experiments.store import Store
from starfree.languages.catalog import language
from starfree.report.page import draw
from starfree.report.precision_cells import Cell, Measured, Result, gather, reach, units_alone
from starfree.report.precision_figure import Decay, Group, Kept, Panel, Strip, precision_figure
from starfree.report.precision_findings import MARGIN_READING, SIGN, findings
from starfree.report.sections import Report, Row, Table
from starfree.verification.number_formats import EXACT, FLUSHED, FixedFormat, verdict_row
from starfree.verification.one_unit import fixed_trace

_QUESTION = (
    "The same weights, evaluated in floats and in fixed point with p fractional bits: for how many "
    "ignored pairs is a written bit kept, and how far is a count right? Compiled models have gates "
    "of exactly 0 and 1, trained ones gates inside (0, 1); one unit shows what the arithmetic does "
    "by itself. Beside each arithmetic stands the verdict of the theorems: whether weights exist "
    "at all that are right at every length."
)
_CAPTION = (
    "A strip an arithmetic: blue where all answers are right, vermilion where all are wrong (mean "
    "over seeds); ∞: the state came back, so that the answer at the right end holds for every "
    "larger n. Labels at the left: the verdict on non-negative diagonal models under that "
    "arithmetic, sign reading. Fixed point rounds the state after every update. A grey line was "
    "not measured. Below: a stored 1 under a gate a, and what is left of it in the end."
)
_DECAYS = ((Fraction("0.99"), 8, 5_000), (Fraction("0.999"), 12, 20_000))


def precision_report(experiment: PrecisionExperiment, store: Store) -> Report:
    """Everything that is known of the experiment so far."""
    _, planned = read_plan(store.folder)
    results = store.results()
    cells = gather(planned, results)
    units = units_alone(planned, results)
    names = _arithmetics(experiment)
    verdicts = {name: _verdicts(name, names) for name in experiment.languages}
    drawings = []
    if cells or units:
        figure = precision_figure(
            list(_groups(cells, units, experiment, verdicts)), names, _decays(), _kept(units)
        )
        drawings.append(draw("precision", figure, _CAPTION))
    return Report(
        question=_QUESTION,
        findings=list(findings(cells, units)),
        caveats=list(_caveats(planned, results, experiment)),
        drawings=drawings,
        tables=list(_tables(cells, units, experiment, verdicts)),
        rows=[row for cell in cells for row in _rows(cell, experiment)],
    )


def _arithmetics(experiment: PrecisionExperiment, outputs: bool = False) -> list[str]:
    """In the order of reports: exact, floats, fixed point to nearest, truncated."""
    settings = experiment.arithmetic
    floats = [*settings.floats]
    if "float32" in floats:
        floats.insert(floats.index("float32") + 1, FLUSHED)  # type: ignore[arg-type]
    fixed = [
        FixedFormat(bits, truncate, outputs).name
        for truncate in (False, True)
        for bits in sorted(settings.bits, reverse=True)
    ]
    return fixed if outputs else [EXACT, *floats, *fixed]


def _verdicts(name: str, arithmetics: Sequence[str]) -> dict[str, Verdict]:
    """Of non-negative diagonal models, task predict, sign reading."""
    return {one: _verdict(name, "sign", verdict_row(one)) for one in arithmetics}


@lru_cache
def _judged(name: str) -> tuple[Verdict, ...]:
    return classify(language(name)).verdicts


def _verdict(name: str, reading: str, arithmetic: str) -> Verdict:
    asked = (NONNEGATIVE, "predict", reading, arithmetic)
    return next(
        verdict
        for verdict in _judged(name)
        if (verdict.architecture, verdict.task, verdict.reading, verdict.arithmetic) == asked
    )


def _groups(
    cells: Sequence[Cell],
    units: Measured | None,
    experiment: PrecisionExperiment,
    verdicts: Mapping[str, Mapping[str, Verdict]],
) -> Iterator[Group]:
    """The flip-flop above, the counters below."""
    panels = [_panel(cell) for cell in cells if cell.language == FLIPFLOP]
    if units is not None:
        margin = _verdict(FLIPFLOP, "margin g", REALS).answer
        titles = {"sign": SIGN, "margin": f"{MARGIN_READING}\n(exact reals: {margin})"}
        for key, title in titles.items():
            panels.append(Panel(title, {name: _strip([one]) for name, one in units[key].items()}))
    if panels:
        answers = {name: v.answer for name, v in verdicts[FLIPFLOP].items()}
        yield Group("ignored pairs", answers, panels)
    counted = [cell for cell in cells if cell.language in COUNTERS]
    if counted:
        answers = {name: v.answer for name, v in verdicts[counted[0].language].items()}
        counted.sort(key=lambda cell: COUNTERS.index(cell.language))
        shown = [_panel(cell, f"{cell.language}: {cell.model}") for cell in counted]
        yield Group("n", answers, shown)


def _panel(cell: Cell, title: str = "") -> Panel:
    seeds = f" ({len(cell.results)} seeds)" if len(cell.results) > 1 else ""
    names = dict.fromkeys(name for one in cell.measured for name in one)
    strips = {name: _strip([one[name] for one in cell.measured]) for name in names}
    text = (title or cell.model).replace(", 1 layer", "") + seeds
    return Panel(text.replace(": ", ":\n"), strips)


def _strip(measured: Sequence[Measured]) -> Strip:
    known = [
        point for point in range(len(measured[0]["n"]))
        if all(point < len(one["n"]) for one in measured)
    ]  # fmt: skip
    share = [
        sum(one["right"][point] for one in measured) / sum(one["rows"] for one in measured)
        for point in known
    ]
    ever = all(one.get("settled") is not None for one in measured)
    return Strip(measured[0]["n"], share, ever)


def _decays() -> list[Decay]:
    found = []
    for gate, bits, updates in _DECAYS:
        traces = {
            name: fixed_trace(gate, Fraction(1), FixedFormat(bits, truncate), updates)
            for name, truncate in (("to nearest", False), ("truncated", True))
        }
        curves: dict[str, list[float]] = {
            "exact": [float(gate) ** n for n in range(1, updates + 1)]
        }
        for name, trace in traces.items():
            curves[name] = [trace.at(n) for n in range(1, updates + 1)]
        last = traces["to nearest"].at(updates)
        found.append(
            Decay(f"gate {float(gate):g}, {bits} bits: to nearest it stays at {last:.3f}", curves)
        )
    return found


def _kept(units: Measured | None) -> Kept:
    if units is None:
        return Kept([], {})
    names = next(iter(units["kept"].values()))
    return Kept(
        NEAR_ONE,
        {name: {gate: units["kept"][gate][name]["left"] for gate in NEAR_ONE} for name in names},
    )


def _caveats(
    planned: Sequence[PlannedTrial],
    results: Mapping[str, Result],
    experiment: PrecisionExperiment,
) -> Iterator[str]:
    finished = sum(trial.hash in results for trial in planned)
    if finished < len(planned):
        yield f"{finished} of {len(planned)} planned trials are finished."
    yield (
        "A verdict is about the best weights, a strip about one model: where theory says can, a "
        "trained model may still forget, and a compiled one may need arithmetic that rounds to "
        "nearest."
    )
    yield (
        f"States of fixed point that were still changing after "
        f"{experiment.arithmetic.ignored_fixed:,} ignored pairs were followed no further."
    )
    if len(experiment.seeds) < 5:
        yield f"{len(experiment.seeds)} seeds: claims about training are provisional."


def _tables(
    cells: Sequence[Cell],
    units: Measured | None,
    experiment: PrecisionExperiment,
    verdicts: Mapping[str, Mapping[str, Verdict]],
) -> Iterator[Table]:
    names = [*_arithmetics(experiment), *_arithmetics(experiment, outputs=True)]
    for name in experiment.languages:
        own = [cell for cell in cells if cell.language == name]
        header = ["arithmetic", "verdict", "theorem", *(cell.model for cell in own)]
        columns = [{one: cell.spread(one) for one in names} for cell in own]
        if name == FLIPFLOP and units is not None:
            for title, key in ((SIGN, "sign"), (MARGIN_READING, "margin")):
                header.append(title)
                told = {one: str(reach(found)) for one, found in units[key].items()}
                columns.append({one: told.get(one, "–") for one in names})
        rows = []
        for one in names:
            if all(column[one] == "–" for column in columns):
                continue
            verdict = verdicts[name].get(one) or verdicts[name][one.removesuffix(", outputs too")]
            said = [column[one] for column in columns]
            rows.append([one, verdict.answer, verdict.theorem or "–", *said])
        if rows:
            what = "ignored pairs up to which" if name == FLIPFLOP else "n up to which"
            yield Table(
                f"{name}: {what} all answers are right",
                header,
                rows,
                "Several seeds: smallest to largest. For ever: the state came back. The verdict "
                "is on non-negative diagonal models, task predict, sign reading; for exact "
                "numbers on gates strictly inside (0, 1).",
            )
    if units is not None:
        yield Table(
            f"What is left of a stored 1 after {FOLLOWED:,} updates, by gate",
            ["arithmetic", *NEAR_ONE],
            [
                [name, *(f"{units['kept'][gate][name]['left']:.4g}" for gate in NEAR_ONE)]
                for name in units["kept"][NEAR_ONE[0]]
            ],
            "In fixed point to nearest 1.0 itself stays iff 1 - a is at most 2^-(p+1).",
        )


def _rows(cell: Cell, experiment: PrecisionExperiment) -> Iterator[Row]:
    flipflop = cell.language == FLIPFLOP
    for planned, result, measured in zip(cell.planned, cell.results, cell.measured, strict=True):
        trial = result["trial"]
        for name, one in measured.items():
            common = {
                "experiment": experiment.name,
                "language": cell.language,
                "model": cell.model,
                "layers": trial["options"].get("layers", ""),
                "protocol": name,
                "train_data": trial["made"],
                "test_data": "ignored pairs" if flipflop else "counts",
                "seed": planned.seed,
                "n": one["rows"],
                "low": None,
                "high": None,
                "published": None,
                "trial_hash": planned.hash,
                "commit": result["commit"] or "",
            }
            found = reach(one)
            yield Row(
                bin=f"1-{one['n'][-1]}", metric="right_to", value=found.right_to, baseline=None,
                baseline_kind="", **common,
            )  # fmt: skip
            for n, right in zip(one["n"], one["right"], strict=True):
                if flipflop and n not in _DECADES:
                    continue
                yield Row(
                    bin=f"{n}-{n}", metric="accuracy", value=right / one["rows"],
                    baseline=0.5 if flipflop else 0.0,
                    baseline_kind="one bit at every read" if flipflop else "none is right",
                    **common,
                )  # fmt: skip


_DECADES = {10**k for k in range(6)}
