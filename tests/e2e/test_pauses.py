"""Freeze, thaw and yield with real daemons, commands and runs."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from gauntlets.resumable import PROGRAM, curve
from runforge.drills.traces import processes_of
from runforge.machine import os_process

pytestmark = pytest.mark.slow

#: Says what it was told, and waits for a file. TERM ends it.
SAYS = (
    "import json, os, sys, time\n"
    "names = ('RUNFORGE_RESUME', 'RUNFORGE_YIELDS', 'RUNFORGE_CHECKPOINT_DIR')\n"
    "print(json.dumps({name: os.environ.get(name) for name in names}), flush=True)\n"
    "while not os.path.exists(sys.argv[1]): time.sleep(0.02)\n"
)


class Desk:
    """The commands that a person types."""

    def __init__(self, here: Arena) -> None:
        self.here = here
        self.at = ("--workspace", str(here.root))
        self.go = here.root.parent / "go"

    def type(self, *words: str, expect: int = 0) -> str:
        return self.here.run(*words, *self.at, expect=expect)

    def submit(self, *words: str, code: str = SAYS, arguments: tuple[str, ...] = ()) -> str:
        command = ("--", sys.executable, "-c", code, *(arguments or (str(self.go),)))
        return self.here.run("submit", *self.at, *words, *command).strip()

    def job(self, run_id: str) -> dict[str, Any]:
        return next(job for job in self.here.jobs() if job["run_id"] == run_id)

    def folder(self, run_id: str) -> Path:
        return self.here.root / ".runforge/runs" / run_id

    def log(self, run_id: str) -> str:
        path = self.folder(run_id) / "logs.txt"
        return path.read_text() if path.exists() else ""

    def until(self, run_id: str, **wanted: object) -> None:
        def is_so() -> bool:
            job = self.job(run_id)
            return {name: job[name] for name in wanted} == wanted

        self.here.until(is_so, f"{run_id} is {wanted}")

    def until_up(self, run_id: str, attempt: int = 1) -> None:
        """Wait until an attempt's own code runs."""
        self.until(run_id, state="running", attempt=attempt)
        earlier = self.folder(run_id) / "previous" / str(attempt - 1) / "logs.txt"
        self.here.until(lambda: attempt == 1 or earlier.exists(), "the log of the attempt before is aside")
        self.here.until(lambda: "RUNFORGE_YIELDS" in self.log(run_id), "it is up")

    def told(self, run_id: str) -> dict[str, str | None]:
        """Return what the newest attempt was told by its environment."""
        line = next(line for line in self.log(run_id).splitlines() if "RUNFORGE_YIELDS" in line)
        return dict(json.loads(line))

    def causes(self, run_id: str) -> list[str]:
        attempts = json.loads(self.type("show", run_id, "--json"))["data"]["attempts"]
        return [attempt["cause"] for attempt in attempts]

    def end(self, run_id: str, state: str = "succeeded") -> None:
        self.go.touch()
        self.until(run_id, state=state)
        self.here.finish()


@pytest.fixture
def desk(here: Arena) -> Desk:
    return Desk(here)


def workers(here: Arena) -> list[int]:
    """Return the processes of runs: they have the variable that each run gets."""
    found = []
    for pid in processes_of(here.root):
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if b"RUNFORGE_YIELDS=" in environment:
            found.append(pid)
    return found


def stand_still(here: Arena) -> bool:
    found = workers(here)
    return bool(found) and all(os_process.is_stopped(pid) for pid in found)


def test_the_curve_of_a_run_that_yields_again_and_again_is_that_of_one_that_does_not(desk: Desk) -> None:
    arguments = ("1500", "0.1", str(desk.go))
    alone = desk.submit("--resumable", code=PROGRAM, arguments=arguments)
    often = desk.submit("--resumable", code=PROGRAM, arguments=arguments)
    desk.here.daemon(2)
    for attempt in range(1, 9):
        wanted = len(curve(desk.folder(often))) + 3

        def has_got_on(least: int = wanted) -> bool:
            return len(curve(desk.folder(often))) >= least

        desk.until(often, state="running", attempt=attempt)
        desk.here.until(has_got_on, "it has got on")
        desk.type("yield", often)
        desk.until(often, yields=attempt)
    desk.go.touch()
    desk.until(often, state="succeeded")
    desk.until(alone, state="succeeded")
    assert curve(desk.folder(often)) == curve(desk.folder(alone))
    assert [step for step, _ in curve(desk.folder(alone))] == list(range(1500))
    assert desk.causes(often) == ["yielded"] * 8 + ["exit"]
    desk.here.finish()


