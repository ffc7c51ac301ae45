"""Searches of made results write hundreds of small files: spare them the wait for the disk."""

import os

import pytest

from starfree.experiments.store import Store


@pytest.fixture
def quick_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(Store, "add_to_index", lambda store, trial_hash: None)
