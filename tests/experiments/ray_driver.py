"""A driver as a process of its own: runs a spec on a Ray cluster, prints every event as JSON."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from starfree.experiments.builtin import load
from starfree.experiments.engine.ray import RayEngine
from starfree.experiments.execution import Run
from starfree.experiments.store import Store


def main():
    spec, out, address, runner, seconds = sys.argv[1:]
    experiment, _ = load(spec)
    engine = RayEngine(address, None, f"ray_runners:{runner}", float(seconds))

    def watch(event):
        shown = {"kind": type(event).__name__, "at": time.time(), **asdict(event)}
        print(json.dumps(shown), flush=True)

    store = Store(Path(out))
    with store.lock():
        Run(experiment, store, engine, watch=watch).run()


if __name__ == "__main__":
    main()
