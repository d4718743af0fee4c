"""Kill anything: each run has run once, has its true outcome, and nothing is orphaned."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena, request

pytestmark = pytest.mark.slow

WITNESS = (
    "import os, sys, time\n"
    "def note(word):\n"
    "    with open(sys.argv[1], 'a') as f: f.write(f\"{word} {os.environ['RUNFORGE_RUN_ID']}\\n\")\n"
    "note('start')\n"
    "time.sleep(float(sys.argv[2]))\n"
    "note('end')\n"
    "sys.exit(int(sys.argv[3]))\n"
)


class Runs:
    """A sweep of commands that note their start and end outside of RunForge."""

    def __init__(self, arena: Arena, runs: list[tuple[float, int]], **plan: Any) -> None:
        self.arena = arena
        self.witness = arena.root.parent / "witness.txt"
        command = [sys.executable, "-c", WITNESS, str(self.witness), "{seconds}", "{code}"]
        document = {
            "version": 1,
            "kind": "sweep_plan",
            "created_at": "x",
            "created_by": "tests",
            "workspace": str(arena.root),
            "group": {"name": "witness"},
            "base_request": request(family="command", command=command, hyperparameters={}),
            "strategy": {
                "type": "list",
                "runs": [
                    {"model.hyperparameters.seconds": s, "model.hyperparameters.code": c} for s, c in runs
                ],
            },
            "execution": {"max_parallel": 2},
            **plan,
        }
        path = arena.root / "witness.json"
        path.write_text(json.dumps(document))
        said = arena.run("enqueue-sweep", "--plan", str(path), "--workspace", str(arena.root))
        self.group = next(line for line in said.splitlines() if line.startswith("[RF")).split()[1]

    def noted(self, word: str) -> list[str]:
        lines = self.witness.read_text().splitlines() if self.witness.exists() else []
        return [line.split()[1] for line in lines if line.startswith(word)]

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return self.arena.jobs(self.group)

    def until(self, condition: Any, what: str) -> None:
        self.arena.until(condition, what)

    def until_all_ended(self) -> None:
        ended = {"succeeded", "failed", "canceled"}
        self.until(lambda: {j["state"] for j in self.jobs} <= ended, "every job has ended")


def supervisors(arena: Arena) -> list[int]:
    """The pids in the start markers of running jobs' attempts."""
    claims = arena.root.glob(".runforge/attempts/*/*/claim")
    pids = [json.loads(path.read_text())["pid"] for path in claims]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_runs_that_end_while_the_daemon_is_dead_have_their_true_outcome(here: Arena) -> None:
    runs = Runs(here, [(0.8, 0), (0.8, 3), (0.1, 0)])
    here.daemon(2)
    runs.until(lambda: len(runs.noted("start")) == 2, "two have started")
    here.kill_daemon()
    here.until(lambda: len(runs.noted("end")) == 2, "both have ended without a daemon")
    here.until(lambda: not supervisors(here), "the supervisors are gone")
    here.daemon(2)
    runs.until_all_ended()
    outcomes = [(j["state"], j["attempt"], j["error"]) for j in runs.jobs]
    assert outcomes == [("succeeded", 1, None), ("failed", 1, "exit code 3"), ("succeeded", 1, None)]
    assert sorted(runs.noted("start")) == sorted(j["run_id"] for j in runs.jobs)
    here.finish()


def test_a_running_run_is_adopted(here: Arena) -> None:
    runs = Runs(here, [(1.5, 0)])
    here.daemon(2)
    runs.until(lambda: runs.noted("start"), "it has started")
    here.kill_daemon()
    here.daemon(2)
    assert runs.jobs[0]["state"] == "running"
    runs.until_all_ended()
    assert (runs.jobs[0]["state"], runs.jobs[0]["attempt"]) == ("succeeded", 1)
    assert len(runs.noted("start")) == 1
    here.finish()


@pytest.mark.parametrize(
    ("policy", "state", "starts"),
    [("requeue", "succeeded", 2), ("fail", "failed", 1), ("cancel", "canceled", 1)],
)
def test_orphans_are_treated_by_policy(here: Arena, policy: str, state: str, starts: int) -> None:
    runs = Runs(here, [(1.0, 0)])
    here.daemon(2)
    runs.until(lambda: runs.noted("start"), "it has started")
    here.kill_daemon()
    for pid in supervisors(here):
        os.kill(pid, signal.SIGKILL)
    here.daemon(2, 1, "--orphans", policy)
    runs.until_all_ended()
    job = runs.jobs[0]
    assert (job["state"], len(runs.noted("start")), job["attempt"]) == (state, starts, starts)
    result = here.result(job["run_id"])
    assert result["status"] == {"canceled": "cancelled"}.get(state, state)
    assert result["effective_config"]["model"]["family"] == "command"
    here.finish()


def test_a_supervisor_killed_under_a_live_daemon_gives_up_after_three_attempts(here: Arena) -> None:
    runs = Runs(here, [(60, 0)])
    here.daemon(1)
    for number in (1, 2, 3):
        runs.until(lambda n=number: len(runs.noted("start")) == n, f"attempt {number} has started")
        for pid in supervisors(here):
            os.kill(pid, signal.SIGKILL)
    runs.until_all_ended()
    job = runs.jobs[0]
    assert (job["state"], job["attempt"]) == ("failed", 3)
    assert "3 attempts lost" in job["error"]
    here.finish()


