"""The life of one disk: a daemon, a load, cuts, reboots, and the recovery at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from gauntlets import aftermath, powercut_checks
from gauntlets.powercut_checks import Books
from gauntlets.powercut_disk import Disk
from runforge import workspace as workspaces
from runforge.drills import witness
from runforge.drills.arena import Unmet, require
from runforge.drills.scene import Scene
from runforge.drills.traces import processes_of
from runforge.machine.os_process import FAKE_BOOT_ID
from runforge.store import daemon_holder

_LOADS = 2
_SLOTS = 4
#: More runs than a life can enqueue.
_RUNS = 1_000_000
_POLL = 0.01
_FREEZE_SECONDS = 20.0
_DRAIN_SECONDS = 90.0
#: How often a cut comes at once, before anything may have been acknowledged; how often during the recovery.
_EARLY, _AGAIN = 0.15, 0.35


class OnDisk(Scene):
    """A scene whose workspace is a disk of its own; the witness and the books lie beside it."""

    def __init__(self, root: Path, kind: str) -> None:
        self.disk = Disk(kind, root)
        try:
            super().__init__(root)
        except BaseException:
            self.disk.close()
            raise
        self.afterwards.callback(self.disk.close)

    def freeze(self) -> None:
        """Stop every process at once, so that none sees another one die."""
        stopped: set[int] = set()
        while new := set(processes_of(self.root)) - stopped:
            for pid in new:
                _signal(pid, signal.SIGSTOP)
            stopped |= new
        # A process that waits for the disk stops when the disk has answered.
        deadline = time.monotonic() + _FREEZE_SECONDS
        while any(daemon_holder.process_state(pid) not in "TtZX?" for pid in stopped):
            require(time.monotonic() < deadline, "not everything could be frozen")
            time.sleep(_POLL)


class Life:
    """One disk, from its first daemon to its last, with one cut or several."""

    def __init__(self, here: OnDisk, name: str, most: int, keep: Path | None) -> None:
        self._here = here
        self._name = name
        self._most = most
        self._keep = keep
        self._dice = Random(f"{name} cuts")
        self._loads: list[subprocess.Popen[bytes]] = []
        self.books = Books()
        self.cuts = 0
        self.broken: list[str] = []
        self.causes: Counter[str] = Counter()

    def play(self) -> None:
        """Run, cut the power, recover."""
        try:
            self._boot()
            self._work()
            self._cut()
            while not self.broken and self.cuts < self._most and self._dice.random() < _AGAIN:
                self._boot()
                self._here.spawn_daemon(_SLOTS, 1)
                time.sleep(self._dice.uniform(0.0, 1.5))
                self._cut()
            if not self.broken:
                self._boot()
                self._recover()
        except Unmet as error:
            self.broken.append(str(error))

    @property
    def starts(self) -> int:
        """How often the witness saw an attempt start."""
        seen = witness.read(self._here.witness)
        return sum(one.starts for attempts in seen.values() for one in attempts.values())

    def _boot(self) -> None:
        self._here.environment[FAKE_BOOT_ID] = f"boot-{self.cuts}"

    def _work(self) -> None:
        here, dice = self._here, self._dice
        here.spawn_daemon(_SLOTS, 1)
        self._loads = [self._spawn_load(number) for number in range(_LOADS)]
        if dice.random() >= _EARLY:
            here.until(self._is_acknowledging, "a command was acknowledged")
        time.sleep(dice.uniform(0.0, 2.5))

    def _spawn_load(self, number: int) -> subprocess.Popen[bytes]:
        here = self._here
        words = [str(here.root), str(here.witness), str(_RUNS), f"{self._name}.{number}"]
        with open(self._book(number), "wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "gauntlets.powercut_load", *words],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **here.environment},
            )

    def _book(self, number: int) -> Path:
        return self._here.root.parent / f"load-{number}.out"

    def _is_acknowledging(self) -> bool:
        return any("DID " in self._book(number).read_text("utf-8") for number in range(_LOADS))

    def _cut(self) -> None:
        """Cut the power, and look at what a reboot finds."""
        here = self._here
        here.freeze()
        here.disk.cut()
        self.cuts += 1
        for load in self._loads:
            load.kill()
            load.communicate()
        for number in range(len(self._loads)):
            self.books.read(self._book(number))
        self._loads = []
        here.clean_up()
        if self._keep is not None:
            here.disk.keep(self._keep)
        here.disk.reboot()
        self.broken += powercut_checks.after_reboot(workspaces.at(here.root), here.witness, self.books)

    def _recover(self) -> None:
        """Let a daemon finish what the cut has left, then check everything."""
        here, workspace = self._here, workspaces.at(self._here.root)
        here.daemon(_SLOTS)
        aftermath.resume_all(workspace)
        here.until(lambda: not aftermath.is_busy(workspace), "the queue has run dry", _DRAIN_SECONDS)
        self.broken += aftermath.check(here, self.books.runs)
        ends = powercut_checks.outcomes(workspace, here.witness)
        self.broken += ends.broken
        self.causes = ends.causes


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
