"""A cancel reaches the supervisor itself, whether a daemon lives or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runforge.queue import cancel
from runforge.views import lists
from runforge.workspace import Workspace
from tests.tui.kit import lived


@pytest.mark.parametrize(
    "ask",
    [
        lambda ws, job: cancel.cancel_run(ws, job.run_id),
        lambda ws, job: cancel.cancel_runs(ws, [job.run_id]),
        lambda ws, job: cancel.cancel_group(ws, job.group_id),
        lambda ws, _job: cancel.cancel_all_running(ws),
    ],
    ids=["run", "runs", "group", "all"],
)
def test_the_file_that_the_supervisor_watches_is_left(
    ws: Workspace, ask: Callable[[Workspace, object], object]
) -> None:
    lived(ws)
    job = next(job for job in lists.jobs(ws) if job.state == "running")
    folder = ws.attempt_dir(job.run_id, job.attempt)
    folder.mkdir(parents=True)
    ask(ws, job)
    assert (folder / "cancel").exists()