def test_a_killed_zygote_is_replaced(here: Arena) -> None:
    runs = Runs(here, [(0.6, 0)] * 6)
    daemon = here.daemon(2)
    runs.until(lambda: len(runs.noted("start")) == 2, "two have started")
    children = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
    assert len(children) == 2
    for pid in children:
        os.kill(int(pid), signal.SIGKILL)
    here.until_ended(runs.group, "completed")
    assert sorted(runs.noted("start")) == sorted(j["run_id"] for j in runs.jobs)
    here.finish()


def test_sigterm_ends_the_daemon_within_two_seconds_and_no_run(here: Arena) -> None:
    runs = Runs(here, [(1.5, 0)])
    daemon = here.daemon(2)
    runs.until(lambda: runs.noted("start"), "it has started")
    begin = time.monotonic()
    daemon.terminate()
    assert daemon.wait(timeout=60) == 0
    took = time.monotonic() - begin
    said = here.said(daemon)
    assert "1 run continues" in said
    assert f"[RF:DAEMON=STOPPED pid={daemon.pid}]" in said
    state = json.loads((here.root / ".runforge/queue/daemon.json").read_text())
    assert state["state"] == "stopped"
    here.until(lambda: runs.noted("end"), "the run has ended by itself")
    here.daemon(2)
    runs.until_all_ended()
    assert (runs.jobs[0]["state"], len(runs.noted("start"))) == ("succeeded", 1)
    here.finish()
    # The contract's promise; far from what it takes, so that a slow machine does not fail it.
    assert took < 2.0


def test_a_second_daemon_is_refused_naming_the_first(here: Arena, cli: Any) -> None:
    first = here.daemon(1)
    second = cli("daemon", "--workspace", here.root)
    assert second.returncode == 1
    assert f"pid {first.pid}" in second.stderr
    assert second.stderr.count("\n") == 1
    here.finish()


def test_a_stopped_daemon_is_replaced_and_finds_itself_fenced(here: Arena) -> None:
    runs = Runs(here, [(0.5, 0)] * 4)
    first = here.daemon(1)
    runs.until(lambda: runs.noted("start"), "one has started")
    first.send_signal(signal.SIGSTOP)
    here.daemon(1, 1, "--replace")
    here.until_ended(runs.group, "completed")
    assert first.wait(timeout=60) == -signal.SIGKILL
    assert sorted(runs.noted("start")) == sorted(j["run_id"] for j in runs.jobs)
    here.finish()


def test_a_stale_daemon_that_wakes_up_writes_nothing(here: Arena) -> None:
    runs = Runs(here, [(0.4, 0)] * 6)
    first = here.daemon(1)
    runs.until(lambda: runs.noted("start"), "one has started")
    first.send_signal(signal.SIGSTOP)
    (here.root / ".runforge/queue/daemon.lock").unlink()
    here.daemon(1)
    first.send_signal(signal.SIGCONT)
    assert first.wait(timeout=20) == 4
    assert "newer daemon has taken over" in here.said(first) or "was deleted or replaced" in here.said(first)
    here.until_ended(runs.group, "completed")
    assert sorted(runs.noted("start")) == sorted(j["run_id"] for j in runs.jobs)
    here.finish()


def test_a_cancel_works_with_the_daemon_dead(here: Arena) -> None:
    runs = Runs(here, [(60, 0), (60, 0), (60, 0)])
    here.daemon(2)
    runs.until(lambda: len(runs.noted("start")) == 2, "two have started")
    here.kill_daemon()
    here.run("cancel-group", "--group-id", runs.group, "--workspace", str(here.root))
    here.until(lambda: not supervisors(here), "the runs have been stopped")
    here.daemon(2)
    here.until_ended(runs.group, "canceled")
    assert [j["state"] for j in runs.jobs] == ["canceled"] * 3
    here.finish()


def test_a_reboot_requeues_what_ran(here: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(here, [(0.8, 0)])
    monkeypatch.setenv("RUNFORGE_FAKE_BOOT_ID", "boot-one")
    here.daemon(1)
    runs.until(lambda: runs.noted("start"), "it has started")
    here.kill_daemon()
    # The supervisor first: a power cut leaves it no time to see its run die.
    for pid in supervisors(here):
        os.kill(pid, signal.SIGKILL)
    monkeypatch.setenv("RUNFORGE_FAKE_BOOT_ID", "boot-two")
    here.daemon(1)
    runs.until_all_ended()
    assert (runs.jobs[0]["state"], runs.jobs[0]["attempt"]) == ("succeeded", 2)
    timeline = json.loads(here.run("show", "@last", "--json", "--workspace", str(here.root)))
    assert timeline["data"]["attempts"][0]["cause"] == "reboot"
    here.finish()


def test_stop_daemon_drains_or_cancels(here: Arena) -> None:
    runs = Runs(here, [(3, 0), (3, 0), (60, 0)])
    here.daemon(2)
    runs.until(lambda: len(runs.noted("start")) == 2, "two have started")
    here.run("stop-daemon", "--drain", "30", "--workspace", str(here.root))
    assert [j["state"] for j in runs.jobs] == ["succeeded", "succeeded", "queued"]
    here.daemon(2)
    runs.until(lambda: len(runs.noted("start")) == 3, "the third has started")
    here.run("stop-daemon", "--cancel-running", "--workspace", str(here.root))
    assert runs.jobs[2]["state"] == "canceled"
    here.finish()


def test_deleted_exports_come_back(here: Arena) -> None:
    runs = Runs(here, [(0.1, 0)])
    here.daemon(1)
    here.until_ended(runs.group, "completed")
    queue = here.root / ".runforge/queue/queue.json"
    queue.unlink()
    here.until(queue.exists, "queue.json is back", 15)
    here.finish()
