"""The precision experiment in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starfree.experiments.precision import FLIPFLOP
from starfree.experiments.precision_trial import MARGIN
from starfree.report.precision_cells import Cell, Measured, reach

SIGN, MARGIN_READING = "one unit, sign", f"one unit, margin {MARGIN}"


def findings(cells: Sequence[Cell], units: Measured | None) -> Iterator[str]:
    """A sentence a model, then what single units keep."""
    for cell in cells:
        names = dict.fromkeys(name for one in cell.measured for name in one)
        by_reach: dict[str, list[str]] = {}
        for name in names:
            by_reach.setdefault(cell.spread(name), []).append(name)
        what = "keeps the bit" if cell.language == FLIPFLOP else "counts"
        said = "; ".join(
            f"{_distance(text, cell.language)} in {listed(who)}" for text, who in by_reach.items()
        )
        yield f"{cell.language}, {cell.model}: {what} {said}."
        if kept := _kept_in_the_end(cell):
            seeds = ", ".join(f"{name} ({count})" for name, count in kept.items())
            yield (
                f"{cell.language}, {cell.model}: after however many ignored pairs, all answers are "
                f"right in {seeds}: so many of {len(cell.results)} seeds."
            )
    if units is None:
        return
    for key, title in (("sign", SIGN), ("margin", MARGIN_READING)):
        ever = [name for name, one in units[key].items() if reach(one).ever]
        lost = {name: reach(one) for name, one in units[key].items() if not reach(one).ever}
        text = f"{title} (gates 3/4 and 1/4): right for ever in {listed(ever) or 'no arithmetic'}"
        if lost:
            last = [one.right_to for one in lost.values()]
            span = " to ".join(dict.fromkeys([str(min(last)), str(max(last))]))
            text += f"; up to {span} updates only in {listed(list(lost))}"
        yield text + "."
    limits = ", ".join(f"{count:,} in {name}" for name, count in units["counts"].items())
    yield f"Counting up by ones stands still at {limits} (measured)."


def _kept_in_the_end(cell: Cell) -> dict[str, int]:
    """Of what was trained: arithmetic -> seeds whose states settled with all answers right."""
    if cell.language != FLIPFLOP or cell.results[0]["trial"]["made"] != "trained":
        return {}
    found: dict[str, int] = {}
    for one in cell.measured:
        for name, measured in one.items():
            if measured["settled"] is not None and measured["right"][-1] == measured["rows"]:
                found[name] = found.get(name, 0) + 1
    return found


def _distance(text: str, name: str) -> str:
    unit = " ignored pairs" if name == FLIPFLOP else ""
    low, among, high = text.partition(" to ")
    if among:  # seed by seed
        low, high = ("none" if low == "never" else low), ("all" if high == "for ever" else high)
        return f"to between {low} and {high}{unit}"
    return text if text in ("for ever", "never") else f"to {text}{unit}"


def listed(names: Sequence[str]) -> str:
    """Names in few words: `8, 4 bits nearest`; the two scopes of rounding together."""
    floats = [name for name in names if "bits" not in name]
    fixed: dict[str, list[str]] = {}
    for name in names:
        if name not in floats:
            number, _, rest = name.partition(" bits, ")
            fixed.setdefault(rest, []).append(number)
    told = [name.replace(", ", ", with ") for name in floats]
    outputs = ", outputs too"
    for rest, bits in fixed.items():
        alone = rest.removesuffix(outputs)
        if rest != alone and fixed.get(alone) == bits:
            continue  # said with the state alone
        both = rest == alone and fixed.get(rest + outputs) == bits
        scope = "" if both else " (state alone)" if rest == alone else " (outputs too)"
        told.append(f"{'/'.join(bits)} bits {alone}{scope}")
    return ", ".join(told)
