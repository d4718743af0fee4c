"""What is forgotten is decided when it is forgotten."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from runforge.queue import cancel, prune, retry
from runforge.store.journal import Transaction
from runforge.views import lists
from runforge.workspace import Workspace
from tests.tui.kit import enqueue


def test_a_run_that_is_retried_meanwhile_is_kept_with_its_files(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = enqueue(ws, runs=1)
    cancel.cancel_group(ws, group)
    (job,) = lists.jobs(ws)
    really = prune.change

    @contextlib.contextmanager
    def after_a_retry(workspace: Workspace) -> Iterator[Transaction]:
        retry.retry_run(workspace, job.run_id)
        with really(workspace) as tx:
            yield tx

    with monkeypatch.context() as patched:
        patched.setattr(prune, "change", after_a_retry)
        assert prune.prune(ws, -60.0, delete_runs=True) == prune.PruneOutcome()
    assert [job.state for job in lists.jobs(ws)] == ["queued"]
    assert (ws.root / job.run_dir / "request.json").exists()
    assert ws.group_dir(group).exists()
    cancel.cancel_group(ws, group)
    assert prune.prune(ws, -60.0, delete_runs=True).jobs == 1
