"""How large the machine is, as far as we may use it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runforge.machine import size

COUNT = "from runforge.machine import size; print(size.cpus())"


def test_only_processors_that_we_may_use_are_counted() -> None:
    one = min(os.sched_getaffinity(0))
    command = f"import os; os.sched_setaffinity(0, {{{one}}}); {COUNT}"
    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert told.stdout == "1\n"


@pytest.mark.parametrize(("limit", "expected"), [("max", 2), ("1048576", 1), (None, 2), ("9999999999", 2)])
def test_the_limit_of_a_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, expected: int
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:       2048 kB\nMemFree: 1 kB\n")
    if limit is not None:
        (tmp_path / "max").write_text(limit)
    monkeypatch.setattr(size, "_MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(size, "_LIMIT", tmp_path / "max")
    assert size.mem_mb() == expected


def test_a_machine_that_does_not_say_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "_MEMORY", tmp_path / "nothing")
    monkeypatch.setattr(size, "_LIMIT", tmp_path / "nothing")
    assert size.mem_mb() == 0
