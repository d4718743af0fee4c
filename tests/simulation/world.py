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
from runforge.core.resources import Resources
from runforge.core.scheduling import choose
from runforge.core.states import State
from runforge.daemon import main
from runforge.daemon.claims import Claims, Rule
from runforge.daemon.engine import Engine, Listener, Settings
from runforge.daemon.settling import Decide
from runforge.machine.gpus import Gpu, Gpus
from runforge.queue import cancel
from runforge.store import records, transitions, verify
from runforge.store.failures import DiskFull, Fenced
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import open_journal
from tests.simulation.backend import FakeBackend, FakeClock, place
from tests.simulation.machine import Machine
from tests.simulation.referee import Referee

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
    "daemon.adopted",
}
_MOST_QUEUED = 25


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
        self._number = 0
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
        commands = (self._enqueue, self._enqueue, self._pause, self._cancel, self._retry, self._reprioritise)
        command = self.random.choice(commands)
        if self.random.random() < 0.02:
            command = self._prune
        stopping: list[Any] = []
        try:
            with self._journal.write() as tx:
                stopping = command(tx, self._clock.now()) or []
        except DiskFull:
            return
        for job in stopping:
            self.machine.leave_cancel(place(job.run_id, job.attempt))

    def _enqueue(self, tx: Transaction, now: str) -> None:
        if sum(map(len, self.referee.queued.values())) > _MOST_QUEUED:
            return
        lane_id, group_id = 1, None
        if self.random.random() < 0.7:
            self._number += 1
            group_id = f"group-{self._number}"
            lane_id = tx.row("groups.new_lane")[0]
            tx.run(
                "groups.insert", group_id=group_id, lane_id=lane_id, name="x", notes=None, now=now,
                created_by="x", max_parallel=2, fail_fast=int(self.random.random() < 0.1),
                objective_metric=None, direction="maximize",
            )  # fmt: skip
        for _ in range(self.random.randint(1, 6)):
            self._number += 1
            transitions.enqueue(
                tx, Resources(gpus=int(self.random.random() < 0.3)), job_id=f"job-{self._number}",
                run_id=f"run-{self._number}", group_id=group_id, lane_id=lane_id, run_dir=".", priority=self.random.choice((0, 0, 0, -1, 5)), overrides="{}",
                dry_run_seconds=None, now=now,
            )  # fmt: skip

    def _any_job(self, tx: Transaction, *states: State) -> Any:
        found = [job_id for job_id, job in self.referee.jobs.items() if job.state in states]
        if not found:
            return None
        return records.job(tx.row("jobs.by_job_id", job_id=self.random.choice(found)))

    def _any_group(self) -> str | None:
        groups = [lane for lane, jobs in self.referee.queued.items() if lane is not None and jobs]
        return self.random.choice(groups) if groups else None

    def _pause(self, tx: Transaction, now: str) -> None:
        is_paused = self.random.random() < 0.4
        group_id = self._any_group()
        if not is_paused and self.referee.paused:
            group_id = self.random.choice(sorted(map(str, self.referee.paused)))
        if group_id is not None:
            tx.run("groups.set_paused", group_id=group_id, is_paused=int(is_paused), now=now)

    def _cancel(self, tx: Transaction, now: str) -> list[Any]:
        job = self._any_job(tx, State.QUEUED, State.RUNNING)
        if job is None or self.random.random() < 0.5:
            return []
        jobs = [job]
        if job.group_id is not None and self.random.random() < 0.3:
            jobs = [
                j
                for j in transitions.jobs_of_group(tx, job.group_id)
                if j.state in {State.QUEUED, State.RUNNING}
            ]
            tx.run("groups.set_canceled", group_id=job.group_id, is_canceled=1, now=now)
        return cancel._cancel(tx, jobs, now, let_running_finish=self.random.random() < 0.2)

    def _retry(self, tx: Transaction, now: str) -> None:
        job = self._any_job(tx, State.FAILED, State.CANCELED)
        if job is not None:
            transitions.retry(tx, job, now)

    def _reprioritise(self, tx: Transaction, now: str) -> None:
        job = self._any_job(tx, State.QUEUED, State.RUNNING)
        if job is not None:
            tx.run("jobs.set_priority", job_id=job.job_id, priority=self.random.randint(-2, 6), now=now)

    def _prune(self, tx: Transaction, now: str) -> None:
        old = [records.job(row) for row in tx.rows("jobs.prunable", before="9999")]
        transitions.forget(tx, old, now)

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

    def finish(self) -> None:
        """Let everything come to its end without mishaps, then compare journal and tables."""
        self.engine = None
        self._is_over = True
        self.machine.gpus = Gpus()  # mended at last
        with self._journal.write() as tx:
            for lane in sorted(map(str, self.referee.paused)):
                tx.run("groups.set_paused", group_id=lane, is_paused=0, now=self._clock.now())
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
