"""The machine screen of a queue over Slurm: nodes, what runs on them have asked for, and how old that is."""

from __future__ import annotations

from typing import Any

import pytest

from runforge import clock
from runforge.core.outcome import Progress
from runforge.exports.documents import daemon_document
from runforge.exports.list_blocks import encode
from runforge.store import records, transitions
from runforge.store.opening import open_journal
from runforge.tui.machine_screen import MachineScreen
from runforge.views import nodes
from runforge.workspace import Workspace

from .kit import Looker, lived, look

#: Where the first two runs of the sweep are: one has begun, one waits in Slurm's queue.
_TOLD = (
    Progress("slurm:lab:71", begun_at=clock.now(), node="n1"),
    Progress("slurm:lab:72", waiting="Priority"),
)


def on_slurm(ws: Workspace) -> None:
    lived(ws)
    with open_journal(ws) as journal, journal.write() as tx:
        tx.run("journal.set_backend", backend="slurm")
        for row, told in zip(list(tx.rows("jobs.running")), _TOLD, strict=True):
            job = records.job(row)
            journal.connection.execute("UPDATE jobs SET waiting = 'asked' WHERE job_id = ?", (job.job_id,))
            tx.run(
                "attempts.insert",
                **{name: getattr(job, name) for name in ("job_id", "run_id", "attempt")},
                token=f"secret{job.seq}",
                epoch=0,
                devices="[]",
                place="slurm:lab",
                now=clock.now(),
            )
            transitions.note_progress(tx, job, told, clock.now())


def test_runs_by_node(ws: Workspace) -> None:
    on_slurm(ws)
    first, waiting = nodes.read(ws).with_runs
    assert (first.name, first.cpus, [(run.number, run.job) for run in first.runs]) == ("n1", 1, [(1, "71")])
    assert (waiting.name, [(run.job, run.reason, run.seconds) for run in waiting.runs]) == (
        "",
        [("72", "Priority", None)],
    )


def tell(ws: Workspace, told: Any) -> None:
    """Let the daemon have written this of the nodes."""
    with open_journal(ws) as journal, journal.read() as tx:
        row = records.daemon(tx.row("journal.daemon"))
    about: dict[str, Any] = {"jobs": 0, "gpu_jobs": 0, "state": "running", "gpu_problem": None}
    document = daemon_document(row, heartbeat=clock.now(), **about, nodes=told)
    ws.daemon_json.write_bytes(encode(document))


def told_ago(seconds: float) -> dict[str, Any]:
    shown = [
        {"name": "n1", "state": "draining", "reason": "bad [disk]"},
        {"name": "n2", "state": "down*", "reason": None},
    ]
    counts = {"down*": 1, "draining": 1, "idle": 7}
    return {"asked_at": clock.later(clock.now(), -seconds), "counts": counts, "shown": shown}


def test_how_the_nodes_are_is_what_the_daemon_was_told(ws: Workspace) -> None:
    on_slurm(ws)
    assert nodes.read(ws).seconds is None
    tell(ws, told_ago(600))
    found = nodes.read(ws)
    assert [(node.name, node.state, node.reason, len(node.runs)) for node in found.with_runs] == [
        ("n1", "draining", "bad [disk]", 1),
        ("", "", "", 1),
    ]
    assert [(node.name, node.state, node.reason) for node in found.out] == [("n2", "down*", "")]
    assert found.counts == {"down*": 1, "draining": 1, "idle": 7}
    assert found.seconds is not None
    assert 600 <= found.seconds < 3600


@pytest.mark.parametrize("told", [None, [], {}, {"shown": 1}, {**told_ago(1), "asked_at": "noon"}])
def test_what_another_version_has_told_of_nodes_is_passed_over(ws: Workspace, told: Any) -> None:
    on_slurm(ws)
    tell(ws, told)
    assert [node.name for node in nodes.read(ws).with_runs] == ["n1", ""]
    assert nodes.read(ws).seconds is None


def test_the_machine_screen_shows_them(ws: Workspace) -> None:
    on_slurm(ws)
    tell(ws, told_ago(7200))

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("m")
        await at.until(lambda: isinstance(at.app.screen, MachineScreen), "the machine")
        await at.sees("Nodes", "as the daemon wrote it", "job 71")
        await at.sees("as Slurm said 2h0", "m ago: 1 down*, 1 draining, 7 idle", "without jobs: n2 down*")
        await at.sees("n1, draining (bad [disk]): 1 run; asked for 1 CPU")
        await at.sees(
            "in Slurm's queue: 1 run", "job 72  Priority", "This machine: the daemon's, not the runs'"
        )

    look(ws, journey, size=(120, 40))