def test_what_a_run_that_yields_is_told_and_what_others_see(desk: Desk) -> None:
    run_id = desk.submit("--resumable", "--retry", "1:exit")
    desk.here.daemon(1)
    desk.until_up(run_id)
    folder = str(desk.folder(run_id) / "checkpoints")
    first = {"RUNFORGE_RESUME": None, "RUNFORGE_YIELDS": "0", "RUNFORGE_CHECKPOINT_DIR": folder}
    assert desk.told(run_id) == first
    (Path(folder) / "kept").write_text("kept")
    said = desk.type("yield", "--hold", run_id)
    assert said.splitlines() == [f"1  {run_id}  asked to yield, held then", "1 changed, 0 skipped"]
    desk.until(run_id, state="queued", held=True, attempt=2, yields=1)
    assert desk.job(run_id)["error"] == "yielded: ended by SIGTERM"
    assert desk.here.result(run_id)["status"] == "cancelled"
    assert desk.here.result(run_id)["error"]["type"] == "yielded"
    assert "Resumes    from its checkpoints, has yielded 1 time" in desk.type("show", run_id)
    assert json.loads(desk.type("show", run_id, "--json"))["data"]["retries_used"] == []
    desk.type("release", run_id)
    desk.until_up(run_id, 2)
    assert desk.told(run_id) == {**first, "RUNFORGE_RESUME": "1", "RUNFORGE_YIELDS": "1"}
    assert (Path(folder) / "kept").read_text() == "kept"
    desk.end(run_id)


def test_it_goes_back_before_all_others_of_its_lane_and_others_get_its_place(desk: Desk) -> None:
    first = desk.submit("--resumable")
    others = [desk.submit() for _ in range(2)]
    urgent = desk.submit("-p", "5", "--hold")
    desk.here.daemon(1)
    desk.until_up(first)
    desk.type("move", others[1], "--front")
    desk.type("release", urgent)
    desk.type("yield", first)
    desk.until(urgent, state="running")
    desk.go.touch()
    desk.here.until(lambda: desk.here.in_state("succeeded") == 4, "all have succeeded")
    assert desk.here.started() == [first, urgent, first, others[1], others[0]]
    desk.here.finish()


def test_a_run_that_is_not_resumable_is_asked_only_by_force(desk: Desk) -> None:
    run_id = desk.submit()
    desk.here.daemon(1)
    desk.until_up(run_id)
    said = desk.type("yield", run_id, expect=1)
    assert "0 changed, 1 skipped (not resumable: it would start from zero" in said
    assert not (desk.folder(run_id) / "checkpoints").exists()
    desk.type("yield", "--force", run_id)
    desk.until_up(run_id, 2)
    assert desk.told(run_id)["RUNFORGE_RESUME"] is None
    desk.end(run_id)


def test_five_yields_in_a_row_without_a_new_step_hold_the_run(desk: Desk) -> None:
    run_id = desk.submit("--resumable", code="raise SystemExit(85)")
    desk.here.daemon(1)
    desk.until(run_id, state="queued", held=True)
    job = desk.job(run_id)
    assert (job["yields"], job["attempt"]) == (5, 6)
    assert job["error"] == (
        "yielded: it ended with exit code 85; held: 5 times in a row it has yielded without a new step"
    )
    desk.type("release", run_id)
    desk.until(run_id, yields=10, held=True)
    desk.type("cancel", run_id)
    desk.here.finish()


def test_a_frozen_run_outlives_the_daemon_and_holds_its_slot(desk: Desk) -> None:
    here = desk.here
    run_id, other = desk.submit(), desk.submit()
    here.daemon(1)
    desk.until_up(run_id)
    assert desk.type("freeze", run_id).startswith(f"1  {run_id}  frozen")
    here.until(lambda: stand_still(here), "it stands still")
    assert desk.job(run_id)["frozen_at"] is not None
    assert re.search(r"running \(frozen \d+s, holds its slot\)", desk.type("show", run_id))
    assert re.search(r"frozen \d+s, holds its slot", desk.type("jobs"))
    assert "already frozen" in desk.type("freeze", run_id, expect=1)
    here.kill_daemon()
    assert stand_still(here)
    here.daemon(1)
    here.until(lambda: "[RF:DAEMON=STARTED" in here.said(here.daemons[-1]), "the new daemon is up")
    assert stand_still(here)
    assert desk.job(other)["state"] == "queued"
    here.kill_daemon()
    desk.type("thaw", run_id)
    here.until(lambda: not stand_still(here), "it goes on without a daemon")
    desk.go.touch()
    here.daemon(1)
    here.until(lambda: here.in_state("succeeded") == 2, "both have succeeded")
    assert desk.causes(run_id) == ["exit"]
    here.finish()


