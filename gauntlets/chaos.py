"""`python -m gauntlets chaos [--kills 1000] [--runs 5000] [--seed S] [--seconds N] [--graphs] [--json FILE]`.

Several processes enqueue runs, and cancel, pause, retry and reorder them. Meanwhile daemons, zygotes and
supervisors get SIGKILL at random moments, and are sometimes stopped. With --graphs the runs wait for each other (gauntlets/chaos_graphs.py). Then a healthy daemon finishes the rest,
and the ten invariants must hold: no run is lost or doubled, no outcome is wrong, no process is left.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from gauntlets import aftermath, chaos_graphs
from runforge import workspace as workspaces
from runforge.drills import witness
from runforge.drills.arena import arena
from runforge.drills.scene import Scene
from runforge.drills.traces import parent_of
from runforge.machine import os_process
from runforge.store.opening import open_journal
from runforge.views import glance

_LOADS = 3
_SLOTS = 6
_DRAIN_SECONDS = 600.0
#: So long after the last change of the queue nothing will change any more.
_STUCK_SECONDS = 60.0
_PROGRESS_SECONDS = 5.0
#: Which processes are hit, and how often; a stop freezes a process for a moment.
_LOTS = ("daemon",) * 6 + ("zygote",) * 2 + ("supervisor",) * 9 + ("stop daemon", "stop supervisor")


class Chaos:
    """One run of the gauntlet."""

    lots: Sequence[str] = _LOTS

    def __init__(
        self, here: Scene, *, kills: int, runs: int, seed: int, seconds: float, graphs: bool = False
    ) -> None:
        self.here = here
        self._kills = kills
        self._runs = runs
        self._seed = seed
        self._seconds = seconds
        self._graphs = graphs
        self.dice = Random(f"{seed} chaos")
        self._mark = f"RUNFORGE_CHAOS={here.root}".encode()
        self._next_progress = 0.0
        self._start = time.monotonic()
        self._loads: list[subprocess.Popen[bytes]] = []
        self.hits: Counter[str] = Counter()
        self.broken: list[str] = []
        here.environment["RUNFORGE_CHAOS"] = str(here.root)

    @property
    def killed(self) -> int:
        """How many processes were killed."""
        return sum(count for name, count in self.hits.items() if not name.startswith("stop"))

    @property
    def is_late(self) -> bool:
        """Whether it has lasted too long."""
        return time.monotonic() - self._start > self._seconds

    def play(self) -> dict[str, Any]:
        """Do it all; return the report."""
        self.begin_load()
        self.here.spawn_daemon(_SLOTS, 1)
        self.hunt()
        hunted = time.monotonic() - self._start
        self.finish_load()
        self._drain()
        return self.report(hunted)

    # --- the load ------------------------------------------------------------------------------

    def begin_load(self) -> None:
        """Let the queue get work."""
        self._loads = [self._spawn_load(number) for number in range(_LOADS)]

    def finish_load(self) -> None:
        """Wait until the queue has all its work."""
        while len(self.acknowledged()) < self._runs and not self.is_late:
            self.keep_daemon()
            time.sleep(0.2)
            self.progress()
        for load in self._loads:
            load.communicate(b"", timeout=120)
            if load.returncode:
                self.broken.append(f"a process of the load ended with exit code {load.returncode}")

    def _spawn_load(self, number: int) -> subprocess.Popen[bytes]:
        here = self.here
        share = self._runs // _LOADS + (number < self._runs % _LOADS)
        words = [str(here.root), str(here.witness), str(share), f"{self._seed}.{number}"]
        with open(here.root.parent / f"load-{number}.out", "wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", f"gauntlets.chaos_{'graphs' if self._graphs else 'load'}", *words],
                stdin=subprocess.PIPE,
                stdout=output,
            )

    def load_lines(self) -> list[str]:
        """Return what the processes of the load have said."""
        files = [self.here.root.parent / f"load-{number}.out" for number in range(_LOADS)]
        return [line for path in files for line in path.read_text("utf-8").splitlines()]

    def acknowledged(self) -> list[str]:
        """Return the runs that the queue has acknowledged so far."""
        return [line.split()[1] for line in self.load_lines() if line.startswith("ACK ")]

    # --- the kills -----------------------------------------------------------------------------

    def hunt(self) -> None:
        """Kill and stop, one after the other, until there were enough."""
        while self.killed < self._kills and not self.is_late:
            time.sleep(self.dice.expovariate(2.5))
            self.hit(self.dice.choice(self.lots))
            self.progress()

    def hit(self, victim: str) -> None:
        """Kill or stop a process of this kind, if there is one."""
        self.keep_daemon()
        daemon = self.here.daemons[-1]
        if victim == "daemon":
            daemon.kill()
            daemon.wait()
            self.hits[victim] += 1
            time.sleep(self.dice.choice([0.0, 0.0, self.dice.uniform(0, 0.3)]))
            self.here.spawn_daemon(_SLOTS, 1)
            return
        word, _, rest = victim.rpartition(" ")
        pids = [daemon.pid] if rest == "daemon" else self.pids(rest, daemon.pid)
        if not pids:
            return
        pid = self.dice.choice(pids)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP if word else signal.SIGKILL)
            self.hits[victim] += 1
            if word:
                time.sleep(self.dice.uniform(0.05, 0.6))
                os.kill(pid, signal.SIGCONT)

    def keep_daemon(self) -> None:
        """Make sure that a daemon is running; one that ended by itself is a fault."""
        daemon = self.here.daemons[-1]
        if daemon.poll() is not None:
            said = self.here.said(daemon).strip().splitlines()[-1:]
            self.broken.append(f"a daemon ended by itself with exit code {daemon.returncode}: {said}")
            self.here.spawn_daemon(_SLOTS, 1)

    def pids(self, kind: str, daemon: int) -> list[int]:
        """Return the zygotes or the supervisors of this workspace."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit() or os_process.session_of(int(name)) != int(name):
                continue
            with contextlib.suppress(OSError):
                folder = Path("/proc", name)
                if b"runforge.supervise.zygote" not in (folder / "cmdline").read_bytes():
                    continue
                if self._mark not in (folder / "environ").read_bytes().split(b"\0"):
                    continue
                is_zygote = parent_of(int(name)) == daemon
                if is_zygote == (kind == "zygote") and (is_zygote or _works(folder)):
                    found.append(int(name))
        return found

    # --- telling -------------------------------------------------------------------------------

    def progress(self) -> None:
        """Say now and then how far it is."""
        if time.monotonic() < self._next_progress:
            return
        self._next_progress = time.monotonic() + _PROGRESS_SECONDS
        counts = glance.queue_summary(workspaces.at(self.here.root)).counts
        spent = time.monotonic() - self._start
        shown = ", ".join(f"{count} {state}" for state, count in counts.items())
        print(f"{spent:5.0f} s  {self.killed} kills: {shown}", file=sys.stderr, flush=True)

    # --- the end -------------------------------------------------------------------------------

    def is_busy(self) -> bool:
        """Return whether anything has to be done still."""
        return aftermath.is_busy(workspaces.at(self.here.root))

    def _drain(self) -> None:
        """Let a healthy daemon finish the rest, then check everything."""
        here, workspace = self.here, workspaces.at(self.here.root)
        self.keep_daemon()
        aftermath.resume_all(workspace)
        chaos_graphs.release_all(workspace)
        deadline = time.monotonic() + _DRAIN_SECONDS
        stuck_at, last = time.monotonic() + _STUCK_SECONDS, None
        while self.is_busy() and time.monotonic() < min(deadline, stuck_at):
            self.keep_daemon()
            self.progress()
            if (counts := glance.queue_summary(workspace).counts) != last:
                stuck_at, last = time.monotonic() + _STUCK_SECONDS, counts
            time.sleep(0.2)
        if self.is_busy():
            self.broken.append("the queue was not drained")
        self.keep_daemon()
        here.until(lambda: "[RF:DAEMON=STARTED" in here.said(here.daemons[-1]), "the last daemon is up")
        self.broken += aftermath.check(here, self.acknowledged())
        self.broken += chaos_graphs.check(workspace, witness.read(here.witness), self.load_lines())

    def report(self, hunted: float) -> dict[str, Any]:
        """Return what happened."""
        workspace = workspaces.at(self.here.root)
        seen = witness.read(self.here.witness)
        commands: Counter[str] = Counter()
        for line in self.load_lines():
            if line.startswith("{"):
                commands.update(json.loads(line))
        with open_journal(workspace) as journal, journal.read() as tx:
            causes = Counter(str(row["cause"]) for row in tx.rows("attempts.all"))
        return {
            "version": 1,
            "kind": "chaos_report",
            "seed": self._seed,
            "passed": not self.broken,
            "broken": self.broken,
            "kills": self.killed,
            "hits": dict(self.hits),
            "seconds_of_kills": round(hunted, 1),
            "seconds": round(time.monotonic() - self._start, 1),
            "daemons": len(self.here.daemons),
            "acknowledged": len(self.acknowledged()),
            "jobs": glance.queue_summary(workspace).counts,
            "attempts": dict(causes),
            "witnessed_starts": sum(one.starts for attempts in seen.values() for one in attempts.values()),
            "commands": dict(commands),
        }


