"""A made-up NVML in the test's own process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.machine import gpu_lease
from runforge.machine.gpu_share import ORDER, VISIBLE
from runforge.machine.gpus import HIDE
from tests.machine.nvml import FakeNvml


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNvml]:
    folder = tmp_path / "nvml"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    for name in (HIDE, VISIBLE, ORDER):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("RUNFORGE_FAKE_NVML", raising=False)
    locks = tmp_path / "locks"
    locks.mkdir()
    monkeypatch.setenv(gpu_lease.VARIABLE, str(locks))
    yield FakeNvml(folder)
    sys.modules.pop("pynvml", None)