def test_a_freeze_without_a_daemon_and_a_thaw_that_only_a_daemon_can_deliver(desk: Desk) -> None:
    here = desk.here
    run_id = desk.submit()
    here.daemon(1)
    desk.until_up(run_id)
    here.kill_daemon()
    desk.type("freeze", run_id)
    here.until(lambda: stand_still(here), "it stands still")
    here.environment["RUNFORGE_FAILPOINT"] = "pause.noted:1"
    desk.type("thaw", run_id, expect=-signal.SIGKILL)
    del here.environment["RUNFORGE_FAILPOINT"]
    assert stand_still(here)
    here.daemon(1)
    here.until(lambda: not stand_still(here), "the daemon has delivered it")
    desk.end(run_id)


def test_cancel_lets_a_frozen_run_go_on_to_its_end(desk: Desk) -> None:
    run_id = desk.submit()
    desk.here.daemon(1)
    desk.until_up(run_id)
    desk.type("freeze", run_id)
    desk.here.until(lambda: stand_still(desk.here), "it stands still")
    desk.type("cancel", run_id)
    desk.until(run_id, state="canceled", frozen_at=None)
    desk.here.finish()


@pytest.mark.parametrize(
    ("on_lost", "wanted"),
    [
        ("hold", {"state": "queued", "held": True}),
        ("fail", {"state": "failed"}),
        ("resume", {"state": "running", "attempt": 2}),
    ],
)
def test_what_becomes_of_a_lost_run_is_its_own_matter(desk: Desk, on_lost: str, wanted: Any) -> None:
    run_id = desk.submit("--on-lost", on_lost)
    desk.here.daemon(1)
    desk.until_up(run_id)
    desk.type("freeze", run_id)
    desk.here.until(lambda: stand_still(desk.here), "it stands still")
    desk.here.kill_runs()
    desk.until(run_id, **wanted, frozen_at=None)
    if on_lost == "resume":
        desk.until_up(run_id, 2)
        assert desk.told(run_id)["RUNFORGE_RESUME"] == "1"
    if on_lost != "fail":
        desk.type("cancel", run_id)
        desk.until(run_id, state="canceled")
    desk.here.finish()


def test_the_helper_leaves_and_finishes(desk: Desk) -> None:
    code = (
        "import os, sys, time\n"
        "import runforge_run as run\n"
        "run.log(loss=1.0, step=run.attempt)\n"
        "run.should_stop()  # from here on TERM only says so\n"
        "print('RUNFORGE_YIELDS', flush=True)\n"
        "while not run.should_stop(): time.sleep(0.02)\n"
        "if run.attempt == 1:\n"
        "    open(os.path.join(run.checkpoint_dir, 'x'), 'w').close()\n"
        "    run.leave()\n"
        "assert run.resuming\n"
        "run.finished()\n"
    )
    run_id = desk.submit("--resumable", code=code)
    desk.here.daemon(1)
    desk.until_up(run_id)
    desk.type("yield", run_id)
    desk.until_up(run_id, 2)
    desk.type("yield", run_id)
    desk.until(run_id, state="succeeded", yields=1)
    assert desk.causes(run_id) == ["yielded", "exit"]
    desk.here.finish()
    assert os.listdir(desk.folder(run_id) / "checkpoints") == ["x"]


def test_what_is_asked_of_other_runs_changes_nothing(desk: Desk) -> None:
    run_id = desk.submit("--hold")
    for command in ("freeze", "thaw", "yield"):
        assert "0 changed, 1 skipped (still queued: 1)" in desk.type(command, run_id, expect=1)
    desk.type("cancel", run_id)
    assert "0 changed, 1 skipped (already canceled: 1)" in desk.type("yield", run_id, expect=1)
    before = len(desk.here.jobs())
    desk.here.run("submit", *desk.at, "--resumable=KILL", "--", "true", expect=2)
    desk.here.run("submit", *desk.at, "--on-lost", "cry", "--", "true", expect=2)
    assert len(desk.here.jobs()) == before
