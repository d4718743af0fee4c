"""`python -m gauntlets slurm [--runs 200] [--kills 60] [--seed S] [--late] [--pilots] [--unclaimed] [--json FILE]`.

Runs go through three nodes of a private cluster, while daemon, controller, slurmd and whole nodes get SIGKILL, and jobs are
canceled behind the daemon's back. Each node has processes, host name and boot id of its own. With --late nodes and
daemon see the workspace as over a network: names come late, and locks end at the host. Then all is healthy again, the
rest is finished, and the invariants must hold: nothing is lost or started twice, no attempt runs beside another, every
outcome is true, and canceled is only what was canceled.

With --pilots most runs go through pilots, which are killed too, canceled, and reach their time limits.
With --unclaimed the start marker refuses nobody, in a copy of the program: then it must fail.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from gauntlets import aftermath, slurm_cluster
from gauntlets.mutant import ROOT, Mutant
from gauntlets.mutants import Copy
from gauntlets.slurm_cluster import Cluster, NotUp
from gauntlets.slurm_config import IMPATIENT
from runforge import workspace as workspaces
from runforge.backends.slurm import listing
from runforge.config import FILE
from runforge.drills import witness
from runforge.drills.arena import Arena, Unmet, arena
from runforge.drills.scene import Scene, run
from runforge.drills.traces import processes_of
from runforge.machine import os_process
from runforge.store.opening import open_journal
from runforge.views import glance

SKIPPED = 77
_SLOTS = 24
_DRAIN_SECONDS = 600.0
_LEAVE_SECONDS = 120.0
_PROGRESS_SECONDS = 10.0
#: With more daemons that end by themselves nothing is to be learned.
_MOST_BROKEN = 10
#: Who is hit, and how often.
_LOTS = ("daemon",) * 3 + ("controller",) * 2 + ("slurmd",) * 2 + ("node",) * 4 + ("scancel",) * 5
#: So short that some reach their time limit.
_PILOTS = '{ count = 3, slots = 3, time = "2:00", idle = 5 }'
_PILOT_NODE = "runforge.backends.slurm.pilot_node"
_CODES = (0, 0, 0, 0, 1, 3, 42)
#: It gives up a node soon, what takes minutes elsewhere.
_USUAL = {"fence_seconds": 10}
UNCLAIMED = Mutant(
    "unclaimed",
    "runforge/attempts/start_marker.py",
    "    except (FileExistsError, FileNotFoundError):\n        return False\n",
    "    except FileNotFoundError:\n        return False\n    except FileExistsError:\n        return kind == STARTED\n",
    (),
    "a job that was submitted twice runs twice",
)


def use(here: Arena, cluster: Cluster) -> None:
    """Let the daemons of an arena give their runs to a cluster."""
    here.environment.update(cluster.environment)
    settings(here, **_USUAL)


def settings(here: Arena, **values: int | str) -> None:
    """Let the daemons of an arena work with Slurm, with these settings as TOML; they look as often as they may."""
    here.daemon_options = ("--backend", "slurm")
    path = here.root / ".runforge" / FILE
    path.parent.mkdir(mode=0o700, exist_ok=True)
    lines = [f"{name} = {value}" for name, value in {"poll_seconds": 5, **values}.items()]
    path.write_text("\n".join(["[slurm]", *lines, ""]), "utf-8")
    path.chmod(0o600)


class Chaos:
    """One run of the drill."""

    def __init__(
        self, here: Scene, cluster: Cluster, *, runs: int, kills: int, seed: int, pilots: bool = False
    ) -> None:
        self._here = here
        self._cluster = cluster
        self._runs = runs
        self._kills = kills
        self._seed = seed
        self._dice = Random(f"{seed} slurm")
        self._lots = (*_LOTS, *("pilot",) * 5) if pilots else _LOTS
        if pilots:
            settings(here, **_USUAL, pilots=_PILOTS)
        self._start = time.monotonic()
        self._next_progress = 0.0
        #: Parts that were killed, and when they come back.
        self._down: dict[str, float] = {}
        self._canceled: set[str] = set()
        self.hits: Counter[str] = Counter()
        self.broken: list[str] = []

    def play(self) -> dict[str, Any]:
        """Do it all; return the report."""
        here = self._here
        here.put(*(self._run() for _ in range(self._runs)), name="slurm", max_parallel=_SLOTS)
        names = [job["run_id"] for job in here.jobs()]
        here.spawn_daemon(_SLOTS, 0)
        workspace = workspaces.at(here.root)
        while aftermath.is_busy(workspace) and self.hits.total() < self._kills:
            time.sleep(self._dice.expovariate(0.7))
            self._revive()
            self._hit(self._dice.choice(self._lots))
            self._progress()
        hunted = time.monotonic() - self._start
        self._revive(everything=True)
        deadline = time.monotonic() + _DRAIN_SECONDS
        while aftermath.is_busy(workspace) and time.monotonic() < deadline:
            self._keep_daemon()
            self._progress()
            time.sleep(0.2)
        if aftermath.is_busy(workspace):
            self.broken.append("the queue was not drained")
        self._let_pilots_leave()
        here.bystanders = self._cluster.machinery
        self.broken += aftermath.check(here, names)
        self.broken += self._false_cancels()
        return self._report(hunted)

    def _run(self) -> dict[str, Any]:
        code = self._dice.choice(_CODES)
        if self._dice.random() < 0.5:
            return run(self._dice.expovariate(2.5), code)
        return run(self._dice.randrange(3, 40), code, "beating")

    # --- the kills -----------------------------------------------------------------------------

    def _hit(self, victim: str) -> None:
        dice, cluster = self._dice, self._cluster
        self._keep_daemon()
        if victim == "daemon":
            self._here.kill_daemon()
            time.sleep(dice.choice([0.0, dice.uniform(0, 1)]))
            self._here.spawn_daemon(_SLOTS, 0)
        elif victim in {"scancel", "pilot"}:
            if not (self._cancel() if victim == "scancel" else self._kill_pilot()):
                return
        else:
            part = victim if victim == "controller" else dice.choice(cluster.names)
            part = f"node:{part}" if victim == "node" else part
            if part in self._down or part.removeprefix("node:") in self._down or f"node:{part}" in self._down:
                return
            cluster.kill(part)
            self._down[part] = time.monotonic() + dice.uniform(0.5, 8)
        self.hits[victim] += 1

    def _cancel(self) -> bool:
        """Cancel a job as another login of the user would; return whether there was one."""
        try:
            said = self._cluster.client("squeue", "-h", "-t", "PENDING,RUNNING", "-o", listing.FORMAT)
            names = [name for name in listing.parse(said) if name.startswith("rf-")]
            if not names:
                return False
            name = self._dice.choice(names)
            # Before the command: it may be obeyed although its answer is lost.
            self._canceled.add(name.split("-", 3)[3].rpartition(".")[0])
            # By its name: a controller that was killed gives the same numbers again.
            self._cluster.client("scancel", f"--name={name}")
        except NotUp:
            return False
        return True

    def _kill_pilot(self) -> bool:
        """Kill a pilot's own process, or one of its zygotes; return whether there was one."""
        pilots = [pid for pid in processes_of(self._here.root) if _PILOT_NODE in os_process.command_line(pid)]
        pids = [pid for pilot in pilots for pid in (pilot, *os_process.children(pilot))]
        return bool(pids) and os_process.send(self._dice.choice(pids), signal.SIGKILL)

    def _let_pilots_leave(self) -> None:
        """Wait until the idle pilots have left by themselves; one that stays is a fault."""
        deadline = time.monotonic() + _LEAVE_SECONDS
        while time.monotonic() < deadline:
            self._keep_daemon()
            said = self._cluster.client("squeue", "-h", "-o", listing.FORMAT)
            if not any("-pilot." in name for name in listing.parse(said)):
                return
            time.sleep(0.5)
        self.broken.append("an idle pilot did not leave")

    def _revive(self, *, everything: bool = False) -> None:
        for part, at in list(self._down.items()):
            if everything or time.monotonic() >= at:
                del self._down[part]
                self._cluster.revive(part)

    def _keep_daemon(self) -> None:
        """Make sure that a daemon is running; one that ended by itself is a fault."""
        daemon = self._here.daemons[-1]
        if daemon.poll() is not None:
            said = self._here.said(daemon).strip().splitlines()[-1:]
            self.broken.append(f"a daemon ended by itself with exit code {daemon.returncode}: {said}")
            if len(self.broken) > _MOST_BROKEN:
                raise Unmet(self.broken[-1])
            self._here.spawn_daemon(_SLOTS, 0)

    # --- the end -------------------------------------------------------------------------------

    def _false_cancels(self) -> list[str]:
        canceled = {job["run_id"] for job in self._here.jobs() if job["state"] == "canceled"}
        return [
            f"I4: {run_id} is canceled, and nobody canceled it"
            for run_id in sorted(canceled - self._canceled)
        ]

    def _progress(self) -> None:
        if time.monotonic() < self._next_progress:
            return
        self._next_progress = time.monotonic() + _PROGRESS_SECONDS
        counts = glance.queue_summary(workspaces.at(self._here.root)).counts
        shown = ", ".join(f"{count} {state}" for state, count in counts.items())
        spent = time.monotonic() - self._start
        print(f"{spent:5.0f} s  {self.hits.total()}/{self._kills} hits: {shown}", file=sys.stderr, flush=True)

    def _report(self, hunted: float) -> dict[str, Any]:
        workspace = workspaces.at(self._here.root)
        seen = witness.read(self._here.witness)
        with open_journal(workspace) as journal, journal.read() as tx:
            causes = Counter(str(row["cause"]) for row in tx.rows("attempts.all"))
        jobs = self._here.jobs()
        return {
            "version": 1,
            "kind": "slurm_report",
            "seed": self._seed,
            "passed": not self.broken,
            "broken": self.broken,
            "hits": dict(self.hits),
            "seconds_of_kills": round(hunted, 1),
            "seconds": round(time.monotonic() - self._start, 1),
            "daemons": len(self._here.daemons),
            "jobs": glance.queue_summary(workspace).counts,
            "attempts": dict(causes),
            "witnessed_starts": sum(one.starts for attempts in seen.values() for one in attempts.values()),
            "canceled_behind_its_back": len(self._canceled),
            "errors": dict(Counter(str(job["error"])[:120] for job in jobs if job["error"])),
        }


