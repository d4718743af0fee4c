"""A damaged journal: a clear error, no automatic new journal, and a recovery of all that can be saved."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge.cli import samples
from runforge.queue import cancel, pause, retry, submit
from runforge.store import verify
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace

pytestmark = pytest.mark.slow

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
_PAGE = 4096


def fill(ws: Workspace, runs: int = 120) -> set[str]:
    """Enqueue sweeps of which some jobs have ended; return all run ids."""
    for number in range(3):
        axis = {"path": "model.hyperparameters.C", "values": [i + 1 for i in range(runs // 3)]}
        plan = {**samples.plan(str(ws.root)), "group": {"name": f"g{number}"}}
        plan["strategy"] = {"type": "grid", "parameters": [axis]}
        submit.enqueue_sweep(ws, samples.encode(plan), where="plan.json")
    group = lists.groups(ws)[0].group_id
    pause.pause_group(ws, group)
    cancel.cancel_group(ws, lists.groups(ws)[1].group_id)
    retry.retry_run(ws, lists.jobs(ws, state="canceled")[0].run_id)
    with open_journal(ws) as journal:
        journal.checkpoint()
    return {job.run_id for job in lists.jobs(ws)}


def states(ws: Workspace) -> dict[str, tuple[str, int, str | None]]:
    return {job.run_id: (job.state, job.attempt, job.group_id) for job in lists.jobs(ws)}


def overwrite(path: Path, page: int, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.seek(page * _PAGE)
        file.write(chance.randbytes(_PAGE))


@pytest.mark.parametrize("seed", range(8))
def test_random_pages_of_the_journal_are_lost_and_no_job_is(ws: Workspace, cli: Cli, seed: int) -> None:
    runs = fill(ws)
    before, groups = states(ws), {g.group_id: g.paused for g in lists.groups(ws)}
    chance = random.Random(seed)
    pages = ws.journal.stat().st_size // _PAGE
    for page in chance.sample(range(1, pages), 5):
        overwrite(ws.journal, page, chance)
    damaged = ws.journal.read_bytes()
    found = cli("doctor", "-w", ws.root)
    if found.returncode == 0:
        pytest.fail("five pages of noise and doctor sees nothing")
    done = cli("doctor", "--recover", "-w", ws.root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The damaged journal is kept at" in done.stderr
    assert set(states(ws)) == runs
    assert states(ws) == before
    assert {g.group_id: g.paused for g in lists.groups(ws)} == groups
    assert verify.check(ws) == []
    kept = next(ws.state_dir.glob("runforge.db.damaged-*[!lm]"))
    assert kept.read_bytes() == damaged


def test_without_a_readable_header_the_exports_serve(ws: Workspace, cli: Cli) -> None:
    fill(ws)
    before = states(ws)
    overwrite(ws.journal, 0, random.Random(1))
    status = cli("queue-status", "-w", ws.root)
    assert status.returncode == 4
    assert "is damaged" in status.stderr
    assert "`runforge doctor --recover`" in status.stderr
    assert cli("enqueue-sweep", "-w", ws.root, "--plan", ws.root / "plan.json").returncode == 4
    done = cli("doctor", "--recover", "-w", ws.root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert states(ws) == before


def test_an_emptied_journal_beside_runs_is_refused_and_rebuilt(ws: Workspace, cli: Cli) -> None:
    fill(ws)
    before = states(ws)
    os.truncate(ws.journal, 0)
    for suffix in ("-wal", "-shm"):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)
    refused = cli("queue-status", "-w", ws.root)
    assert refused.returncode == 4
    assert "the journal is empty although runs exist" in refused.stderr
    assert cli("doctor", "--recover", "-w", ws.root).returncode == 0
    assert states(ws) == before


def test_nothing_is_recovered_where_nothing_is_wrong(ws: Workspace, cli: Cli) -> None:
    fill(ws, 6)
    before = ws.journal.read_bytes()
    said = cli("doctor", "--recover", "-w", ws.root)
    assert said.returncode == 0
    assert "there is nothing to recover" in said.stderr
    assert ws.journal.read_bytes() == before
    assert not list(ws.state_dir.glob("runforge.db.damaged-*"))


def test_run_folders_that_no_source_knows_are_named(ws: Workspace, cli: Cli) -> None:
    fill(ws, 6)
    overwrite(ws.journal, 0, random.Random(1))
    shutil.rmtree(ws.queue_dir)
    said = cli("doctor", "--recover", "-w", ws.root)
    assert "Recovered 0 jobs from the journal, 0 from the exports, and 3 groups" in said.stderr
    assert "enqueue-run --run-id" in said.stderr
    assert "... and 1 more such folders" in said.stderr


def test_a_recovered_queue_goes_on_where_it_was(here: Arena) -> None:
    group = here.sweep(8, name="damage", seconds=2)
    here.daemon(2)
    here.until(lambda: here.in_state("succeeded", group) >= 2, "two runs have ended")
    here.until(lambda: here.in_state("running", group) == 2, "two are running")
    here.kill_daemon()
    journal = here.root / ".runforge/runforge.db"
    for suffix in ("-wal", "-shm"):
        Path(f"{journal}{suffix}").unlink(missing_ok=True)
    overwrite(journal, 0, random.Random(1))
    refused = here.run("daemon", "--workspace", str(here.root), expect=4)
    assert refused == ""
    here.run("doctor", "--recover", "--workspace", str(here.root))
    here.daemon(2)
    here.until_ended(group, "completed")
    jobs = here.jobs(group)
    assert len(jobs) == 8
    assert {job["attempt"] for job in jobs} == {1}  # those that ran were adopted, none ran twice
    here.finish()


def test_with_a_daemon_alive_it_refuses(here: Arena) -> None:
    here.sweep(1, name="alive")
    daemon = here.daemon(1)
    here.run("doctor", "--recover", "--workspace", str(here.root), expect=1)
    here.stop_daemon()
    assert daemon.returncode == 0
    assert json.loads(here.run("doctor", "--json", "--workspace", str(here.root)))["data"]["ok"]
