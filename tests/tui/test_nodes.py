"""The machine screen of a queue over Slurm: nodes, what runs on them have asked for, and how old that is."""

from __future__ import annotations

from runforge import clock
from runforge.core.outcome import Progress
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
    first, waiting = nodes.read(ws)
    assert (first.name, first.cpus, [(run.number, run.job) for run in first.runs]) == ("n1", 1, [(1, "71")])
    assert (waiting.name, [(run.job, run.reason, run.seconds) for run in waiting.runs]) == (
        "",
        [("72", "Priority", None)],
    )


def test_the_machine_screen_shows_them(ws: Workspace) -> None:
    on_slurm(ws)

    async def journey(at: Looker) -> None:
        await at.sees("0001")
        await at.press("m")
        await at.until(lambda: isinstance(at.app.screen, MachineScreen), "the machine")
        await at.sees("Nodes", "as the daemon wrote it", "n1: 1 run; asked for 1 CPU", "job 71")
        await at.sees(
            "in Slurm's queue: 1 run", "job 72  Priority", "This machine: the daemon's, not the runs'"
        )

    look(ws, journey, size=(120, 40))
