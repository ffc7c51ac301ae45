"""How numbers are written: rates as % with one decimal, windows with a dash, times in words."""

from __future__ import annotations


def percent(rate: float) -> str:
    """`99.2 %`; what is not 0 or 1 is never rounded to it."""
    return f"{points(rate)} %"


def points(rate: float) -> str:
    """`99.2`; what is not 0 or 1 is never rounded to it."""
    if rate in (0.0, 1.0):
        return "100" if rate else "0"
    return f"{min(max(100 * rate, 0.1), 99.9):.1f}"


def signed(difference: float) -> str:
    """`+1.2`, `−0.4`: a difference of two rates in points."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def dash(window: str) -> str:
    """`51–100` of `51-100`; `101–150, bin 2` of `101-150#2`, the second bin of a window."""
    lengths, _, which = window.partition("#")
    return lengths.replace("-", "–") + (f", bin {which}" if which else "")


def duration(seconds: float) -> str:
    """`1 h 05 min`, `2 min 05 s`, `40 s`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
