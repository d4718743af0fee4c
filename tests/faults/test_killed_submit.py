"""`submit` killed between each two of its steps: all of its runs are queued, with their edges and gates, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runforge.core.records import Job
from runforge.failpoints import VARIABLE
from runforge.store import edges, records, verify
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

pytestmark = pytest.mark.slow

#: The points that are passed before the commit of the runs, and those after it.
_BEFORE = (
    *("environment.kept:1", "tx.before:1", "tx.begun:1", "enqueue.group_made:1", "enqueue.run_made:1"),
    *("enqueue.run_made:3", "enqueue.written:1", "enqueue.durable:1", "submit.inserted:1", "tx.written:1"),
)
_AFTER = ("tx.committed:1", "command.committed:1", "export.read:1", "export.queue_written:1")
#: The numbers of many runs are reserved in a transaction of their own.
_FEW, _MANY = 3, 9
_BEFORE_MANY = ("tx.committed:1", "enqueue.run_made:9", "enqueue.durable:1", "tx.begun:2", "tx.written:2")


def line(count: int) -> list[str]:
    gates = ["--max-parallel", "2", "--after", "1", "--hold"]
    return ["submit", "-g", "lm", *gates, "-S", f"n=1..{count}", "--", "echo", "{n}"]


def submit(ws: Workspace, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runforge", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ws.root,
        env={**os.environ, **more},
    )


def queued(ws: Workspace) -> list[Job]:
    """Return the jobs besides the first; each has its edge and its gate."""
    with open_journal(ws) as journal, journal.read() as tx:
        parent, *jobs = [records.job(row) for row in tx.rows("jobs.all")]
        for job in jobs:
            assert [waited.id for waited, _ in edges.of_job(tx, job.job_id)] == [parent.job_id]
            assert (job.blockers, job.held) == (1, True)
        groups = [records.group(row) for row in tx.rows("groups.all")]
        assert [(group.run_limit, group.total) for group in groups] == [(2, len(jobs))] * bool(jobs)
    assert verify.check(ws) == []
    return jobs


@pytest.mark.parametrize(
    ("point", "count", "left"),
    [
        *((point, _FEW, 0) for point in _BEFORE),
        *((point, _FEW, _FEW) for point in _AFTER),
        *((point, _MANY, 0) for point in _BEFORE_MANY),
        ("tx.committed:2", _MANY, _MANY),
    ],
)
def test_a_kill_leaves_all_or_nothing_and_the_line_can_be_typed_again(
    ws: Workspace, point: str, count: int, left: int
) -> None:
    assert submit(ws, "submit", "--", "true").returncode == 0
    killed = submit(ws, *line(count), **{VARIABLE: point})
    assert (killed.returncode, killed.stdout) == (-9, ""), killed.stderr
    assert len(queued(ws)) == left
    again = submit(ws, *line(count))
    assert again.returncode == 0, again.stderr
    assert len(queued(ws)) == count  # what is there already is not made twice
    assert all((ws.root / job.run_dir / "request.json").is_file() for job in queued(ws))
    assert all(ws.env_file(str(job.env_id)).is_file() for job in queued(ws))


def test_what_is_refused_late_leaves_no_folder(ws: Workspace) -> None:
    assert submit(ws, "submit", "-g", "lm", "--", "true").returncode == 0
    before = _folders(ws)
    refused = submit(ws, "submit", "-g", "lm", "-S", "n=1..3", "--after", "lm", "--", "echo", "{n}")
    assert refused.returncode == 2
    assert _folders(ws) == before


def _folders(ws: Workspace) -> list[Path]:
    return sorted([*ws.runs_dir.iterdir(), *(ws.hidden / "groups").iterdir()])
