"""A foreground `sweep` is killed: its waiting runs are canceled by the next command or daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.drills.plans import grid, plan, request
from runforge.queue import abandoned, retry
from runforge.store import foreground
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace

pytestmark = pytest.mark.slow

REASON = "was killed"


def begin(here: Arena, **environment: str) -> subprocess.Popen[bytes]:
    """A sweep of three runs, one at a time. The first runs until the test ends it."""
    go = here.root.parent / "go"
    base = request(family="command", command=["/bin/sh", "-c", f"until [ -e {go} ]; do sleep 0.05; done"])
    base["model"]["hyperparameters"] = {"n": 0}
    strategy = grid(3, "model.hyperparameters.n")
    path = here.root.parent / "plan.json"
    path.write_text(json.dumps(plan(here.root, base, strategy, name="front", max_parallel=1)))
    words = [*here.program, "sweep", "--plan", str(path), "--workspace", str(here.root)]
    sweep = subprocess.Popen(
        words,
        cwd=here.root.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    here.daemons.append(sweep)  # ended with the others, if the test fails
    return sweep


def killed(here: Arena) -> Workspace:
    """The workspace of a sweep that was killed while its first run ran."""
    sweep = begin(here)
    ws = workspaces.at(here.root)
    here.until(lambda: states(ws) == ["running", "queued", "queued"], "the first one runs")
    sweep.send_signal(signal.SIGKILL)
    sweep.wait()
    here.daemons.remove(sweep)
    return ws


def states(ws: Workspace) -> list[str]:
    return [job.state for job in lists.jobs(ws)] if ws.journal.exists() else []


def end_first(here: Arena) -> None:
    (here.root.parent / "go").touch()


def exported(here: Arena) -> list[tuple[Any, Any]]:
    return [(job["state"], job["error"] and REASON in job["error"]) for job in here.jobs()]


def test_the_first_command_cancels_what_waits(here: Arena) -> None:
    ws = killed(here)
    status = json.loads(here.run("queue-status", "--json", "--workspace", str(here.root)))["data"]
    assert status["counts"]["queued"] == 0
    assert states(ws) == ["running", "canceled", "canceled"]
    assert exported(here)[1:] == [("canceled", True)] * 2
    assert not any((ws.state_dir / "foreground").iterdir())
    end_first(here)
    here.daemon(1)
    here.until(lambda: states(ws)[0] == "succeeded", "the daemon has adopted the one that ran")
    assert states(ws) == ["succeeded", "canceled", "canceled"]
    here.finish()


def test_a_later_daemon_runs_none_of_it(here: Arena) -> None:
    ws = killed(here)
    here.daemon(3)
    assert states(ws) == ["running", "canceled", "canceled"]
    assert "canceled 2 waiting runs" in here.said(here.daemons[-1])
    assert len(here.started()) == 0
    end_first(here)
    here.until(lambda: states(ws)[0] == "succeeded", "the first one has ended")
    here.finish()


def test_a_daemon_that_runs_it_for_a_sweep_cancels_it_too(here: Arena) -> None:
    here.daemon(1)
    ws = killed(here)
    here.until(lambda: states(ws) == ["running", "canceled", "canceled"], "the daemon has noticed")
    end_first(here)
    here.until(lambda: states(ws)[0] == "succeeded", "the first one has ended")
    here.finish()


def test_what_is_retried_afterwards_runs(here: Arena) -> None:
    ws = killed(here)
    end_first(here)
    group = lists.groups(ws)[0].group_id
    # No command has looked before: the retry itself must not be canceled with the rest.
    with open_journal(ws) as journal:
        abandoned.cancel(ws, journal)
    retry.retry_run(ws, lists.jobs(ws)[1].run_id)
    here.daemon(1)
    here.until_ended(group, "canceled")
    assert states(ws) == ["succeeded", "succeeded", "canceled"]
    here.finish()


def test_a_sweep_that_lives_is_left_alone_and_leaves_no_mark(here: Arena) -> None:
    sweep = begin(here)
    ws = workspaces.at(here.root)
    here.until(lambda: states(ws) == ["running", "queued", "queued"], "the first one runs")
    assert not foreground.has_abandoned(ws)
    here.run("queue-status", "--workspace", str(here.root))
    end_first(here)
    assert sweep.wait(60) == 0
    here.daemons.remove(sweep)
    assert states(ws) == ["succeeded"] * 3
    assert not any((ws.state_dir / "foreground").iterdir())


@pytest.mark.parametrize(
    ("point", "left"), [("enqueue.durable", []), ("command.committed", ["canceled"] * 3)]
)
def test_killed_while_it_enqueues(here: Arena, point: str, left: list[str]) -> None:
    sweep = begin(here, RUNFORGE_FAILPOINT=f"{point}:1")
    assert sweep.wait(60) == -signal.SIGKILL
    here.daemons.remove(sweep)
    ws = workspaces.at(here.root)
    here.run("queue-status", "--workspace", str(here.root))
    assert states(ws) == left
    assert not any((ws.state_dir / "foreground").iterdir())


def test_only_one_of_many_deals_with_a_mark(ws: Workspace) -> None:
    with foreground.Mark(ws) as mark:
        mark.take("group")
        assert not foreground.has_abandoned(ws)
    mark = foreground.Mark(ws)
    mark.take("group")
    mark.__exit__(KeyError, KeyError(), None)  # an end that was not meant
    assert foreground.has_abandoned(ws)
    with foreground.abandoned(ws) as groups:
        assert groups == ["group"]
        assert not foreground.has_abandoned(ws)
    assert not foreground.has_abandoned(ws)
