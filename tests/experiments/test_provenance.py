"""What a result says about the machine."""

import json
from pathlib import Path

import pytest

from starfree.experiments.provenance import machine
from starfree.models.scan import library


def test_the_path_that_computes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = machine()["kernels"]
    if library.library() is None:
        assert kernels == {"compiled": False, "why": library.status().summary}
    else:
        assert kernels["compiled"]
        assert kernels["vector_bits"] == library.status().vector_bits
        assert "-ffp-contract=off" in kernels["flags"]
        assert "/" not in kernels["library"] + kernels["compiler"]
    monkeypatch.setenv(library.SWITCH, "off")
    assert machine()["kernels"] == {
        "compiled": False,
        "why": "plain PyTorch: STARFREE_KERNELS is off",
    }
    assert str(Path.home()) not in json.dumps(machine())
