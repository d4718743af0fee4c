"""Drills of the daemon: killed, stopped, restarted, replaced. The runs must not notice it."""

from __future__ import annotations

import json
import signal
import time
from random import Random

from runforge.drills.arena import require
from runforge.drills.scene import Scene, run


def acknowledged(here: Scene, dice: Random) -> str:
    """The daemon is killed right after an enqueue; the next enqueue has no daemon."""
    here.daemon()
    here.put(*[run(0.1)] * 5, name="before")
    time.sleep(dice.uniform(0, 0.1))
    here.kill_daemon()
    here.put(*[run(0.1)] * 5, name="after")
    here.daemon()
    here.until_over()
    here.expect_each_once()
    here.expect_ends(*[("succeeded", None)] * 10)
    return f"{len(here.jobs())} of 10 kept, each ran once"


def adopted(here: Scene, dice: Random) -> str:
    """A run continues while the daemon is dead, and the next daemon adopts it."""
    here.put(run(1.5 + dice.uniform(0, 0.3)))
    here.daemon()
    here.until_started()
    here.kill_daemon()
    time.sleep(dice.uniform(0, 0.3))
    here.daemon()
    # The exports are up to two seconds old: those of the first daemon may not show the start yet.
    here.until(lambda: here.outcomes() != [("queued", 1, None)], "the exports show the start")
    require(here.outcomes()[0][1] == 1, f"the jobs are {here.outcomes()}")
    here.until_over()
    here.expect(("succeeded", 1, None))
    here.expect_each_once()
    return "kept, adopted, succeeded; started once"


def exit_zero(here: Scene, dice: Random) -> str:
    """A run that succeeds without a daemon has succeeded."""
    _end_alone(here, dice, 0)
    here.expect(("succeeded", 1, None))
    return "succeeded; started once"


def exit_three(here: Scene, dice: Random) -> str:
    """A run that fails without a daemon has failed with its exit code."""
    _end_alone(here, dice, 3)
    here.expect(("failed", 1, "exit code 3"))
    return "failed with exit code 3; started once"


def _end_alone(here: Scene, dice: Random, code: int) -> None:
    here.put(run(0.4 + dice.uniform(0, 0.3), code))
    here.daemon()
    here.until_started()
    here.kill_daemon()
    here.until(lambda: here.ended and not here.supervisors(), "the run has ended without a daemon")
    here.daemon()
    here.until_over()
    here.expect_each_once()


def restarted(here: Scene, dice: Random) -> str:
    """TERM ends the daemon but no run; the next daemon starts normally."""
    here.put(run(1.5 + dice.uniform(0, 0.3)))
    daemon = here.daemon()
    here.until_started()
    start = time.monotonic()
    daemon.terminate()
    code = daemon.wait(timeout=30)
    took = time.monotonic() - start
    require(code == 0, f"the daemon ended with exit code {code}")
    require(here.daemon_json()["state"] == "stopped", "daemon.json does not say stopped")
    here.daemon()
    here.until_over()
    here.expect(("succeeded", 1, None))
    here.expect_each_once()
    return f"exit code 0 after {took:.1f} s, the run was adopted"


def stopped(here: Scene, dice: Random) -> str:
    """A hanging daemon is recognised, harms no run, and continues when it wakes up."""
    here.put(run(0.4 + dice.uniform(0, 0.3)), run(0.5, 3), run(0.1))
    daemon = here.daemon()
    here.until_started(2)
    daemon.send_signal(signal.SIGSTOP)
    here.until(lambda: len(here.ended) == 2, "two have ended beside a stopped daemon")
    state = here.status()
    require(state == "not_responding", f"queue-status says {state}")
    daemon.send_signal(signal.SIGCONT)
    here.until_over()
    here.expect(("succeeded", 1, None), ("failed", 1, "exit code 3"), ("succeeded", 1, None))
    here.expect_each_once()
    return "not responding; woke up and learned both ends"


def stale(here: Scene, dice: Random) -> str:
    """A daemon that is stopped during a takeover writes nothing when it wakes up."""
    here.put(*[run(0.2 + dice.uniform(0, 0.2)) for _ in range(5)])
    first = here.daemon(1)
    here.until_started()
    first.send_signal(signal.SIGSTOP)
    # A second daemon can start only if the lock file was lost: otherwise the kernel refuses it.
    (here.root / ".runforge/queue/daemon.lock").unlink()
    here.daemon(1)
    first.send_signal(signal.SIGCONT)
    code = first.wait(timeout=30)
    require(code == 4, f"the stale daemon ended with exit code {code}: {here.said(first)[-200:]}")
    here.until_over()
    here.expect_ends(*[("succeeded", None)] * 5)
    here.expect_each_once()
    return "it left with exit code 4; 5 runs, each started once"


def cancel_without_daemon(here: Scene, _dice: Random) -> str:
    """A cancel needs no daemon: running runs are stopped, queued ones never start."""
    group = here.put(run(60), run(60, kind="forking"), run(60))
    here.daemon()
    here.until_started(2)
    here.kill_daemon()
    here.run("cancel-group", "--group-id", group, "--workspace", str(here.root))
    here.until(lambda: not here.supervisors(), "the runs have been stopped")
    here.daemon()
    here.until_over()
    states = [job["state"] for job in here.jobs()]
    require(states == ["canceled"] * 3, f"the jobs are {states}")
    require(len(here.started) == 2, f"{len(here.started)} runs have started")
    return "2 stopped, 1 never started, all canceled"


def random_kills(here: Scene, dice: Random) -> str:
    """Kill -9 of the daemon at random moments of a sweep, again and again."""
    kills = 8
    codes = [dice.choice([0, 0, 0, 3]) for _ in range(40)]
    here.put(*[run(dice.uniform(0, 0.3), code) for code in codes])
    for _ in range(kills):
        here.daemon()
        time.sleep(dice.uniform(0, 0.25))
        here.kill_daemon()
    here.daemon()
    here.until_over()
    failed = sum(job["state"] == "failed" for job in here.jobs())
    wanted = sum(code != 0 for code in codes)
    require(failed == wanted, f"{failed} failed, {wanted} gave exit code 3")
    here.expect_each_once()
    return f"{kills} kills, 40 runs: each ran once, {failed} failed rightly"


def clock_jumps(here: Scene, dice: Random) -> str:
    """The wall clock jumps during runs and between daemons; order and outcomes stay right."""
    clock = here.root.parent / "clock"
    here.environment["RUNFORGE_FAKE_CLOCK"] = str(clock)
    hour, year = 3600, 365 * 86400
    jumps = [3 * hour, -3 * hour, -year, 20 * year]
    dice.shuffle(jumps)
    clock.write_text("0")
    here.put(*[run(0.3, code) for code in (0, 3, 0, 3, 0, 3, 0, 3)])
    daemon = here.daemon()
    for number, jump in enumerate(jumps):
        here.until_started(2 * number + 1)
        clock.write_text(str(jump))
        if number % 2:
            here.kill_daemon()
            daemon = here.daemon()
    here.until_over()
    require(daemon.poll() is None, "the daemon has ended")
    here.expect_ends(*[("succeeded", None), ("failed", "exit code 3")] * 4)
    here.expect_each_once()
    here.until(lambda: here.status() == "running", "the daemon is seen as running", 10)
    said = here.run("jobs", "--json", "--workspace", str(here.root))
    shortest = min(job["seconds"] for job in json.loads(said)["data"])
    require(shortest >= 0, f"a run took {shortest} s")
    return f"{len(jumps)} jumps, -1 to +20 years; 8 true outcomes"
