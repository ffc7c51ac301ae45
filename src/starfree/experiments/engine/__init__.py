"""Where trials run. `ray.py` is imported by those only who ask for it."""

from starfree.experiments.engine.contract import ATTEMPTS, RUNNER, Engine, Report, Runner
from starfree.experiments.engine.local import LocalEngine, available_cores

__all__ = ["ATTEMPTS", "RUNNER", "Engine", "LocalEngine", "Report", "Runner", "available_cores"]