@contextlib.contextmanager
def ground(
    cluster_options: dict[str, Any], *, late: bool, keep: bool, unclaimed: bool
) -> Iterator[tuple[Scene, Cluster]]:
    """Yield a workspace and a cluster that sees it."""
    with arena(Scene, prefix="slurm-", keep=keep) as here:
        share = here.root if late else None
        with slurm_cluster.running(share=share, settings=IMPATIENT, **cluster_options) as cluster:
            use(here, cluster)
            if unclaimed:
                copy = Copy(here.root.parent / "copy", ROOT)
                copy.break_by(UNCLAIMED)
                here.program = (copy.python, "-m", "runforge")
            if late:
                here.program = (*cluster.login(), *here.program)
                here.run("init", str(here.root), "--bare", "--state-dir", str(here.root.parent / "state"))
            yield here, cluster


def main(words: list[str]) -> int:
    """Play it once; 0 if every invariant held."""
    parser = argparse.ArgumentParser(prog="python -m gauntlets slurm")
    parser.add_argument("--runs", type=int, default=200, help="how many runs are enqueued")
    parser.add_argument("--kills", type=int, default=60, help="how many hits there are")
    parser.add_argument("--seed", type=int, default=1, help="of the hits and of the runs")
    parser.add_argument("--late", action="store_true", help="the file system shows names late")
    parser.add_argument("--pilots", action="store_true", help="most runs go through pilots")
    parser.add_argument("--unclaimed", action="store_true", help="without the start marker: it must fail")
    parser.add_argument("--keep", action="store_true", help="keep the workspace")
    parser.add_argument("--json", type=Path, default=Path("slurm-report.json"), help="the report's file")
    given = parser.parse_args(words)
    why = slurm_cluster.lacking(isolate=True, late=given.late)
    if why is not None:
        print(f"skip: {why}")
        return SKIPPED
    try:
        with ground({"isolate": True}, late=given.late, keep=given.keep, unclaimed=given.unclaimed) as (
            here,
            cluster,
        ):
            how = {"runs": given.runs, "kills": given.kills, "seed": given.seed}
            report = Chaos(here, cluster, **how, pilots=given.pilots).play()
            report |= {"late": given.late, "pilots": given.pilots, "unclaimed": given.unclaimed}
            if given.keep:
                report["folder"] = str(here.root)
    except (NotUp, Unmet) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for text in report["broken"][:20]:
        print(f"broken: {text}")
    print(
        f"{sum(report['hits'].values())} hits {report['hits']}, {given.runs} runs {report['jobs']}, "
        f"{report['witnessed_starts']} starts: {len(report['broken'])} invariants broken, "
        f"{report['seconds']:.0f} s; report in {given.json}"
    )
    return int(bool(report["passed"]) == given.unclaimed)
