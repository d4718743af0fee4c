"""Attempts of an earlier life of a run: of before it was pruned, of after the backup that is in place now."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.attempts import earlier_life, start_marker
from runforge.drills.plans import request
from runforge.exports import exporter
from runforge.queue import cancel, retry, submit
from runforge.store import backup
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.tui.kit import enqueue

pytestmark = pytest.mark.slow

_POLICIES = ("requeue", "fail")
#: It goes on until a file is there, if it is given one.
_SCRIPT = """
echo "$0 START" >>"$1"
[ -z "$2" ] || until [ -e "$2" ]; do sleep 0.05; done
echo "$0 END" >>"$1"; echo "this is $0"; exit "$3"
"""


class Run:
    """One run in a workspace, and the file in which its attempts note their starts and ends."""

    def __init__(self, here: Arena) -> None:
        self.here = here
        self.ws: Workspace = workspaces.at(here.root)
        self.witness = here.root.parent / "witness"
        self.witness.touch()
        self.folder = self.ws.run_dir("one")
        #: An attempt that is held goes on until this file is there.
        self.may_end = here.root.parent / "may-end"

    def enqueue(self, life: str, *, is_held: bool = False, code: int = 0) -> None:
        held = str(self.may_end) if is_held else ""
        command = ["/bin/sh", "-c", _SCRIPT, life, str(self.witness), held, str(code)]
        self.folder.mkdir(parents=True, exist_ok=True)
        asked = request(family="command", command=command, hyperparameters={})
        (self.folder / "request.json").write_text(json.dumps(asked))
        submit.enqueue_run(self.ws, "one")

    def command(self, *words: str, **more: Any) -> str:
        return self.here.run(*words, "--workspace", str(self.here.root), **more)

    def state(self) -> str:
        # Of the journal: the exports may still be those of the earlier life.
        return str(next((job.state for job in lists.jobs(self.ws) if job.run_id == "one"), None))

    def until(self, state: str) -> None:
        self.here.until(lambda: self.state() == state, f"the run is {state}")

    def retry(self, times: int) -> None:
        for number in range(times):
            retry.retry_run(self.ws, "one")
            self.here.until(
                lambda attempt=number + 2: (
                    [(j["attempt"], j["state"]) for j in self.here.jobs()] == [(attempt, "failed")]
                ),
                "the retry has failed too",
            )

    def causes(self) -> list[str | None]:
        with open_journal(self.ws) as journal, journal.read() as tx:
            return [row["cause"] for row in tx.rows("attempts.all")]

    def noted(self, life: str) -> list[str]:
        return [line.split()[1] for line in self.witness.read_text().splitlines() if line.split()[0] == life]


@pytest.fixture
def run(here: Arena) -> Run:
    return Run(here)


@pytest.mark.parametrize("policy", _POLICIES)
def test_pruned_by_half_and_enqueued_again_it_runs_once(run: Run, policy: str) -> None:
    run.enqueue("first", code=1)
    run.here.daemon(1)
    run.until("failed")
    run.retry(2)
    run.here.stop_daemon()
    killed = {"RUNFORGE_FAILPOINT": "prune.forgotten:1"}
    run.command("prune", "--older-than", "0s", "-y", expect=-9, **killed)
    run.here.daemon(1, 1, "--orphans", policy)
    run.enqueue("second")
    run.until("succeeded")
    assert run.noted("second") == ["START", "END"]
    assert run.causes() == ["exit"]
    assert (run.folder / "logs.txt").read_text().count("this is second") == 1
    kept = run.folder / "previous" / "earlier-1"
    assert "this is first" in (kept / "logs.txt").read_text()
    assert sorted(path.name for path in kept.iterdir() if path.is_dir()) == ["1", "2"]
    run.here.finish()


def put_back(ws: Workspace, copy: Path) -> None:
    """Do what `backup` says."""
    for suffix in ("-wal", "-shm"):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(copy, ws.journal)


def back_up(run: Run) -> Path:
    to = run.here.root.parent / "copy.db"
    run.command("backup", str(to))
    return to


@pytest.mark.parametrize("policy", _POLICIES)
def test_a_backup_put_back_runs_what_was_queued_in_it(run: Run, policy: str) -> None:
    run.enqueue("later", code=1)
    copy = back_up(run)
    run.here.daemon(1)
    run.until("failed")
    run.retry(1)
    run.here.stop_daemon()
    put_back(run.ws, copy)
    before = len(run.noted("later"))
    run.here.daemon(1, 1, "--orphans", policy)
    run.until("failed")
    assert len(run.noted("later")) == before + 2
    assert run.causes() == ["exit"]
    run.here.finish()


def test_killed_before_its_launch_it_is_not_judged_by_an_earlier_lifes_folder(run: Run) -> None:
    run.enqueue("later", code=0)
    copy = back_up(run)
    run.here.daemon(1)
    run.until("succeeded")
    run.here.stop_daemon()
    put_back(run.ws, copy)
    killed = {"RUNFORGE_FAILPOINT": "claim.committed:1"}
    run.command("daemon", "--orphans", "fail", expect=-9, **killed)
    run.here.daemon(1, 1, "--orphans", "fail")
    run.until("succeeded")
    assert run.causes() == ["postponed", "exit"]
    assert run.noted("later") == ["START", "END"] * 2
    run.here.finish()


def test_killed_before_its_launch_below_an_earlier_lifes_number(run: Run) -> None:
    """As if the earlier life's first folders had been moved away already, and the daemon killed then."""
    run.enqueue("later", code=1)
    copy = back_up(run)
    run.here.daemon(1)
    run.until("failed")
    run.retry(1)
    run.here.stop_daemon()
    put_back(run.ws, copy)
    shutil.rmtree(run.ws.attempt_dir("one", 1))
    killed = {"RUNFORGE_FAILPOINT": "claim.committed:1"}
    run.command("daemon", "--orphans", "fail", expect=-9, **killed)
    run.here.daemon(1, 1, "--orphans", "fail")
    run.until("failed")
    assert run.causes() == ["postponed", "exit"]
    run.here.finish()


