"""What the authors' released strings are, language by language: read off their folders."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class PublishedData:
    """The released folder of one language of the suite.

    Attributes:
        in_length: strings of the in-length bin.
        in_training: of these, strings that training showed.
        windows: lengths that really occur, as `52-100`, bin by bin; the first one is also that of
            training.
        remark: what else sets the strings or labels apart from members drawn uniformly with legal
            sets; empty where nothing does.
    """

    language: str
    in_length: int
    in_training: int
    windows: tuple[str, ...]
    remark: str


@cache
def published_data() -> dict[str, PublishedData]:
    """By the catalog's name."""
    source = files("starfree.experiments").joinpath("published_data.csv")
    with source.open(encoding="utf-8") as stream:
        return {
            row["language"]: PublishedData(
                language=row["language"],
                in_length=int(row["in_length"]),
                in_training=int(row["in_training"]),
                windows=tuple(row["windows"].split(";")),
                remark=row["remark"],
            )
            for row in csv.DictReader(stream)
        }
