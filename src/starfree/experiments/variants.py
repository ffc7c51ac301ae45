"""A spec at another scale or under another protocol: the few fields in which they differ.

A spec file may hold, beside its own fields,

    scales:
      smoke: {seeds: [0], training: {tokens: 10_000}}
    protocols:
      published: {task: published, protocol: published}

An override replaces the field it names; `data` and `training` are replaced field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starfree.errors import InputError

KINDS = {"scale": "scales", "protocol": "protocols"}
FULL = "full"  # the scale of a spec without overrides


def vary(value: Mapping[str, Any], source: str, wanted: Mapping[str, str | None]) -> dict[str, Any]:
    """The spec's own fields, with the overrides of the wanted variants.

    Its name gets the names of the variants as a tail, so that each has a folder of its own.

    Args:
        value: a spec as read, with `scales` and `protocols` if it has any.
        source: its name, for messages.
        wanted: a name, or None, for `scale` and `protocol`.

    Raises:
        InputError: the spec has no such variant, or an override is no mapping.
    """
    varied = {name: field for name, field in value.items() if name not in KINDS.values()}
    own = {"scale": FULL, "protocol": value.get("protocol", "sound")}
    # The scale last: a smoke test of the published protocol is small too.
    for kind in ("protocol", "scale"):
        name = wanted.get(kind)
        if name is None or name == own[kind]:
            continue
        overrides = _variants(value, kind, source)
        if name not in overrides:
            known = ", ".join([own[kind], *overrides])
            raise InputError(f"{source}: no {kind} {name!r} (it has: {known})")
        varied = _override(varied, overrides[name])
        varied["name"] = f"{varied.get('name', '')}-{name}"
    return varied


def _variants(value: Mapping[str, Any], kind: str, source: str) -> Mapping[str, Any]:
    found = value.get(KINDS[kind], {})
    if not isinstance(found, dict) or not all(isinstance(v, dict) for v in found.values()):
        raise InputError(f"{source}: {KINDS[kind]}: names, each with the fields that it changes")
    return found


def _override(value: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(value)
    for name, field in change.items():
        old = merged.get(name)
        merged[name] = field
        if isinstance(old, dict) and isinstance(field, dict):
            merged[name] = {**old, **field}
    return merged
