"""What is executed is what the daemon has written down: a spec that was changed since is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts import build_spec
from runforge.queue import retry
from runforge.views import lists
from runforge.workspace import Workspace
from tests.faults.kit import Daemon, daemon, enqueue

__all__ = ["daemon"]


def test_a_spec_that_was_changed_after_it_was_written_is_refused(
    ws: Workspace, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:  # F34
    trace = ws.root / "trace"
    write = build_spec.write_spec

    def tampered(*given: Any) -> tuple[Path, str]:
        path, digest = write(*given)
        spec = json.loads(path.read_bytes())
        path.write_text(json.dumps({**spec, "argv": ["touch", str(trace)]}))
        return path, digest

    monkeypatch.setattr(build_spec, "write_spec", tampered)
    enqueue(ws, 0.1)
    daemon.until(lambda: daemon.states() == ["failed"], "it is refused")
    job = lists.jobs(ws)[0]
    assert job.cause == "launch_failed"
    assert "its spec.json was changed" in (job.error or "")
    assert job.attempt == 1
    assert not trace.exists()
    monkeypatch.setattr(build_spec, "write_spec", write)
    retry.retry_run(ws, job.run_id)
    daemon.until(lambda: daemon.states() == ["succeeded"], "it runs as it was written")
