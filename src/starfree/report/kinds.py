"""Which report an experiment with fields of its own has."""

from __future__ import annotations

from starfree.experiments.basin import BasinExperiment
from starfree.experiments.bounded_dyck import BoundedDyckExperiment
from starfree.experiments.certified import CertifiedExperiment
from starfree.experiments.flipflop import FlipflopExperiment
from starfree.experiments.plan import read_plan
from starfree.experiments.precision import PrecisionExperiment
from starfree.experiments.search.experiment import SearchExperiment
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
    if isinstance(experiment, FlipflopExperiment):
        report = flipflop_report(experiment, store)
    elif isinstance(experiment, BoundedDyckExperiment):
        report = bounded_dyck_report(experiment, store)
    elif isinstance(experiment, TransferExperiment):
        report = transfer_report(experiment, store)
    elif isinstance(experiment, PrecisionExperiment):
        report = precision_report(experiment, store)
    elif isinstance(experiment, SearchExperiment):
        report = search_report(experiment, store)
    elif isinstance(experiment, BasinExperiment):
        report = basin_report(experiment, store)
    elif isinstance(experiment, CertifiedExperiment):
        report = certified_report(experiment, store)
    else:
        return None
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
