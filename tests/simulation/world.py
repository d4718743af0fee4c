"""A world for one real engine on one real journal: everything around them is made up, by a seed.

The daemon's tick, the scheduler, the policies, the transitions and the SQL are the product's own. The clock,
the processes, the disk and the GPUs are not: daemons die or stop at any failpoint, supervisors are killed,
disks fill up, clocks jump, GPUs vanish, users change their minds. One seed, one history.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from runforge import failpoints, workspace
from runforge.core import policy
from runforge.core.scheduling import choose
from runforge.daemon import main
from runforge.daemon.claims import Claims, Rule
from runforge.daemon.engine import Engine
from runforge.daemon.settings import Listener, Settings
from runforge.daemon.settling import Decide
from runforge.machine.gpus import Gpu, Gpus
from runforge.queue import hold
from runforge.store import records, transitions, verify
from runforge.store.failures import DiskFull, Fenced
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import open_journal
from tests.simulation.backend import FakeBackend, FakeClock, place
from tests.simulation.machine import Machine
from tests.simulation.referee import Referee
from tests.simulation.users import Users

#: Where a daemon may also be stopped, and continue after another one has taken over.
_STOPS = {
    "claim.committed",
    "launch.folder_made",
    "launch.spec_written",
    "launch.asked",
    "end.judged",
    "end.recorded",
    "lost.revoked",
    "lost.swept",
    "cancel.delivered",
    "yield.delivered",
    "freeze.delivered",
    "thaw.delivered",
    "daemon.adopted",
}


class Broken(AssertionError):
    """An invariant does not hold."""


class _Death(BaseException):
    """The daemon was killed at a failpoint."""


class Rules(NamedTuple):
    """What the engine decides by: the product's own rules, or faulty ones that must be found out."""

    choose: Rule = choose
    decide: Decide = policy.decide


