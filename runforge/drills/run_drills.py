"""Drills of supervisors, zygotes and the machine. The outcome of each run must be known."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from random import Random

from runforge.drills.arena import require
from runforge.drills.scene import Scene, run
from runforge.machine import os_process

_ZYGOTES = 2


def supervisor_killed(here: Scene, dice: Random) -> str:
    """The rest of its run is killed, then the run starts again."""
    here.put(run(1 + dice.uniform(0, 0.3), kind="forking"))
    here.daemon()
    here.until_started()
    require(here.kill_supervisors() == 1, "there was no supervisor to kill")
    here.until_over()
    here.expect(("succeeded", 2, None))
    causes = here.causes("@last")
    require(causes == ["lost", "exit"], f"its attempts ended by {causes}")
    require(len(here.started) == 2, f"it started {len(here.started)} times")
    return "attempt 1 cleaned up, attempt 2 succeeded"


def all_killed(here: Scene, dice: Random) -> str:
    """Daemon and supervisors die at the same time, as when memory runs out."""
    here.put(run(1 + dice.uniform(0, 0.3)), run(1.0, 3, "forking"), run(0.1))
    here.daemon()
    here.until_started(2)
    here.kill_daemon()
    killed = here.kill_supervisors()
    here.daemon()
    here.until_over()
    here.expect(("succeeded", 2, None), ("failed", 2, "exit code 3"), ("succeeded", 1, None))
    return f"{killed} supervisors killed too; 3 true outcomes"


def zygotes_killed(here: Scene, dice: Random) -> str:
    """The processes that fork the supervisors die while the daemon runs."""
    here.put(*[run(0.2 + dice.uniform(0, 0.2)) for _ in range(8)])
    daemon = here.daemon()
    here.until_started(2)
    for pid in _zygotes(daemon.pid):
        _signal(pid, signal.SIGKILL)
    here.until_over()
    states = {job["state"] for job in here.jobs()}
    require(states == {"succeeded"}, f"the jobs are {states}")
    here.expect_each_once()
    require(daemon.poll() is None, "the daemon has ended")
    return "replaced; 8 runs, each started once"


def late_launch(here: Scene, _dice: Random) -> str:
    """A launch hangs while the daemon changes, and continues when its run has already ended."""
    daemon = here.daemon()
    zygotes = _zygotes(daemon.pid)
    for pid in zygotes:
        _signal(pid, signal.SIGSTOP)
    here.put(run(0.2), run(0.2, 3))
    running = {"running"}
    here.until(lambda: {job["state"] for job in here.jobs()} == running, "both are being launched")
    here.kill_daemon()
    here.daemon()
    here.until_over()
    for pid in zygotes:
        _signal(pid, signal.SIGCONT)
    here.until(lambda: not any(os_process.session_of(pid) for pid in zygotes), "the old zygotes are gone")
    here.until(lambda: not here.supervisors(), "the late supervisors are gone")
    here.expect(("succeeded", 2, None), ("failed", 2, "exit code 3"))
    here.expect_each_once()
    return "2 late supervisors revoked; each run started once"


def _zygotes(daemon: int) -> list[int]:
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text("ascii").split()
    require(len(children) == _ZYGOTES, f"the daemon has {len(children)} children")
    return [int(pid) for pid in children]


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def rebooted(here: Scene, dice: Random) -> str:
    """The power is cut and the machine starts again (with a faked boot id)."""
    here.environment[os_process.FAKE_BOOT_ID] = "drill-before"
    here.put(run(1 + dice.uniform(0, 0.3)), run(1.0), run(0.1, 3))
    here.daemon()
    here.until_started(2)
    here.cut_power()
    here.environment[os_process.FAKE_BOOT_ID] = "drill-after"
    here.daemon()
    here.until_over()
    here.expect(("succeeded", 2, None), ("succeeded", 2, None), ("failed", 1, "exit code 3"))
    first = here.jobs()[0]["run_id"]
    causes = here.causes(first)
    require(causes == ["reboot", "exit"], f"the attempts of {first} ended by {causes}")
    return "2 cut runs started again, 1 queued one kept"
