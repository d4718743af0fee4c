"""Another file put in the journal's place: noticed under a daemon, and never opened with the -wal of the old one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge import clock
from runforge import workspace as workspaces
from runforge.errors import RunForgeError
from runforge.queue import pause
from runforge.store import verify, which_file
from runforge.store.failures import JournalReplaced
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.views.queue_snapshot import JobQuery, QueueReader
from runforge.workspace import Workspace
from tests.tui.kit import enqueue

pytestmark = pytest.mark.slow

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_daemon_notices_keeps_the_queue_and_leaves_its_runs(here: Arena) -> None:
    first = here.sweep(1, name="first", seconds=0)
    daemon = here.daemon(1)
    here.until_ended(first, "completed")
    ws = workspaces.at(here.root)
    backup = here.root.parent / "backup.db"
    here.run("backup", str(backup), "--workspace", str(here.root))
    second = here.sweep(3, name="second", seconds=4)
    here.until(lambda: here.in_state("running", second) == 1, "one is running")
    # The backup gives the numbers of this sweep again. What tells the ids apart is then the second in them.
    made = here.jobs(second)[-1]["created_at"]
    here.until(lambda: clock.now()[:19] > made[:19], "another second has begun")
    backup.replace(ws.journal)
    # A command that comes at once waits for the daemon to leave, and works on the file that is there now.
    third = here.sweep(1, name="third", seconds=0)
    assert daemon.wait(20) == 4
    assert "[RF:QUEUE=JOB_STARTED" in here.said(daemon)
    assert here.said(daemon).count("[RF:QUEUE=JOB_STARTED") == 2
    assert "the queue as it was is kept at" in here.said(daemon)
    assert {job.group_id for job in lists.jobs(ws)} == {first, third}
    assert verify.check(ws) == []
    kept = next(ws.state_dir.glob("runforge.db.kept-*"))
    here.daemon(1)
    here.until_ended(third, "completed")
    here.stop_daemon()
    for suffix in ("-wal", "-shm"):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(kept, ws.journal)
    here.daemon(1)
    here.until_ended(second, "completed")
    assert {job["attempt"] for job in here.jobs(second)} == {1}  # the one that ran went on
    here.finish()


def test_the_wal_of_the_old_file_is_not_replayed_into_the_new_one(
    ws: Workspace, tmp_path: Path, cli: Cli
) -> None:
    group = enqueue(ws, runs=2)
    backup = tmp_path / "backup.db"
    assert cli("backup", backup, "-w", ws.root).returncode == 0
    holder = open_journal(ws)  # keeps the -wal, as a process does that is killed by force
    pause.pause_group(ws, group)
    copy = {suffix: Path(f"{ws.journal}{suffix}").read_bytes() for suffix in ("-wal", "-shm")}
    holder.close()
    for suffix, data in copy.items():
        Path(f"{ws.journal}{suffix}").write_bytes(data)
    shutil.copyfile(backup, tmp_path / "again.db")
    backup.replace(ws.journal)
    refused = cli("queue-status", "-w", ws.root)
    assert refused.returncode == 4, refused.stdout
    assert "the journal was replaced by another file" in refused.stderr
    assert f"delete {ws.journal}-wal" in refused.stderr
    assert ws.journal.read_bytes() == (tmp_path / "again.db").read_bytes()
    for suffix in copy:
        Path(f"{ws.journal}{suffix}").unlink()
    assert len(lists.jobs(ws)) == 2
    assert verify.check(ws) == []


def test_a_copied_workspace_with_a_wal_is_no_replaced_journal(ws: Workspace) -> None:
    enqueue(ws, runs=2)
    with open_journal(ws) as journal:
        with journal.write() as tx:
            tx.run("journal.set_wanted", wanted="drain", drain_until=None)
        shutil.copytree(ws.root, ws.root.with_name("copy"))
    copy = workspaces.at(ws.root.with_name("copy"))
    assert not which_file.is_other(copy)
    assert len(lists.jobs(copy)) == 2


def test_nobody_writes_into_a_file_that_is_not_the_journal_any_more(
    ws: Workspace, tmp_path: Path, cli: Cli
) -> None:
    enqueue(ws, runs=2)
    backup = tmp_path / "backup.db"
    assert cli("backup", backup, "-w", ws.root).returncode == 0
    with open_journal(ws) as journal:
        backup.replace(ws.journal)
        assert journal.is_replaced()
        with pytest.raises(JournalReplaced, match="while it was open"), journal.write():
            pass
        with pytest.raises(RunForgeError):
            journal.reattach()


def test_a_screen_goes_on_with_the_file_that_is_there_now(ws: Workspace, tmp_path: Path, cli: Cli) -> None:
    enqueue(ws, runs=2)
    backup = tmp_path / "backup.db"
    assert cli("backup", backup, "-w", ws.root).returncode == 0
    enqueue(ws, name="more", runs=3)
    reader = QueueReader(ws)
    assert reader.snapshot(JobQuery()).total == 5
    for suffix in ("-wal", "-shm"):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)
    backup.replace(ws.journal)
    assert reader.snapshot(JobQuery()).total == 2
    reader.close()
    assert len(lists.jobs(ws)) == 2
