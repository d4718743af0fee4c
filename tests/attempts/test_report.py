"""What an attempt's files say while they change."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts import exit_record, report, start_marker
from runforge.core.outcome import ExitRecord, Finding

TOKEN = "a" * 32
NOW = "2026-01-01T00:00:00.000Z"
RECORD = ExitRecord(TOKEN, 0, None, False, False, None, NOW, NOW, 1, 2, 3)


def test_a_supervisor_that_ends_between_two_looks_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = os.open(tmp_path / report.SUPERVISOR_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    descriptor = exit_record.preallocate(tmp_path)
    assert start_marker.claim(tmp_path, TOKEN)
    looks: list[str] = []

    def then_it_ends(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(*arguments: Any) -> Any:
            found = look(*arguments)
            if not looks:
                exit_record.write(descriptor, RECORD)
                os.close(lock)
            looks.append(look.__name__)
            return found

        return looked

    monkeypatch.setattr(report, "is_locked", then_it_ends(report.is_locked))
    monkeypatch.setattr(exit_record, "read", then_it_ends(exit_record.read))
    assert report.find(tmp_path, TOKEN) == (Finding.ENDED, RECORD)
    assert sorted(looks) == ["is_locked", "read"]
    os.close(descriptor)
