"""YAML as people write it: `1e-3` is a number, and a key given twice is a mistake."""

from __future__ import annotations

import re
from typing import Any

import yaml

from starfree.errors import InputError


class _Loader(yaml.SafeLoader):
    """YAML 1.2's floats (1.1 reads `1e-3` as a word) and no silent overwriting of keys."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if isinstance(key, str) and key in seen:
            raise InputError(f"line {line}: {key!r} was given before, on line {seen[key]}")
        seen[key] = line
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(text: str) -> Any:
    """The value of a YAML document.

    Raises:
        InputError: it is not YAML, or a key is given twice; says on which line.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InputError(f"{where}not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {' '.join(str(error).split())}") from error
