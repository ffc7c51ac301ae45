"""Which report an experiment with fields of its own has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starfree.experiments.basin import BasinExperiment
from starfree.experiments.bounded_dyck import BoundedDyckExperiment
from starfree.experiments.certified import CertifiedExperiment
from starfree.experiments.flipflop import FlipflopExperiment
from starfree.experiments.plan import read_plan
from starfree.experiments.precision import PrecisionExperiment
from starfree.experiments.search.experiment import SearchExperiment
from starfree.experiments.spec import Experiment
from starfree.experiments.store import Store
from starfree.experiments.transfer import TransferExperiment
from starfree.files import write_json
from starfree.report.basin_report import basin_report
from starfree.report.bounded_dyck_report import bounded_dyck_report
from starfree.report.build import PAGE, RESULTS
from starfree.report.certified_report import certified_report
from starfree.report.flipflop_report import flipflop_report
from starfree.report.precision_report import precision_report
from starfree.report.search_report import search_report
from starfree.report.sections import Report, write_report
from starfree.report.transfer_report import transfer_report


def build_own_report(store: Store) -> Report | None:
    """Write the report beside the trials; None for an experiment that `build_report` reports.

    Raises:
        InputError: the folder is no run's folder.
        OSError: something cannot be written.
    """
    experiment, _ = read_plan(store.folder)
    write = next((write for kind, write in _REPORTS if isinstance(experiment, kind)), None)
    if write is None:
        return None
    report = write(experiment, store)
    write_json(
        store.folder / RESULTS,
        {
            "format": 1,
            "experiment": experiment.plain(),
            "trials": [{"hash": name, **result} for name, result in store.results().items()],
        },
    )
    write_report(store, PAGE, report, experiment)
    return report


_REPORTS: list[tuple[type[Experiment], Callable[[Any, Store], Report]]] = [
    (FlipflopExperiment, flipflop_report),
    (BoundedDyckExperiment, bounded_dyck_report),
    (TransferExperiment, transfer_report),
    (PrecisionExperiment, precision_report),
    (SearchExperiment, search_report),
    (BasinExperiment, basin_report),
    (CertifiedExperiment, certified_report),
]
