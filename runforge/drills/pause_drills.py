"""Drills of runs that stand still or make room while daemons and commands are killed."""

from __future__ import annotations

from random import Random

from runforge.drills.arena import require
from runforge.drills.scene import Scene, run
from runforge.drills.traces import processes_of
from runforge.failpoints import VARIABLE
from runforge.machine import os_process

#: Where a command that freezes, thaws or asks for room can be killed.
_STEPS = ("tx.written:1", "pause.noted:1", "pause.left:1", "command.committed:1")


def freeze(here: Scene, dice: Random) -> str:
    """Every process of the run stands still, whoever is killed, and goes on; nothing of it is lost."""
    # Long enough for two commands on a busy machine: what has ended cannot be frozen.
    here.put(run(6 + dice.uniform(0, 0.3), kind="forking"))
    here.daemon()
    here.until_started()
    _by_steps(here, dice, "freeze")
    here.until(lambda: _stand(here), "all of it stands still")
    here.kill_daemon()
    require(_stand(here), "the run goes on because its daemon was killed")
    here.daemon()
    require(here.jobs()[0]["frozen_at"] is not None, "the new daemon does not know that it is frozen")
    require(_stand(here), "the run goes on because of a new daemon")
    _by_steps(here, dice, "thaw")
    here.until_over()
    here.expect(("succeeded", 1, None))
    here.expect_each_once()
    return "stood still under 2 daemons, went on, ended once"


def give_way(here: Scene, dice: Random) -> str:
    """A run saves and ends with exit code 0: it is not called a success, and goes on where it was."""
    saving = {**run(60, kind="saving"), "resumable": True}
    here.put(saving, run(0.1))
    here.daemon(1)
    here.until_started()
    run_id = here.jobs()[0]["run_id"]
    here.until(lambda: _runs(here, "sleep"), "it trains")
    if dice.random() < 0.5:
        here.kill_daemon()
        _by_steps(here, dice, "yield")
        here.until(lambda: not here.supervisors(), "it has ended without a daemon")
        here.daemon(1)
    else:
        _by_steps(here, dice, "yield")
    here.until_over()
    here.expect(("succeeded", 2, None), ("succeeded", 1, None))
    causes = here.causes(run_id)
    require(causes == ["yielded", "exit"], f"its attempts ended by {causes}")
    saved = (here.root / ".runforge/runs" / run_id / "checkpoints/saved").read_text().strip()
    require(saved == "1", f"attempt {saved} has saved last")
    return "attempt 1 saved, attempt 2 went on from there"


def _by_steps(here: Scene, dice: Random, command: str) -> None:
    """Kill the command at some step; then do it again, as a person would."""
    words = (command, here.jobs()[0]["run_id"], "--workspace", str(here.root))
    here.run(*words, expect=None, **{VARIABLE: dice.choice(_STEPS)})
    here.run(*words, expect=None)  # 1 if the first one has done it


def _stand(here: Scene) -> bool:
    """Return whether the run's processes are stopped, all of them."""
    found = [pid for pid in processes_of(here.root) if _has(pid, b"RUNFORGE_YIELDS=")]
    return bool(found) and all(os_process.is_stopped(pid) or os_process.is_zombie(pid) for pid in found)


def _runs(here: Scene, program: str) -> bool:
    return any(os_process.command_line(pid)[:1] == [program] for pid in processes_of(here.root))


def _has(pid: int, variable: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return variable in file.read()
    except OSError:
        return False
