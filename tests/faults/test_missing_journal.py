"""The journal is missing: RunForge makes no new one by itself, and no new exports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.attempts import start_marker
from runforge.cli import samples
from runforge.cli.setup import make_workspace
from runforge.errors import Missing, OperationFailed
from runforge.queue import submit
from runforge.queue.run_folders import RunFolders
from runforge.store import traces, verify
from runforge.store.opening import exists, open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.tui.kit import Looker, enqueue, look

pytestmark = pytest.mark.slow

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
_COMMANDS = {
    "queue-status": (),
    "groups": (),
    "jobs": (),
    "show": ("@last",),
    "wait": (),
    "logs": ("@last",),
    "enqueue-run": ("--run-id", "mine"),
    "enqueue-sweep": ("--plan", "PLAN"),
    "pause-group": ("--group-id", "@last"),
    "cancel-run": ("@last",),
    "prune": ("--older-than", "1s", "-y"),
    "backup": ("COPY",),
    "sweep": ("--plan", "PLAN"),
    "daemon": (),
    "daemon --detach": (),
    "tui": (),
}


def lose_journal(ws: Workspace) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)


def exports(ws: Workspace) -> dict[Path, bytes]:
    files = [ws.queue_json, *ws.hidden.glob("groups/*/group.json")]
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize("command", [name for name in _COMMANDS if name != "tui"])
def test_each_command_says_what_is_missing_and_makes_nothing(ws: Workspace, cli: Cli, command: str) -> None:
    enqueue(ws, runs=3)
    ws.run_dir("mine").mkdir()
    (ws.run_dir("mine") / "request.json").write_bytes(samples.encode(samples.request()))
    before = exports(ws)
    lose_journal(ws)
    words = {"PLAN": ws.root / "plan.json", "COPY": ws.root / "copy.db"}
    done = cli(*command.split(), *(words.get(word, word) for word in _COMMANDS[command]), "-w", ws.root)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"{ws.journal}: the journal is missing" in done.stderr
    assert "`runforge doctor --recover`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not ws.journal.exists()
    assert exports(ws) == before


def test_doctor_says_so_and_recovers_it_from_the_exports(ws: Workspace, cli: Cli) -> None:
    enqueue(ws, runs=3)
    before = {job.run_id: (job.state, job.group_id) for job in lists.jobs(ws)}
    lose_journal(ws)
    said = cli("doctor", "-w", ws.root)
    assert (said.returncode, "the journal is missing" in said.stdout) == (1, True)
    done = cli("doctor", "--recover", "-w", ws.root)
    assert done.returncode == 0, done.stderr
    assert "damaged journal is kept" not in done.stderr  # there was none
    assert {job.run_id: (job.state, job.group_id) for job in lists.jobs(ws)} == before
    assert verify.check(ws) == []


def test_the_screens_say_so(ws: Workspace) -> None:
    enqueue(ws, runs=3)
    lose_journal(ws)

    async def journey(at: Looker) -> None:
        await at.sees("the journal is missing")

    look(ws, journey, size=(200, 50))
    assert not ws.journal.exists()


def _only(ws: Workspace, *kept: str) -> None:
    """Delete all signs of the journal except the named ones."""
    lose_journal(ws)
    for name in {"has_journal", "queue/queue.json", "queue/queue.map", "groups", "runs", "attempts"} - {
        *kept
    }:
        path = ws.hidden / name
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("trace", ["has_journal", "queue/queue.json", "queue/queue.map", "groups", "runs"])
def test_each_trace_alone_tells_that_there_was_one(ws: Workspace, trace: str) -> None:
    enqueue(ws, runs=2)
    _only(ws, trace)
    with pytest.raises(Missing, match="the journal is missing"):
        exists(ws)
    with pytest.raises(Missing, match="the journal is missing"):
        enqueue(ws, runs=2)


@pytest.mark.parametrize(
    "name", ["attempts/one/1", "runforge.db.damaged-1", "runforge.db.bak-1", "runforge.db-wal"]
)
def test_what_lies_beside_it_tells_too(ws: Workspace, name: str) -> None:
    (ws.state_dir / name).mkdir(parents=True)
    with pytest.raises(Missing, match="the journal is missing"):
        exists(ws)


def test_what_needs_no_journal_tells_of_none(ws: Workspace) -> None:
    for run in ("waiting", "ran"):
        ws.run_dir(run).mkdir()
        (ws.run_dir(run) / "request.json").write_bytes(samples.encode(samples.request()))
    (ws.run_dir("ran") / "result.json").write_text("{}")  # by `run`, which has no queue
    (ws.state_dir / "attempts" / "ran" / "direct-0123abcd").mkdir(parents=True)
    assert not exists(ws)
    assert submit.enqueue_run(ws, "waiting").state == "queued"


def test_a_first_journal_that_is_made_while_one_looks_is_not_taken_for_a_missing_one(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = traces.require_none

    def made_meanwhile(workspace: Workspace) -> None:
        monkeypatch.setattr(traces, "require_none", real)
        open_journal(ws, create=True).close()
        real(workspace)

    monkeypatch.setattr(traces, "require_none", made_meanwhile)
    assert exists(ws)


def test_an_older_programs_queue_is_none_of_ours(ws: Workspace) -> None:
    ws.queue_json.write_text(json.dumps({"version": 1, "kind": "execution_queue", "jobs": []}))
    folder = ws.group_dir("grp_20260101_000000_old")
    folder.mkdir()
    (folder / "group.json").write_text("{}")
    assert not exists(ws)


def test_an_empty_file_is_none_either(ws: Workspace) -> None:
    enqueue(ws, runs=2)
    _only(ws, "has_journal")
    ws.prepare()
    ws.journal.touch(0o600)
    with pytest.raises(Exception, match="the journal is empty"):
        enqueue(ws, runs=2)


def test_a_new_one_is_made_when_somebody_says_so(ws: Workspace, cli: Cli) -> None:
    enqueue(ws, runs=3)
    exported = ws.queue_json.read_bytes()
    refused = cli("init", "--new-journal", ws.root)
    assert (refused.returncode, "there is a journal" in refused.stderr) == (1, True)
    assert len(lists.jobs(ws)) == 3
    lose_journal(ws)
    done = cli("init", "--new-journal", ws.root)
    assert done.returncode == 0, done.stderr
    assert lists.jobs(ws) == []
    assert next(ws.queue_dir.glob("queue.json.old-*")).read_bytes() == exported
    job = submit.enqueue_run(ws, min(os.listdir(ws.runs_dir)))
    assert [known["job_id"] for known in json.loads(ws.queue_json.read_bytes())["jobs"]] == [job.job_id]


def test_an_id_that_an_older_journal_gives_again_is_refused(ws: Workspace) -> None:
    enqueue(ws, runs=2)
    folders = RunFolders(ws)
    taken = min(os.listdir(ws.runs_dir))
    with pytest.raises(OperationFailed, match="exists already"):
        folders.make_runs(["20260101-000000-sweep-0001", taken], [{}, {}])
    assert (ws.run_dir(taken) / "request.json").exists()


def test_an_interrupted_start_leaves_no_empty_journal(ws: Workspace, cli: Cli) -> None:
    ws.run_dir("mine").mkdir()
    (ws.run_dir("mine") / "request.json").write_bytes(samples.encode(samples.request()))
    order = ("enqueue-run", "--run-id", "mine", "-w", ws.root)
    assert cli(*order, RUNFORGE_FAILPOINT="migrate.wal:1").returncode == -9
    assert not ws.journal.exists()
    assert cli(*order).returncode == 0
    assert not list(ws.state_dir.glob("runforge.db.made*"))


# --- with a state folder elsewhere -------------------------------------------------------------


@pytest.fixture
def apart(tmp_path: Path) -> Workspace:
    """A workspace whose journal lies in another folder, with two runs."""
    made = make_workspace(tmp_path / "root", tmp_path / "state")
    enqueue(made, runs=2)
    return made


def test_a_state_folder_that_is_not_mounted_is_not_made_anew(apart: Workspace, cli: Cli) -> None:
    away = apart.state_dir.with_name("away")
    apart.state_dir.rename(away)
    for command in ("queue-status", "daemon", "enqueue-sweep --plan plan.json"):
        done = cli(*command.replace("plan.json", str(apart.root / "plan.json")).split(), "-w", apart.root)
        assert done.returncode == 3, done.stdout + done.stderr
        assert str(apart.state_dir) in done.stderr
    assert not apart.state_dir.exists()
    away.rename(apart.state_dir)
    assert len(lists.jobs(apart)) == 2


def test_an_emptied_state_folder_is_told(apart: Workspace, cli: Cli) -> None:
    before = exports(apart)
    shutil.rmtree(apart.state_dir)
    apart.state_dir.mkdir(0o700)
    done = cli("daemon", "-w", apart.root)
    assert (done.returncode, "the journal is missing" in done.stderr) == (3, True)
    assert exports(apart) == before
    assert os.listdir(apart.state_dir) in ([], ["workspace"])


def test_a_journal_is_not_left_behind_for_another_folder(apart: Workspace, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="has its journal in"):
        workspaces.at(apart.root, state_dir=tmp_path / "other")
    assert workspaces.at(apart.root) == apart
    assert not (tmp_path / "other").exists()


def test_a_journal_that_is_gone_for_good_is_rebuilt_in_another_folder(
    apart: Workspace, tmp_path: Path, cli: Cli
) -> None:
    shutil.rmtree(apart.state_dir)
    assert cli("init", apart.root, "--state-dir", tmp_path / "new").returncode == 0
    refused = cli("queue-status", "-w", apart.root)
    assert (refused.returncode, "the journal is missing" in refused.stderr) == (3, True)
    assert cli("doctor", "--recover", "-w", apart.root).returncode == 0
    assert len(lists.jobs(workspaces.at(apart.root))) == 2


def has_started(folder: Path) -> bool:
    """Whether an attempt is a program's by now; one that was only claimed would be queued again."""
    owner = start_marker.read(folder)
    return owner is not None and owner.kind == start_marker.STARTED


def test_a_daemon_whose_journal_is_deleted_keeps_the_queue_and_leaves(here: Arena) -> None:
    group = here.sweep(3, name="kept", seconds=1)
    daemon = here.daemon(1)
    ws = workspaces.at(here.root)
    here.until(lambda: any(map(has_started, ws.attempts_dir.glob("*/1"))), "one has started")
    ws.journal.unlink()
    assert daemon.wait(20) == 4
    said = here.said(daemon)
    assert "the journal was deleted or replaced under the daemon" in said
    assert "running runs continue" in said
    assert len(here.jobs(group)) == 3
    kept = next(ws.state_dir.glob("runforge.db.kept-*"))
    with pytest.raises(Missing, match=f"`mv {kept} {ws.journal}`"):
        exists(ws)
    kept.rename(ws.journal)
    here.daemon(1)
    here.until_ended(group, "completed")
    assert {job["attempt"] for job in here.jobs(group)} == {1}  # the one that ran was adopted
    here.finish()
