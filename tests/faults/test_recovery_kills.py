"""`doctor --recover` is killed at every step: the queue is never lost, and the next call continues."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.drills.plans import plan, request
from runforge.failpoints import POINTS
from runforge.queue import cancel, retry, submit
from runforge.store import verify
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.tui.kit import enqueue

pytestmark = pytest.mark.slow

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
_STEPS = [point for point in POINTS if point.startswith("recover.")]
#: From here on the new journal is in its place.
_DONE = {"recover.ended"}


def fill(ws: Workspace) -> dict[str, tuple[str, int, str | None]]:
    for number in range(2):
        enqueue(ws, name=f"g{number}", runs=6)
    cancel.cancel_run(ws, lists.jobs(ws)[3].run_id)
    return states(ws)


def states(ws: Workspace) -> dict[str, tuple[str, int, str | None]]:
    return {job.run_id: (job.state, job.attempt, job.group_id) for job in lists.jobs(ws)}


def damage(ws: Workspace) -> bytes:
    """Overwrite the page that every command reads; return the file as it is then."""
    with open_journal(ws) as journal:
        journal.checkpoint()
    with ws.journal.open("r+b") as file:
        file.write(random.Random(1).randbytes(4096))
    return ws.journal.read_bytes()


def leftovers(ws: Workspace) -> list[str]:
    parts = (".new", ".salvage", ".recovery", ".made")
    return [name for name in os.listdir(ws.state_dir) if any(part in name for part in parts)]


@pytest.mark.parametrize("step", _STEPS)
def test_killed_at_any_step_the_queue_is_there_or_told_of(ws: Workspace, cli: Cli, step: str) -> None:
    before = fill(ws)
    damaged = damage(ws)
    exported = ws.queue_json.read_bytes()
    killed = cli("doctor", "--recover", "-w", ws.root, RUNFORGE_FAILPOINT=f"{step}:1")
    assert killed.returncode == -9
    assert ws.journal.exists()
    if step not in _DONE:
        for command, code in (("queue-status", 4), ("daemon", 4), ("daemon --detach", 1)):
            refused = cli(*command.split(), "-w", ws.root)
            assert refused.returncode == code, refused.stdout
            assert "`runforge doctor --recover`" in refused.stderr
        assert ws.queue_json.read_bytes() == exported
    again = cli("doctor", "--recover", "-w", ws.root)
    assert again.returncode == 0, again.stdout + again.stderr
    assert states(ws) == before
    assert verify.check(ws) == []
    assert leftovers(ws) == []
    kept = [path for path in ws.state_dir.glob("runforge.db.damaged-*") if path.name[-1].isdecimal()]
    assert len(kept) == 1
    assert kept[0].read_bytes() == damaged


def test_killed_twice_it_still_reads_the_damaged_journal(ws: Workspace, cli: Cli) -> None:
    before = fill(ws)
    damage(ws)
    for step in ("recover.cleared", "recover.copied", "recover.built", "recover.replaced"):
        killed = cli("doctor", "--recover", "-w", ws.root, RUNFORGE_FAILPOINT=f"{step}:1")
        assert killed.returncode == -9
    done = cli("doctor", "--recover", "-w", ws.root)
    assert (done.returncode, "interrupted is finished" in done.stderr) == (0, True)
    assert states(ws) == before


_RECOVER = """
import sys
from pathlib import Path
from runforge import workspace
from runforge.store.recovery.recover import recover
recover(workspace.at(Path(sys.argv[1])))
"""


def test_what_only_the_wal_has_is_saved_after_a_kill_behind_its_removal(ws: Workspace) -> None:
    before = fill(ws)
    with open_journal(ws) as journal:
        journal.checkpoint()
        base = ws.journal.read_bytes()  # by SQLite's rules no other process may; here none writes
    with open_journal(ws) as journal:
        with journal.write() as tx:
            tx.run(
                "jobs.set_priority",
                job_id=lists.jobs(ws)[0].job_id,
                priority=77,
                now="2026-01-01T00:00:00.000Z",
            )
        wal = Path(f"{ws.journal}-wal").read_bytes()
    ws.queue_json.unlink()
    ws.journal.write_bytes(base)
    Path(f"{ws.journal}-wal").write_bytes(wal)
    for armed, code in (("recover.cleared:1", -9), (None, 0)):
        environment = {**os.environ, "RUNFORGE_FAILPOINT": armed or ""}
        done = subprocess.run([sys.executable, "-c", _RECOVER, ws.root], check=False, env=environment)
        assert done.returncode == code
    assert states(ws) == before
    assert lists.jobs(ws)[0].priority == 77


def test_what_was_half_built_is_gone_once_a_daemon_has_started(here: Arena) -> None:
    group = here.sweep(1, name="built")
    ws = workspaces.at(here.root)
    backup = here.root.parent / "backup.db"
    here.run("backup", str(backup), "--workspace", str(here.root))
    damage(ws)
    killed = {"RUNFORGE_FAILPOINT": "recover.built:1"}
    here.run("doctor", "--recover", "--workspace", str(here.root), expect=-9, **killed)
    assert leftovers(ws) != []
    for suffix in ("-wal", "-shm"):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)
    backup.replace(ws.journal)
    here.daemon(1)
    assert leftovers(ws) == []
    here.until_ended(group, "completed")
    here.finish()


# --- attempts ----------------------------------------------------------------------------------


#: What only the journal has of an attempt.
ONLY_THERE = ("signature", "peak_vram", "gpu_use", "gpu_seconds", "peak_rss_mb", "cpu_seconds", "watched")


def attempts(ws: Workspace) -> dict[tuple[str, int], dict[str, Any]]:
    with open_journal(ws) as journal, journal.read() as tx:
        return {(row["run_id"], row["attempt"]): dict(row) for row in tx.rows("attempts.all")}


def live(here: Arena) -> Workspace:
    """Leave runs that succeeded, failed, were retried and still run; the daemon is killed."""
    command = ["/bin/sh", "-c", "sleep $1; exit $0", "{code}", "{seconds}"]
    base = request(family="command", command=command, hyperparameters={"code": 0, "seconds": 0})
    ends = [(0, 0), (3, 0), (0, 600)]
    runs = [{"model.hyperparameters.code": c, "model.hyperparameters.seconds": s} for c, s in ends]
    document = plan(here.root, base, {"type": "list", "runs": runs}, name="ends")
    group = here.enqueue(document, len(ends))
    here.daemon(3)
    here.until(lambda: here.in_state("failed", group) == 1, "one has failed")
    ws = workspaces.at(here.root)
    failed = next(job["run_id"] for job in here.jobs(group) if job["state"] == "failed")
    retry.retry_run(ws, failed)
    here.until(
        lambda: [job["attempt"] for job in here.jobs() if job["state"] == "failed"] == [2], "failed again"
    )
    here.until(lambda: here.in_state("running", group) == 1, "one runs")
    here.kill_daemon()
    return ws


@pytest.mark.parametrize("is_missing", [True, False], ids=["no journal", "no header"])
def test_attempts_come_back_from_their_specs_and_records(here: Arena, is_missing: bool) -> None:
    ws = live(here)
    before = attempts(ws)
    assert len(before) == 4
    for suffix in ("-wal", "-shm", *([""] if is_missing else [])):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)
    if not is_missing:
        with ws.journal.open("r+b") as file:
            file.write(random.Random(1).randbytes(4096))
    here.run("doctor", "--recover", "--workspace", str(here.root))
    found = attempts(ws)
    assert found.keys() == before.keys()
    for key, row in before.items():
        for name in ("token", "exit_code", "signal", "devices", "cause"):
            assert found[key][name] == row[name], (key, name)
        assert (found[key]["finished_at"] is None) == (row["finished_at"] is None)
    here.daemon(2)
    running = [job["run_id"] for job in here.jobs() if job["state"] == "running"]
    here.run("cancel-run", running[0], "--workspace", str(here.root))
    here.until(lambda: here.in_state("canceled") == 1, "the adopted run is canceled")
    here.finish()


def test_a_damaged_page_of_attempts_costs_none_of_them(here: Arena, cli: Cli) -> None:
    ws = live(here)
    before = attempts(ws)
    with open_journal(ws) as journal:
        journal.checkpoint()
        root = journal.connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'attempts'"
        ).fetchone()[0]
    with ws.journal.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(random.Random(1).randbytes(4096))
    assert cli("doctor", "-w", ws.root).returncode == 1
    here.run("doctor", "--recover", "--workspace", str(here.root))
    found = attempts(ws)
    for row in (*before.values(), *found.values()):
        row.pop("epoch")
        for name in ONLY_THERE:
            row.pop(name)
    assert found == before
    here.daemon(1)
    here.run("stop-daemon", "--cancel-running", "--workspace", str(here.root))


def test_a_group_comes_back_with_its_plans_terms(ws: Workspace, cli: Cli) -> None:
    document = json.loads((ws.root / "plan.json").read_bytes())
    document["execution"]["fail_fast"] = True
    document["objective"] = {"metric": "log_loss", "direction": "minimize"}
    submit.enqueue_sweep(ws, json.dumps(document).encode(), where="plan.json")
    names = "name, notes, max_parallel, fail_fast, objective_metric, direction"

    def terms() -> tuple[Any, ...]:
        with open_journal(ws) as journal:
            return tuple(journal.connection.execute(f"SELECT {names} FROM groups").fetchone())

    before = terms()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)
    assert cli("doctor", "--recover", "-w", ws.root).returncode == 0
    assert terms() == before