class World:
    """One history. `step` is one thing that happens; Broken says what must not have."""

    def __init__(self, seed: int, folder: Path, rules: Rules) -> None:
        self.random = Random(seed)
        self.machine = Machine(self.random)
        self.referee = Referee(self.machine)
        self.done: Counter[str] = Counter()
        self.engine: Engine | None = None
        self._backend: FakeBackend | None = None
        self._clock = FakeClock(self.random)
        self._rules = rules
        self._ws = workspace.at(folder)
        self._users = Users(self.random, self.referee)
        self._seq = 0
        self._death_in = 0
        self._is_nested = False
        self._is_over = False
        self._gpu_slots = 0
        #: The daemons' connections: a stopped daemon still needs its own.
        self._daemons: list[Journal] = []
        self._journal = self._open()

    def _open(self) -> Journal:
        journal = open_journal(self._ws, create=True)
        journal.connection.execute("PRAGMA synchronous=OFF")
        return journal

    def close(self) -> None:
        """Close every connection."""
        self._close_daemons()
        self._journal.close()

    def _close_daemons(self) -> None:
        for journal in self._daemons:
            journal.close()
        self._daemons.clear()

    # --- the daemon ----------------------------------------------------------------------------

    def _start_daemon(self, settings: Settings | None = None) -> None:
        if settings is None:
            policy = self.random.choice(("requeue", "requeue", "fail", "cancel"))
            settings = Settings(self.random.randint(1, 4), self.random.randint(0, 2), policy)
        self.engine = None
        if not self._is_nested:
            self._close_daemons()
        journal = self._open()
        self._daemons.append(journal)
        try:
            epoch = main.take_over(journal, settings)
        except DiskFull:
            return
        self.referee.cpu_slots, self.referee.gpu_slots = settings.max_parallel, settings.gpu_slots
        self._gpu_slots = settings.gpu_slots
        self._backend = FakeBackend(self.machine, self._clock)
        slots = settings.max_parallel, settings.gpu_slots
        claims = Claims(epoch, *slots, self._backend.capacity(is_in_use=False), rule=self._rules.choose)
        self.engine = Engine(
            journal,
            self._backend,
            self._clock,
            claims,
            Listener(lambda _job: None, lambda _job, _ending: None, lambda _line: None),
            orphans=settings.orphans,
            decide=self._rules.decide,
        )
        self._guarded(self.engine, self.engine.start)

    def _tick(self) -> None:
        engine, backend = self.engine, self._backend
        if engine is None or backend is None:
            self._start_daemon()
            return
        if self.random.random() < 0.02:
            backend.is_zygote_alive = False
        self.referee.gpu_slots = 0 if self.machine.gpus.problem else self._gpu_slots
        self._death_in = self.random.randint(1, 12) if self.random.random() < 0.08 else 0
        if self._guarded(engine, engine.tick) and engine is self.engine and not engine.is_draining:
            self._check([] if engine.gate.is_closed else self.referee.idle())
        self._check(backend.wrong)
        self._death_in = 0

    def _guarded(self, engine: Engine, act: Any) -> bool:
        """Let a daemon act; return whether it came to the end of it."""
        try:
            act()
        except _Death:
            self.done["daemon killed"] += 1
            self.engine = None
        except DiskFull:
            self.done["disk full"] += 1
        except Fenced:
            self.done["fenced"] += 1
            if engine is self.engine:
                raise Broken("the newest daemon was fenced") from None
        else:
            self._fold()
            return True
        self._fold()
        return False

    def pass_by(self, name: str) -> None:
        """Pass a failpoint: die there, find the disk full, or be stopped while others continue."""
        random = self.random
        if self._is_over:
            return
        if name == "tx.written" and random.random() < 0.01:
            raise DiskFull("the disk is full")
        if name in _STOPS and not self._is_nested and random.random() < 0.01:
            self._be_stopped()
        elif self._death_in and self.engine is not None and not self._is_nested:
            self._death_in -= 1
            if self._death_in == 0:
                raise _Death

    def _be_stopped(self) -> None:
        self.done["daemon stopped"] += 1
        death_in, self._death_in, self._is_nested = self._death_in, 0, True
        self._fold()
        self._start_daemon()
        for _ in range(self.random.randint(1, 40)):
            self.step()
        self._is_nested, self._death_in = False, death_in

    # --- time passes ---------------------------------------------------------------------------

    def step(self) -> None:
        """Let one thing happen and check everything."""
        self._clock.seconds += self.random.random()
        number = self.random.random()
        if number < 0.42:
            self._tick()
        elif number < 0.80:
            self._check(self.machine.go_on())
        elif number < 0.96:
            self._command()
        else:
            self._mishap()
        self._fold()
        self._check(self.referee.stuck())
        self._check_slots()

    def _mishap(self) -> None:
        kind = self.random.choice(
            (
                "supervisor killed",
                "supervisor killed",
                "gpus changed",
                "gpus broken",
                "folder deleted",
                "drain",
                "reboot",
                "stop",
            )
        )
        self.done[kind] += 1
        if kind == "supervisor killed":
            self.machine.kill_a_supervisor()
        elif kind == "gpus changed":
            found = [Gpu(n, f"GPU-{n}", "made up", 1) for n in range(self.random.randint(0, 3))]
            self.machine.gpus = Gpus(tuple(found))
        elif kind == "gpus broken":
            self.machine.gpus = Gpus(problem="the driver does not work")
        elif kind == "folder deleted":
            self.machine.delete_a_folder()
        elif kind == "drain":
            if self.engine is not None:
                self.engine.is_draining = not self.engine.is_draining
        else:
            if kind == "reboot" and not self._is_nested:  # a stopped daemon does not survive one
                self.machine.reboot()
            self.engine = None

    # --- users ---------------------------------------------------------------------------------

    def _command(self) -> None:
        command = self._users.next()
        stopping: list[Any] = []
        try:
            with self._journal.write() as tx:
                stopping = command(tx, self._clock.now()) or []
        except DiskFull:
            return
        for job in stopping:
            if self.random.random() < 0.8:  # otherwise the command is killed here
                self.machine.leave_order(place(job.run_id, job.attempt), "cancel")

    # --- checks --------------------------------------------------------------------------------

    def _fold(self) -> None:
        rows = self._journal.connection.execute(
            "SELECT * FROM journal WHERE seq > ? ORDER BY seq", (self._seq,)
        ).fetchall()
        for row in rows:
            self._seq = row["seq"]
            self._check(self.referee.fold(row))

    def _check_slots(self) -> None:
        with self._journal.read() as tx:
            holding = {row["job_id"] for row in tx.rows("attempts.slots")}
            with_gpu = {row["job_id"] for row in tx.rows("attempts.grants")}
        needing = {job_id for job_id in self.referee.running if self.referee.jobs[job_id].needs_gpu}
        if holding != self.referee.running or with_gpu != needing:
            raise Broken(f"{self.referee.running} run, {holding} hold a slot, {with_gpu} a GPU")

    @staticmethod
    def _check(found: list[str]) -> None:
        if found:
            raise Broken("; ".join(found))

    def _resume_all(self, tx: Transaction) -> None:
        for lane in sorted(map(str, self.referee.paused)):
            tx.run("groups.set_paused", group_id=lane, is_paused=0, now=self._clock.now())

    def finish(self) -> None:
        """Let everything come to its end without mishaps, then compare journal and tables."""
        self.engine = None
        self._is_over = self._clock.is_late = True
        self.machine.gpus = Gpus()  # mended at last
        with self._journal.write() as tx:
            self._resume_all(tx)
            waiting = [row["job_id"] for row in tx.rows("jobs.all") if row["state"] == "queued"]
            hold.set_held(tx, waiting, self._clock.now(), is_held=False)
            for job in map(records.job, tx.rows("jobs.running")):
                transitions.set_frozen(tx, job, self._clock.now(), is_frozen=False)
        for _ in range(5000):
            self._clock.seconds += 1.0
            if self.engine is None or self.engine.is_draining:
                self._start_daemon(Settings(max_parallel=2, gpu_slots=1))
            else:
                self._tick()
            self._check(self.machine.go_on())
            self._fold()
            if not self.referee.running and not any(self.referee.queued.values()):
                break
            if self.referee.paused:  # by their breakers
                with self._journal.write() as tx:
                    self._resume_all(tx)
        else:
            raise Broken(f"it never ends: {self.referee.running}, {self.referee.queued}")
        self._check(verify.check_connection(self._journal.connection))


def fast_folder() -> str | None:
    """Return where a journal costs no disk, if there is such a place: here nothing is to outlive a crash."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def play(seed: int, steps: int, folder: Path, rules: Rules = Rules()) -> World:  # noqa: B008 - immutable
    """Live through a history; Broken names seed, step and what is wrong."""
    world = World(seed, folder, rules)
    os.umask(0o077)
    done = 0
    with contextlib.closing(world), failpoints.observed(world.pass_by):
        try:
            for _ in range(steps):
                world.step()
                done += 1
            world.finish()
        except Broken as error:
            raise Broken(f"seed {seed}, step {done}: {error}") from error
    return world
