"""The bounded-Dyck experiment: depth, width and learning rate of a Mamba on Dyck(8, 10).

The strings are the authors' files. Every learning rate is run with every depth and width, and all
are reported: the published comparison gave one rate to one layer and ten times it to two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2
from typing import Literal

from pydantic import Field, PositiveInt

from starfree.data.bounded_dyck import PAIRS
from starfree.experiments.spec import DataSettings, Experiment, ModelSpec, Strict, Trial

DEPTH = 10
LANGUAGE = f"dyck-{PAIRS}-{DEPTH}"

FileName = Literal["m10-train", "m10-dev", "m10-test", "m15-test", "m20-test"]


class DyckTest(Strict):
    """Strings that trained models are tested on.

    Attributes:
        name: in reports.
        file: of the authors' (`data.bounded_dyck.FILES`).
        bound: of the evaluator's stack.
    """

    name: str
    file: FileName
    bound: PositiveInt = DEPTH


class BoundedDyckTrial(Trial):
    """A trial of this experiment; of `data` nothing counts.

    Attributes:
        train_strings: of the authors' training file, from its start; by default all.
        tests: what is measured.
        test_strings: of each file, from its start; by default all.
    """

    train_strings: PositiveInt | None = None
    tests: tuple[DyckTest, ...]
    test_strings: PositiveInt | None = None


class BoundedDyckExperiment(Experiment):
    """See the module.

    Attributes:
        layout: `head` gives every model an output layer; `published` takes its last norm for the
            logits, so that its width is the number of classes, most of which never occur.
    """

    kind: Literal["bounded-dyck"]
    languages: tuple[str, ...] = (LANGUAGE,)
    layout: Literal["head", "published"] = "head"
    train_strings: PositiveInt | None = None
    tests: tuple[DyckTest, ...] = Field(min_length=1)
    test_strings: PositiveInt | None = None

    @property
    def choosing(self) -> bool:
        """Every rate is a result."""
        return False

    @property
    def in_order(self) -> bool:
        """Trials run as written, narrow models first."""
        return True

    def trials(
        self, seeds: Sequence[int], rates: Mapping[tuple[str, str], float] | None = None
    ) -> list[tuple[ModelSpec, Trial]]:
        """The trials of some seeds, model by model; see `Experiment.trials`."""
        del rates
        return [(model, self._own(trial)) for model, trial in super().trials(seeds)]

    def _own(self, trial: Trial) -> BoundedDyckTrial:
        options = dict(trial.options)
        if self.layout == "published":
            options |= {"head": "none", "head_bias": False}
        return trial.extended(
            BoundedDyckTrial,
            options=options,
            data=DataSettings(),
            train_strings=self.train_strings,
            tests=self.tests,
            test_strings=self.test_strings,
        )


def state_numbers(options: Mapping[str, bool | int | float | str]) -> int:
    """Numbers that a Mamba carries from symbol to symbol: scan states and convolution windows."""
    layers, width, expand, states, window = (
        int(options[name]) for name in ("layers", "d_model", "expand", "d_state", "d_conv")
    )
    return layers * width * expand * (states + window - 1)


def information_bound(types: int = PAIRS, depth: int = DEPTH) -> float:
    """Bits to tell the stacks of Dyck(K, H) apart: about H log2 K (Hewitt et al. 2020)."""
    return log2(sum(types**height for height in range(depth + 1)))
