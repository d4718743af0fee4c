"""The tick: learn what ended, record it, stop what must stop, start what may start.

One thread, one journal connection. All that matters is in the journal and in the attempts' files, so this
process may die between any two lines. The backend runs the attempts. `core.policy` and the scheduler decide
what happens to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from runforge import failpoints, machine_faults
from runforge.backends.base import AttemptRef, Backend, Event, Launch, NoRunFolder
from runforge.clock import Clock
from runforge.core import policy
from runforge.core.outcome import Progress
from runforge.core.policy import Decision, Past
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.daemon.artifact_keeper import ArtifactKeeper
from runforge.daemon.attempt_table import AttemptTable, RunningAttempt
from runforge.daemon.claims import Claimed, Claims
from runforge.daemon.delays import Delays
from runforge.daemon.gpu_use import GpuUse
from runforge.daemon.launch_gate import LaunchGate
from runforge.daemon.orders import Orders
from runforge.daemon.recording import record
from runforge.daemon.settings import Listener
from runforge.daemon.settling import Decide, settle
from runforge.daemon.stall_watch import StallWatch
from runforge.daemon.stop_watch import StopWatch
from runforge.daemon.told_gpus import ToldGpus, told_gpus
from runforge.daemon.window import Window
from runforge.daemon.xids import FailedDevices
from runforge.errors import RunForgeError, explained
from runforge.store import records, transitions
from runforge.store.journal import Journal, Transaction

#: How often held launches are tried again, in seconds.
POLL_SECONDS = 0.5
#: So many runs are looked at, ended and started in one tick at most: between two of them a daemon beats and hears.
MOST_A_TICK = 32


class Engine:
    """Runs the jobs of one journal on a backend."""

    def __init__(
        self,
        journal: Journal,
        backend: Backend,
        clock: Clock,
        claims: Claims,
        listener: Listener,
        *,
        orphans: str,
        decide: Decide = policy.decide,
    ) -> None:
        self._journal = journal
        self._backend = backend
        self._clock = clock
        self._claims = claims
        self._listener = listener
        self._orphans = orphans
        self._decide = decide
        self._attempts = AttemptTable()
        claims.job_of = self._job_of
        self._delays = Delays()
        self._gpu_use = GpuUse()
        self._failed = FailedDevices(listener.log)
        self.gate = LaunchGate(backend, clock, listener.log)
        self._orders = Orders(journal, backend)
        self._window = Window(journal, backend)
        #: The journal's version when nothing more could start.
        self._seen: tuple[int, int] | None = None
        #: Whether the last tick stopped because it had done enough.
        self._has_more = False
        self._stalls = StallWatch(journal, backend, clock, lambda: claims.epoch, listener.log)
        self._stops = StopWatch(journal, clock, lambda: claims.epoch, listener.log, self._orders.look_again)
        self._artifacts = ArtifactKeeper(journal, clock, lambda: claims.epoch, listener.log)
        self.is_draining = False

    @property
    def epoch(self) -> int:
        """The epoch of the daemon that this is."""
        return self._claims.epoch

    @property
    def active_jobs(self) -> int:
        """How many runs are going on."""
        return len(self._attempts)

    @property
    def active_gpu_jobs(self) -> int:
        """How many of them hold a GPU slot."""
        return sum(running.job.requires_gpu for running in self._attempts)

    @property
    def gpu_slots(self) -> int:
        """How many GPU slots there are."""
        return self._claims.shown_gpu_slots

    def told_gpus(self) -> ToldGpus:
        """Return what daemon.json says of the devices."""
        return told_gpus(self._claims)

    @property
    def gpu_problem(self) -> str | None:
        """Why no run can have a GPU now, though there should be some."""
        return self._claims.gpus.problem

    @property
    def backend_problem(self) -> str | None:
        """Why the backend launches nothing now, for reasons of its own."""
        return self._backend.trouble()

    @property
    def backend_note(self) -> str | None:
        """What people should know of the backend although it launches."""
        return self._backend.note()

    @property
    def nodes(self) -> dict[str, Any] | None:
        """What the cluster has said of its nodes."""
        return self._backend.nodes()

    def wait_seconds(self) -> float | None:
        """Return the seconds until `tick` must be called again; None if a descriptor will wake the loop."""
        if self._has_more or any(each.is_due or each.ending is not None for each in self._attempts):
            return 0.0  # left over, or learned at the end of the last round
        wishes = [
            self._backend.wait_seconds(),
            POLL_SECONDS if self.gate.is_closed else None,
            self._delays.wait_seconds(self._clock.now()) if self._delays.has_any else None,
            self._stalls.wait_seconds() if self._attempts else None,
            self._stops.wait_seconds() if self._attempts else None,
            self._artifacts.wait_seconds(),
        ]
        return min((wish for wish in wishes if wish is not None), default=None)

    def start(self) -> None:
        """Start the backend and take over what an earlier daemon left."""
        self._backend.start()
        failpoints.hit("daemon.zygotes_started")
        self._adopt()
        failpoints.hit("daemon.adopted")

    def finish(self) -> None:
        """Do at once what a later round would do, because none follows."""
        self._artifacts.finish()

    def close(self) -> None:
        """Release everything. The runs continue."""
        self._backend.close()

    def tick(self) -> None:
        """Do one round, of limited length. Raises if the journal cannot be written; the next round tries again."""
        self._hear()
        self._look_at_gpus()
        self._look_at_room()
        self._inspect_due()
        if self._attempts:
            self._stops.step(self._attempts)
        self._orders.deliver(self._attempts)
        self._window.step(self._attempts, self._claims.room)
        self._stalls.step(
            self._attempts, {each.uuid: float(each.use or 0) for each in self._claims.gpus.seen}
        )
        left = MOST_A_TICK
        while started := self._advance(left):
            left -= started
        self._has_more = left == 0
        if self._claims.is_gpu_wanted:
            self._look_at_gpus()  # what a run waits for must be seen
        self._artifacts.step()
        if left < MOST_A_TICK:
            self._hear()  # an idle supervisor takes its attempt at once
        self._backend.rest()

    # --- learning ------------------------------------------------------------------------------

    def _adopt(self) -> None:
        with self._journal.read() as tx:
            rows = [records.attempt(row) for row in tx.rows("attempts.running")]
            jobs = {j.job_id: j for j in map(records.job, tx.rows("jobs.running"))}
            found = [_running(tx, jobs[row.job_id], row.token, row.devices) for row in rows]
            self._delays.load(tx)
        for running in found:
            self._gpu_use.begin(running.ref.token, running.devices)
            running.orders = None
            self._attempts.add(running)
            self._backend.adopt(running.ref)

    def _hear(self) -> None:
        for event in self._backend.events():
            if event.token is None:
                self.gate.fault(event.errno or 0)
            elif (running := self._attempts.of_token(event.token)) is not None:
                if event.progress is not None:
                    running.progress = event.progress
                elif event.error is None:
                    running.is_due = True
                else:
                    self._refused(running, event, event.error)

    def _look_at_gpus(self) -> None:
        found = self._backend.capacity(is_in_use=self.active_gpu_jobs > 0 or self._claims.is_gpu_wanted)
        self._gpu_use.add(found.seen, self._clock.monotonic())
        self._failed.put_aside(found.seen, self._journal, self._claims.epoch, self._clock.now())
        if found != self._claims.gpus:
            self._claims.gpus = found
            self._seen = None  # what could not start may start now

    def _look_at_room(self) -> None:
        room, before = self._backend.room(), self._claims.room
        self._claims.room = room
        if room is not None and (before is None or room > before):
            self._seen = None  # what could not start may start now

    def _job_of(self, token: str) -> str | None:
        running = self._attempts.of_token(token)
        return None if running is None else running.job.job_id

    def _refused(self, running: RunningAttempt, event: Event, message: str) -> None:
        self._end(running, policy.refused(message, event.errno, Cause.SPAWN_FAILED))

    def _inspect_due(self) -> None:
        due = (running for running in self._attempts if running.is_due and running.ending is None)
        for running in islice(due, MOST_A_TICK):
            running.is_due = False
            self._inspect(running)

    def _inspect(self, running: RunningAttempt) -> None:
        try:
            decision = settle(self._backend, running, self._orphans, self._decide)
        except OSError as error:
            # Nothing can be read or written now. Only this run has to wait.
            fault = machine_faults.of(error)
            if fault is not None:
                running.note(refused=fault)
            if fault is not None and machine_faults.holds_all(fault):
                self.gate.fault(fault)  # otherwise it may be this run's own files
            self._tell_trouble(running, error)
        else:
            if decision is not None:
                self._end(running, decision)

    def _tell_trouble(self, running: RunningAttempt, error: OSError) -> None:
        """Log once why a run cannot be inspected. It is tried again; temporary names differ from try to try."""
        if error.errno != running.trouble:
            running.trouble = error.errno
            text = f"it is not known yet how run {running.job.run_id} ended: {explained(error)}"
            self._listener.log(f"WARNING: {text}; trying again")

    def _end(self, running: RunningAttempt, decision: Decision) -> None:
        running.ending = decision.ending
        if decision.fault is None:
            return
        if machine_faults.holds_all(decision.fault):
            self.gate.fault(decision.fault)
            return
        # Only this run's files may be wrong. The other runs wait only if a check says that all would fail.
        self.gate.suspect()
        is_first = self._delays.is_first(running.job.job_id)
        running.delay = self._delays.next(running.job.job_id)
        if decision.ending is not None and is_first:
            self._listener.log(f"WARNING: run {running.job.run_id} {decision.ending.error}; trying again")

    # --- recording -----------------------------------------------------------------------------

    def _advance(self, most: int) -> int:
        """Record what ended and claim what may start, but no more than `most`, in one transaction; then launch it.

        Returns how many were launched. A launch may have failed at once; then its slot is free for the next one.
        """
        over = list(islice((each for each in self._attempts if each.ending is not None), MOST_A_TICK))
        moved = [each for each in self._attempts if each.progress is not None]
        if not over and not moved and not (most and self._can_start()):
            return 0
        may_launch = most > 0 and not self.is_draining and self.gate.allows()
        if over:
            failpoints.hit("end.judged")
        self._seen = None
        with self._journal.write(self._claims.epoch) as tx:
            now = self._clock.now()
            version = self._journal.data_version()  # nobody else can commit now
            for running in over:
                running.used = self._gpu_use.of(running.ref.token, running.record)
            for each in moved:
                each.job = transitions.note_progress(tx, each.job, each.progress or Progress(), now)
            ended = [(running, *record(tx, running, now, version)) for running in over]
            has_delayed = any(ending.state is State.QUEUED for _, _, ending in ended)
            self._delays.release(tx, now, version, has_delayed=has_delayed)
            claimed = self._claim_all(tx, now, most) if may_launch else []
        if may_launch and len(claimed) < most:
            self._seen = (version, self._journal.commits)
        for running in moved:
            running.progress = None
        self._tell_failpoints(has_ended=bool(ended), has_claimed=bool(claimed))
        for running, job, ending in ended:
            self._delays.note(job.job_id, ending)
            self._attempts.remove(running)
            self._gpu_use.forget(running.ref.token)
            self._backend.forget(running.ref)
            self._listener.done(job, ending)
        for running, claim in claimed:
            running.version = version
            self._attempts.add(running)
            self._gpu_use.begin(running.ref.token, claim.grant.uuids)
            self._listener.started(running.job)
            self._launch(running, claim)
        return len(claimed)

    def _tell_failpoints(self, *, has_ended: bool, has_claimed: bool) -> None:
        if has_ended:
            failpoints.hit("end.recorded")
        if has_claimed:
            failpoints.hit("claim.committed")

    # --- starting ------------------------------------------------------------------------------

    def _can_start(self) -> bool:
        """Return whether a job may start, read without the writers' lock."""
        is_held = self.gate.is_closed and not self.gate.allows()  # checked even if nothing waits
        if is_held or self.is_draining:
            return False
        if self._seen == (version := self._journal.version()) and not self._is_one_due():
            return False  # no commit since the last time that nothing could start
        with self._journal.read() as tx:
            self._delays.load(tx)  # somebody may have queued a run for later
            can_start = self._is_one_due() or self._claims.can_start(tx, self._clock.monotonic())
        if not can_start:
            self._seen = version
        return can_start and self.gate.allows()

    def _is_one_due(self) -> bool:
        return self._delays.has_any and self._delays.is_due(self._clock.now())

    def _claim_all(self, tx: Transaction, now: str, most: int) -> list[tuple[RunningAttempt, Claimed]]:
        claimed = self._claims.claim_all(tx, now, self._clock.monotonic(), most)
        return [(_running(tx, each.job, each.grant.token, each.grant.uuids), each) for each in claimed]

    def _launch(self, running: RunningAttempt, claim: Claimed) -> None:
        try:
            self._backend.launch(Launch(running.ref, claim.job, claim.objective, claim.grant))
            failpoints.hit("launch.asked")
        except NoRunFolder as error:
            self._end(running, policy.refused(str(error), None, Cause.FOLDER_MISSING))
        except (RunForgeError, OSError) as error:
            message = f"could not be launched: {error}"
            self._end(running, policy.refused(message, machine_faults.passing(error), Cause.LAUNCH_FAILED))


def _running(tx: Transaction, job: Job, token: str, devices: Sequence[str]) -> RunningAttempt:
    unstarted = tx.row("attempts.unstarted", job_id=job.job_id, lost=job.lost)[0] if job.lost else 0
    ref = AttemptRef(job.run_id, job.attempt, token, job.run_dir)
    return RunningAttempt(job, ref, Past(unstarted), devices=tuple(devices))