def _works(folder: Path) -> bool:
    """Return whether a process has an attempt's files open, as supervisors do."""
    for name in os.listdir(folder / "fd"):
        with contextlib.suppress(OSError):
            if "/.runforge/attempts/" in os.readlink(folder / "fd" / name):
                return True
    return False


def main(words: list[str]) -> int:
    """Play it once; 0 if every invariant held."""
    parser = argparse.ArgumentParser(prog="python -m gauntlets chaos")
    parser.add_argument("--kills", type=int, default=100, help="how many processes are killed")
    parser.add_argument("--runs", type=int, default=500, help="how many runs are enqueued")
    parser.add_argument("--seed", type=int, default=1, help="of the kills and of the load")
    parser.add_argument("--seconds", type=float, default=1200.0, help="no kill and no new run after this")
    parser.add_argument("--graphs", action="store_true", help="the runs wait for each other")
    parser.add_argument("--keep", action="store_true", help="keep the workspace")
    parser.add_argument("--json", type=Path, default=Path("chaos-report.json"), help="the report's file")
    given = parser.parse_args(words)
    with arena(Scene, prefix="chaos-", keep=given.keep) as here:
        wanted = {name: getattr(given, name) for name in ("kills", "runs", "seed", "seconds", "graphs")}
        chaos = Chaos(here, **wanted)
        report = chaos.play()
        if given.keep:
            report["folder"] = str(here.root)
    return conclude(report, given.json)


def conclude(report: dict[str, Any], path: Path) -> int:
    """Write the report and say how it went; 0 if every invariant held."""
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for text in report["broken"][:20]:
        print(f"broken: {text}")
    print(
        f"{report['kills']} kills {report['hits']}, {report['acknowledged']} runs {report['jobs']}: "
        f"{len(report['broken'])} invariants broken, {report['seconds']:.0f} s; report in {path}"
    )
    return int(not report["passed"])
