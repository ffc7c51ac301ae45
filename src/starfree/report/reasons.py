"""Why one of our numbers differs from the published one, as far as runs show it.

Three things set our sound numbers apart from the published ones: the data (strings, windows,
labels), the run (width, rate, budget, which epoch), and chance (they are single runs without a
seed). The same language and model under the published protocol holds the data equal: if it agrees
there, the data made the difference; if it differs there too, the run did, or chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import floor
from typing import Any

from starfree.experiments.published_data import published_data
from starfree.experiments.spec import bounds
from starfree.report.comparison import Compared
from starfree.report.numbers import dash, points

Key = tuple[str, str, int | None, str]

_SLACK = 2  # symbols
_OVERLAP = 0.1  # of the bin's strings: from here on training strings are worth a word


def key(number: Compared) -> Key:
    """Which published number it stands beside."""
    published = number.published
    return published.language, published.model, published.layers, published.bin


def reason(number: Compared, under_published: Mapping[Key, Compared]) -> str:
    """Why the number differs, as far as runs show it; empty if it agrees or was not run.

    Args:
        number: under the sound protocol.
        under_published: the same numbers under the published protocol.
    """
    if number.status != "differs":
        return ""
    data = "; ".join(_data(number))
    same = under_published.get(key(number))
    if same is None or same.measured is None:
        return f"{data or 'other strings'}; not run on the published data"
    ours = points(same.measured.accuracy)
    if same.status == "agrees":
        return f"the data: on the published {ours}" + (f" ({data})" if data else "")
    return f"not the data alone: on the published {ours}; theirs is the best of a grid, one run"


def reason_as_published(number: Compared, curve: Sequence[Mapping[str, Any]], strings: int) -> str:
    """Why the number differs on the authors' own data: the epoch, if our curve shows it.

    The published cell is the best of a grid, at an epoch that is not recorded; ours is one point of
    the grid, at the last epoch.

    Args:
        number: under the published protocol.
        curve: of our run, with the share of right strings by window.
        strings: of a window that a point of the curve reads at most.
    """
    if number.status != "differs" or number.measured is None:
        return ""
    if number.measured.accuracy > number.published.value:
        return "ours is higher; one run each, another point of the grid"
    strings = min(strings, number.measured.strings)
    right = [round(point["bins"][number.measured.window] * strings) for point in curve]
    if not right:
        return "one run each, another point of the grid"
    best = max(right)
    shown = f"{points(best / strings)} on {strings} of the strings"
    if best < floor(number.published.value * strings):
        return f"not the epoch: never above {shown}"
    if right[-1] == best:
        return f"a few strings: {shown} at the last check"
    return f"the epoch: {shown} at check {right.index(best) + 1} of {len(right)}"


def _data(number: Compared) -> Iterator[str]:
    """How the published strings of a bin differ from ours."""
    facts = published_data()[number.published.language]
    rank = int(number.published.bin)
    if rank == 0 and facts.in_training >= _OVERLAP * facts.in_length:
        yield f"{facts.in_training} of their {facts.in_length} strings are in training"
    theirs = facts.windows[rank]
    if number.measured is not None and not _alike(theirs, number.measured.window):
        trained = f", trained on {dash(facts.windows[0])}" if rank else ""
        yield f"their lengths {dash(theirs)}, ours {dash(number.measured.window)}{trained}"
    if facts.remark:
        yield facts.remark


def _alike(one: str, other: str) -> bool:
    """Whether two windows are the same but for lengths that have no members."""
    ends = zip(bounds(one), bounds(other), strict=True)
    return all(abs(a - b) <= _SLACK for a, b in ends)
