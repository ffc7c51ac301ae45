"""starfree: a laboratory for one question: what can a sequence model compute?

The verbs of the command line, as functions; each is imported when it is first used, so that
``import starfree`` is quick and needs no torch.

    >>> import starfree
    >>> starfree.language("d-2").accepts([0, 0, 1, 1])
    True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from starfree.algebra.classify import classify as classify
    from starfree.compiler.compile import compile as compile
    from starfree.compiler.folder import save as save
    from starfree.data.sampling import sample as sample
    from starfree.data.splits import make_splits as make_splits
    from starfree.experiments.execution import run as run
    from starfree.languages.catalog import language as language
    from starfree.models.loading import load as load
    from starfree.models.model import build as build
    from starfree.verification.certificate import certify as certify

_HOMES = {
    "language": "starfree.languages.catalog",
    "sample": "starfree.data.sampling",
    "make_splits": "starfree.data.splits",
    "build": "starfree.models.model",
    "load": "starfree.models.loading",
    "classify": "starfree.algebra.classify",
    "compile": "starfree.compiler.compile",
    "save": "starfree.compiler.folder",
    "certify": "starfree.verification.certificate",
    "run": "starfree.experiments.execution",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'starfree' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
