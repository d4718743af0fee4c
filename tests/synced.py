"""Notes what is synced, and what it was at that moment."""

from __future__ import annotations

import os
from typing import NamedTuple

import pytest

from runforge.files import together


def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the kernel's queue away: each file is then synced by a call of os.fsync."""
    monkeypatch.setattr(together, "_queue", lambda _pid: None)


class Sync(NamedTuple):
    """One file or folder as it was synced."""

    path: str
    size: int


class Synced:
    """All that this process syncs from now on, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.all: list[Sync] = []
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self._noted)
        one_by_one(monkeypatch)

    def _noted(self, descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        self.all.append(Sync(path, os.fstat(descriptor).st_size))
        self._sync(descriptor)

    @property
    def names(self) -> list[str]:
        """The names without their folders."""
        return [os.path.basename(sync.path) for sync in self.all]
