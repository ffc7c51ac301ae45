"""Do the training strings of an experiment determine its languages? Kept beside its trials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starfree.data.passive import Determined, determined
from starfree.errors import StarfreeError
from starfree.experiments.material import draw_data
from starfree.experiments.resolution import language_file
from starfree.experiments.spec import Experiment
from starfree.experiments.store import Store
from starfree.files import write_json
from starfree.languages.catalog import language

FILE = "determined.json"
TASKS = ("predict", "recognise")


def determine(store: Store, experiment: Experiment) -> None:
    """Ask a passive learner about each training set that has a trial and was not asked about yet.

    A second or two a language, some more where it counts.

    Raises:
        OSError: it cannot be written.
    """
    if experiment.task not in TASKS or type(experiment) is not Experiment:
        return
    told = _read(store.folder)
    names = {result["trial"]["language"] for result in store.results().values()}
    for name in experiment.languages:
        key = _key(name, experiment)
        if name not in names or told.get(name, {}).get("data") == key:
            continue
        try:
            spoken = language(name)
            train = draw_data(spoken, experiment.task, experiment.protocol, experiment.data).train
        except StarfreeError:
            continue  # its trials say why
        found = determined(spoken, train, experiment.task == "recognise")
        told[name] = {"data": key, **asdict(found)}
        write_json(store.folder / FILE, {"format": 1, "languages": told})


def read_determined(folder: Path) -> dict[str, Determined]:
    """What was found, by language as the spec names it."""
    found = {}
    for name, value in _read(folder).items():
        fields = {key: part for key, part in value.items() if key != "data"}
        for name_of in ("expected", "given"):
            if fields[name_of] is not None:
                fields[name_of] = tuple(fields[name_of])
        found[name] = Determined(**fields)
    return found


def _key(name: str, experiment: Experiment) -> dict[str, Any]:
    return {
        "language_file": language_file(name),
        "task": experiment.task,
        "protocol": experiment.protocol,
        **experiment.data.model_dump(mode="json"),
    }


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    """The file's content; nothing where it is not there or damaged."""
    try:
        value = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = value.get("languages") if isinstance(value, Mapping) else None
    return dict(known) if isinstance(known, Mapping) else {}
