"""Is a trained model wrong where its tests did not look? `refutation.json` beside a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starfree import __version__
from starfree.experiments.events import Job
from starfree.experiments.spec import RefutationSettings, Trial
from starfree.experiments.store import Store
from starfree.experiments.transfer import TransferTrial
from starfree.languages.catalog import language

_KEPT = ("domain", "family", "searched", "theorem", "collapse", "predicted")


def refutable(trial: Trial) -> bool:
    """Whether a trial answers with whole legal sets, or membership: what `refute` reads."""
    if isinstance(trial, TransferTrial):
        return trial.labels == "with $"
    return type(trial) is Trial and trial.task in ("predict", "recognise")


def refuted(store: Store, trial_hash: str, settings: RefutationSettings) -> bool:
    """Whether a trial was searched with these settings."""
    found = store.refutation(trial_hash)
    return found is not None and found["budget"] == settings.model_dump()


def words(found: Mapping[str, Any]) -> str:
    """What stands in a `refutation.json`, in a few words.

    >>> words({"status": "COUNTEREXAMPLE", "length": 1875, "word": "w1 (i0)^936 r"})
    'wrong at length 1,875 on w1 (i0)^936 r'
    """
    status, length = found["status"], found["length"]
    if status == "COUNTEREXAMPLE":
        return f"wrong at length {length:,} on {found['word']}"
    if status == "PROVEN_ALL_LENGTHS":
        return "proven right at every length"
    reason = ", though no such model can be right everywhere" if status == "UNKNOWN" else ""
    return f"no wrong string found, all up to length {length:,} are right{reason}"


def refute_trial(job: Job, settings: RefutationSettings) -> None:
    """Search a finished trial for a wrong string, and write down how that went.

    Raises:
        InputError: its weights are not there, or do not fit.
        OSError: it cannot be written.
    """
    from starfree.models.loading import load
    from starfree.verification.refutation import refute
    from starfree.verification.spelling import spelled

    store = Store(job.folder.parent.parent)
    spoken = language(job.trial.language)
    model = load(f"{store.folder}:{job.hash}").model
    found = refute(
        model,
        spoken,
        longest=settings.longest,
        seed=settings.seed,
        symbols=settings.symbols,
        task="recognise" if job.trial.task == "recognise" else "predict",
    ).to_json()
    wrong = found["counterexample"]
    told: dict[str, Any] = {
        "format": 1,
        "status": found["status"],
        # Of the wrong string; without one, all strings up to this length are right.
        "length": wrong["position"] if wrong else found["length"],
        "word": None,
        "counterexample": wrong,
        **{name: found[name] for name in _KEPT},
        "budget": settings.model_dump(),
        "seconds": found["seconds"],
        "version": __version__,
        "commit": job.commit,
    }
    if wrong:
        told["word"] = spelled(spoken.encode(wrong["string"]).tolist(), spoken.decode)
    store.save_refutation(job.hash, told)
