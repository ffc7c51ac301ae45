"""In which forms a run's numbers can be had. Nothing heavy is imported: the help lists them."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What a run's numbers can be written as."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    LATEX = "latex"
