"""The tick: learn what ended, write it down, stop what is to stop, start what may start.

One thread, one journal connection. Everything that matters stands in the journal and in the
attempts' own files, so this process may die between any two lines.
"""

from __future__ import annotations

import errno
import os
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass

from runforge import clock, failpoints, machine_faults
from runforge.attempts import build_spec, start_marker
from runforge.backends.local.launcher import Launcher, attempt_dir
from runforge.core.outcome import Ending
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.daemon import endings
from runforge.daemon.attempt_table import Active
from runforge.daemon.claims import Claimed, Claims
from runforge.daemon.judging import judge_attempt
from runforge.daemon.launch_gate import Hold
from runforge.errors import RunForgeError
from runforge.files.durable import write_atomic
from runforge.machine import gpus, os_process
from runforge.store import records, transitions
from runforge.store.failures import IllegalTransition
from runforge.store.journal import Journal, Transaction
from runforge.workspace import Workspace

#: How often attempts without a kernel handle are looked at, in seconds.
POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Settings:
    """What a daemon was started with."""

    max_parallel: int = 2
    gpu_slots: int = 1
    orphans: str = "requeue"


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what happens: the daemon's tokens, a direct sweep's progress."""

    started: Callable[[Job], None]
    done: Callable[[Job, Ending], None]


class Engine:
    """Runs the jobs of one workspace; `only_lane` restricts it to one group."""

    def __init__(
        self,
        workspace: Workspace,
        journal: Journal,
        epoch: int,
        settings: Settings,
        listener: Listener,
        *,
        umask: int,
        only_lane: int | None = None,
    ) -> None:
        found = gpus.detect()
        self._workspace = workspace
        self._journal = journal
        self._epoch = epoch
        self._settings = settings
        self._listener = listener
        self._claims = Claims(epoch, settings.max_parallel, settings.gpu_slots, found, only_lane=only_lane)
        self._launcher = Launcher(
            workspace,
            gpus=len(found),
            umask=umask,
            threads=build_spec.threads_per_run(settings.max_parallel),
        )
        self._active: dict[str, Active] = {}
        self.hold = Hold(workspace)
        self._next_poll = 0.0
        #: The journal when nothing more could start, and when every wish to cancel had been delivered.
        self._seen: tuple[int, int] | None = None
        self._heard: int | None = None
        self.selector = selectors.DefaultSelector()
        self.is_draining = False

    @property
    def active_jobs(self) -> int:
        """How many runs are going on."""
        return len(self._active)

    @property
    def active_gpu_jobs(self) -> int:
        """How many of them hold a GPU slot."""
        return sum(active.job.requires_gpu for active in self._active.values())

    @property
    def needs_polling(self) -> bool:
        """Whether no event tells of what comes next: a supervisor without a handle, launches held back."""
        return self.hold.is_on or any(a.handle is None for a in self._active.values())

    def start(self) -> None:
        """Start the zygotes and take over what an earlier daemon left."""
        self._launcher.start()
        self._watch_zygotes()
        failpoints.hit("daemon.zygotes_started")
        self._adopt()
        failpoints.hit("daemon.adopted")

    def close(self) -> None:
        """Let go of everything. The runs go on."""
        for active in self._active.values():
            active.close()
        self._launcher.close()
        self.selector.close()

    def tick(self) -> None:
        """One round. Raises when the journal cannot be written; the next round tries again."""
        self._hear_zygotes()
        self._look_at_the_rest()
        self._deliver_cancels()
        while self._advance():
            pass
        self._hear_zygotes()  # a supervisor that waited has taken its attempt at once
        if self._launcher.is_resting_due():
            self._leave_zygotes()
            self._launcher.rest()
            self._watch_zygotes()

    # --- learning ------------------------------------------------------------------------------

    def _adopt(self) -> None:
        with self._journal.read() as tx:
            rows = [records.attempt(row) for row in tx.rows("attempts.running")]
            jobs = {j.job_id: j for j in map(records.job, tx.rows("jobs.running"))}
            found = [self._active_of(tx, jobs[row.job_id], row.token) for row in rows]
        for active in found:
            self._active[active.job.job_id] = active
            self._watch_adopted(active)

    def _active_of(self, tx: Transaction, job: Job, token: str) -> Active:
        folder = attempt_dir(self._workspace, job.run_id, job.attempt)
        unstarted = 0
        if job.lost:
            unstarted = tx.row("attempts.unstarted", job_id=job.job_id, lost=job.lost)[0]
        return Active(job, token, folder, unstarted)

    def _watch_adopted(self, active: Active) -> None:
        """Wait for an adopted supervisor by pidfd where its identity can be proved, else by polling."""
        owner = start_marker.read(active.attempt_dir)
        if owner is None or owner.boot_id != os_process.boot_id():
            return
        descriptor = os_process.pidfd_open(owner.pid)
        if descriptor is None:
            return
        if os_process.start_ticks(owner.pid) != owner.start_ticks:
            os.close(descriptor)
            return
        self._attach(active, descriptor)

    def _attach(self, active: Active, descriptor: int | None) -> None:
        active.handle = descriptor
        if descriptor is not None:
            self.selector.register(descriptor, selectors.EVENT_READ, active)

    def _hear_zygotes(self) -> None:
        for active, reply in self._launcher.answers():
            failpoints.hit("launch.answered")
            active.is_launching = False
            if reply.error is not None:
                failed = Ending(State.FAILED, Cause.SPAWN_FAILED, reply.error)
                active.ending = self._postponed(reply.errno) or failed
            else:
                self._attach(active, reply.handle)
        for zygote in self._launcher.zygotes:
            if not zygote.alive():
                self._replace_zygotes()
                return

    def _replace_zygotes(self) -> None:
        self._leave_zygotes()
        for active in self._launcher.strand():
            # A supervisor may or may not have been forked: its claim will tell.
            active.is_launching = False
        try:
            self._launcher.revive()
        except OSError as error:
            self._postponed(machine_faults.of(error) or errno.EAGAIN)
        self._watch_zygotes()

    def _leave_zygotes(self) -> None:
        for key in list(self.selector.get_map().values()):
            if key.data == "zygote":
                self.selector.unregister(key.fileobj)

    def _watch_zygotes(self) -> None:
        for zygote in self._launcher.zygotes:
            if zygote.fileno() not in self.selector.get_map():
                self.selector.register(zygote.fileno(), selectors.EVENT_READ, "zygote")

    def supervisor_gone(self, active: Active) -> None:
        """An attempt, or its supervisor, has ended."""
        if active.handle is not None:
            self.selector.unregister(active.handle)
        active.close()
        active.is_over = True

    def _look_at_the_rest(self) -> None:
        now = time.monotonic()
        is_due = now >= self._next_poll
        if is_due:
            self._next_poll = now + POLL_SECONDS
        for active in self._active.values():
            if active.ending is not None or active.is_launching:
                continue
            if (active.is_over and not active.survivors) or (is_due and active.handle is None):
                self._judge(active)

    def _judge(self, active: Active) -> None:
        try:
            active.ending = judge_attempt(self._workspace, active, self._settings.orphans)
        except OSError as error:
            # Nothing can be seen or written now: it is judged once the machine lets us.
            active.refusal = machine_faults.of(error)
            if active.refusal is None:
                raise
            self.hold.fault(active.refusal)
        else:
            if active.refusal is not None and active.ending is not None:
                self.hold.fault(active.refusal)

    def _postponed(self, number: int | None) -> Ending | None:
        """Return the ending of a launch that failed for a reason of the machine's; None for any other."""
        if number is None or not machine_faults.is_machines(number):
            return None
        self.hold.fault(number)
        return endings.postponed(number)

    # --- writing down --------------------------------------------------------------------------

    def _advance(self) -> bool:
        """Write down what ended and claim what may start, in one transaction; then launch it.

        Returns whether a launch failed at once: that has freed its slot for the next one.
        """
        over = [a for a in self._active.values() if a.ending is not None]
        if not over and not self._can_start():
            return False
        may_launch = not self.is_draining and self.hold.allows()
        if over:
            failpoints.hit("end.judged")
        self._seen = None
        with self._journal.write(self._epoch) as tx:
            now = clock.now()
            ended = [(active, *self._record(tx, active, now)) for active in over]
            claimed = self._claim_all(tx, now) if may_launch else []
            version = self._journal.data_version()  # as long as nobody else can commit
        if may_launch:
            self._seen = (version, self._journal.commits)
        if ended:
            failpoints.hit("end.recorded")
        if claimed:
            failpoints.hit("claim.committed")
        for active, job, ending in ended:
            self._forget(active)
            self._listener.done(job, ending)
        for active, claim in claimed:
            self._active[active.job.job_id] = active
            self._listener.started(active.job)
            self._launch(active, claim)
        self._watch_zygotes()
        return any(active.ending is not None for active, _ in claimed)

    def _forget(self, active: Active) -> None:
        if active.handle is not None:
            self.selector.unregister(active.handle)
        active.close()
        self._active.pop(active.job.job_id, None)

    @staticmethod
    def _record(tx: Transaction, active: Active, now: str) -> tuple[Job, Ending]:
        job = records.job(tx.row("jobs.by_job_id", job_id=active.job.job_id))
        ending = active.ending
        if ending is None:
            raise IllegalTransition(f"run {job.run_id} has not ended")
        ending = endings.as_asked(ending, job)
        if ending.state is State.QUEUED:
            transitions.requeue(tx, job, ending, now)
        else:
            transitions.end(tx, job, ending, now)
        return job, ending

    # --- stopping ------------------------------------------------------------------------------

    def _deliver_cancels(self) -> None:
        version = self._journal.data_version()  # none but commands ask for a cancel
        if version == self._heard or not self._active:
            return
        with self._journal.read() as tx:
            wanted = [row["job_id"] for row in tx.rows("jobs.running") if row["cancel_requested"]]
        for job_id in wanted:
            active = self._active.get(job_id)
            if active is not None and not active.cancel_sent:
                try:
                    write_atomic(active.attempt_dir / "cancel", b"", durable=False)
                except OSError as error:
                    if machine_faults.of(error) is not None:
                        return  # told as soon as there is room
                    if not isinstance(error, FileNotFoundError):
                        raise
                active.cancel_sent = True
                failpoints.hit("cancel.delivered")
        self._heard = version

    # --- starting ------------------------------------------------------------------------------

    def _can_start(self) -> bool:
        """Return whether a job may start, as far as a look without the writers' lock tells."""
        is_held = self.hold.is_on and not self.hold.allows()  # looked at also while nothing waits
        if is_held or self.is_draining or self._seen == (version := self._journal.version()):
            return False  # nobody has committed since nothing could start
        with self._journal.read() as tx:
            can_start = self._claims.can_start(tx)
        if not can_start:
            self._seen = version
        return can_start and self.hold.allows()

    def _claim_all(self, tx: Transaction, now: str) -> list[tuple[Active, Claimed]]:
        claimed = self._claims.claim_all(tx, now)
        return [(self._active_of(tx, each.job, each.grant.token), each) for each in claimed]

    def _launch(self, active: Active, claim: Claimed) -> None:
        run_dir = self._workspace.root / active.job.run_dir
        if not run_dir.is_dir():
            active.ending = Ending(
                State.FAILED,
                Cause.FOLDER_MISSING,
                f"run folder {active.job.run_dir} is missing: it was deleted before the run started",
            )
            return
        try:
            self._launcher.launch(active, claim.group, claim.gpu)
            failpoints.hit("launch.asked")
        except FileExistsError:
            # Another launch of this very attempt: its claim tells which one counts.
            return
        except (RunForgeError, OSError) as error:
            failed = Ending(State.FAILED, Cause.LAUNCH_FAILED, f"could not be launched: {error}")
            active.ending = self._postponed(machine_faults.of(error)) or failed