@pytest.mark.parametrize("is_canceled", [False, True])
def test_while_an_earlier_life_still_runs_it_waits(run: Run, is_canceled: bool) -> None:
    run.enqueue("later", is_held=True)
    copy = back_up(run)
    run.here.daemon(1)
    run.until("running")
    run.here.until(lambda: run.noted("later") == ["START"], "it has started")
    run.here.kill_daemon()
    put_back(run.ws, copy)
    run.here.daemon(1, 1, "--orphans", "fail")
    said = "waits: an earlier attempt of the run still runs"
    run.here.until(lambda: said in run.here.said(run.here.daemons[-1]), "the daemon says that it waits")
    assert run.noted("later") == ["START"]
    if is_canceled:
        run.command("cancel-run", "one")
        run.until("canceled")
        assert run.noted("later") == ["START"]
    else:
        run.may_end.touch()
        run.until("succeeded")
        assert run.noted("later") == ["START", "END", "START", "END"]  # one after the other
        assert run.causes() == ["postponed", "exit"]
    run.here.finish()


def test_the_exports_of_a_newer_journal_are_not_taken_for_the_backups(ws: Workspace, tmp_path: Path) -> None:
    group, other = enqueue(ws, name="first", runs=2), enqueue(ws, name="other", runs=8)
    with open_journal(ws) as journal:
        backup.copy(journal.connection, tmp_path / "copy.db")
    cancel.cancel_group(ws, group)
    put_back(ws, tmp_path / "copy.db")
    # More entries in one command than the newer journal had, before anybody else exports.
    cancel.cancel_group(ws, other)
    assert exporter.check(ws) == []


# --- a copied workspace ------------------------------------------------------------------------


def test_the_daemon_of_a_copy_leaves_the_originals_runs_alone(run: Run) -> None:
    run.enqueue("original", is_held=True)
    run.here.daemon(1)
    run.here.until(lambda: run.noted("original") == ["START"], "it has started")
    copy = Arena.__new__(Arena)
    copy.__init__(run.here.root.parent / "copy" / "ws")  # type: ignore[misc]
    shutil.rmtree(copy.root)
    shutil.copytree(run.here.root, copy.root, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    try:
        copy.daemon(1, 1, "--orphans", "fail")
        copy.until(lambda: [job["state"] for job in copy.jobs()] == ["failed"], "the copy has judged its run")
        assert run.noted("original") == ["START"]
        assert "this workspace is a copy" in copy.jobs()[0]["error"]
        copy.stop_daemon()
    finally:
        copy.clean_up()
    run.may_end.touch()
    run.until("succeeded")
    assert run.noted("original") == ["START", "END"]
    run.here.finish()


# --- whose a folder is -------------------------------------------------------------------------


def _job(attempt: int) -> Any:
    return type("Job", (), {"run_id": "one", "run_dir": ".runforge/runs/one", "attempt": attempt})()


def _attempt(ws: Workspace, number: int, token: str) -> Path:
    folder = ws.attempt_dir("one", number)
    folder.mkdir(parents=True)
    start_marker.claim(folder, token)
    return folder


def test_its_own_folder_is_left_where_it_is(ws: Workspace) -> None:
    mine = _attempt(ws, 2, "mine")
    _attempt(ws, 3, "later")
    assert earlier_life.set_aside(ws, _job(2), "mine") is None
    assert sorted(os.listdir(mine.parent)) == ["2", "3"]


def test_only_what_has_its_number_or_a_higher_one_is_moved(ws: Workspace) -> None:
    for number in (1, 2, 3):
        _attempt(ws, number, f"token {number}")
    assert earlier_life.set_aside(ws, _job(2), "mine") is None
    parent = ws.attempt_dir("one", 1).parent
    assert sorted(os.listdir(parent)) == ["1", "earlier-1"]
    assert sorted(os.listdir(parent / "earlier-1")) == ["2", "3"]
    _attempt(ws, 2, "again")
    assert earlier_life.set_aside(ws, _job(2), "mine") is None
    assert sorted(os.listdir(parent)) == ["1", "earlier-1", "earlier-2"]
