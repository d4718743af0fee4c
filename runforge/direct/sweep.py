"""`sweep` in the foreground: the daemon's engine for one group, with the plan's max_parallel."""

from __future__ import annotations

import sys

from runforge.core.outcome import Ending
from runforge.core.records import Group, Job
from runforge.core.states import State
from runforge.core.submission import MAX_RUNS, USUAL, Submission
from runforge.daemon.lock import DaemonLock
from runforge.daemon.log import log
from runforge.daemon.loop import Descriptors, Loop, Signals
from runforge.daemon.main import local_engine, take_over
from runforge.daemon.settings import Listener, Settings
from runforge.documents import doubts
from runforge.errors import CanceledByUser, OperationFailed
from runforge.exports import exporter
from runforge.files.permissions import become_private
from runforge.metrics import tokens
from runforge.queue import cancel
from runforge.queue.submit import EnqueuedSweep, enqueue_sweep
from runforge.store import daemon_holder, foreground, records
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace

_FOLLOW_SECONDS = 0.2


def run_sweep(
    workspace: Workspace,
    plan_bytes: bytes,
    submission: Submission = USUAL,
    *,
    where: str,
    max_runs: int = MAX_RUNS,
) -> int:
    """Make the plan's group and run it here. If a daemon is running, let it run the group and follow it.

    Returns 0 when every run succeeded, 1 when one failed, 5 when it was canceled.
    """
    umask = become_private()
    workspace.prepare()
    with foreground.Mark(workspace) as mark:
        made = enqueue_sweep(workspace, plan_bytes, submission, where=where, max_runs=max_runs, owner=mark)
        for line in doubts.warnings(made.doubts, where):
            log(line)
        print(tokens.group_start(made.group_id, len(made.run_ids)), flush=True)
        printer = _ProgressPrinter(made)
        try:
            lock = DaemonLock.take(workspace)
        except OperationFailed:
            _follow(workspace, made, printer)
        else:
            try:
                _run_here(workspace, made, printer, lock, umask)
            finally:
                lock.release()
                exporter.refresh(workspace)
    return printer.conclude(_group(workspace, made.group_id))


class _ProgressPrinter:
    """Prints the tokens of a direct sweep, once for each run."""

    def __init__(self, made: EnqueuedSweep) -> None:
        self._made = made
        self._index = {run_id: i for i, run_id in enumerate(made.run_ids, start=1)}
        self._started: set[str] = set()
        self._done: set[str] = set()

    def started(self, job: Job) -> None:
        if job.run_id in self._index and job.run_id not in self._started:
            self._started.add(job.run_id)
            print(tokens.group_run(job.run_id, self._index[job.run_id], len(self._index)), flush=True)

    def ended(self, job: Job, ending: Ending) -> None:
        if ending.state is not State.QUEUED:
            self.done(job.run_id, ending.state.value)

    def done(self, run_id: str, state: str) -> None:
        if run_id in self._index and run_id not in self._done:
            self._done.add(run_id)
            print(tokens.group_run_done(run_id, state), flush=True)

    def conclude(self, group: Group) -> int:
        if group.is_canceled:
            print(tokens.group_canceled(group.group_id), flush=True)
            return CanceledByUser.exit_code
        print(
            tokens.group_complete(group.group_id, group.succeeded, group.failed, group.canceled),
            flush=True,
        )
        return int(group.failed > 0)


class _Interrupt:
    """The first Ctrl-C cancels the sweep, the second ends at once."""

    def __init__(
        self, workspace: Workspace, made: EnqueuedSweep, journal: Journal, descriptors: Descriptors
    ) -> None:
        self._workspace = workspace
        self._group_id = made.group_id
        self._stops_running = made.plan.stop_on_cancel
        self._is_canceled = False
        self._signals = Signals(journal, descriptors, CanceledByUser.exit_code)

    def check(self) -> None:
        """Cancel the group once the user has asked for it."""
        if self._signals.count and not self._is_canceled:
            self._is_canceled = True
            print("canceling; press Ctrl-C again to leave at once", file=sys.stderr, flush=True)
            cancel.cancel_group(self._workspace, self._group_id, let_running_finish=not self._stops_running)


def _group(workspace: Workspace, group_id: str) -> Group:
    with open_journal(workspace) as journal, journal.read() as tx:
        return records.group(tx.row("groups.by_id", group_id=group_id))


def _is_live(journal: Journal, group_id: str) -> bool:
    with journal.read() as tx:
        group = records.group(tx.row("groups.by_id", group_id=group_id))
    return bool(group.queued or group.running)


def _run_here(
    workspace: Workspace, made: EnqueuedSweep, printer: _ProgressPrinter, lock: DaemonLock, umask: int
) -> None:
    settings = Settings(max_parallel=made.plan.max_parallel)
    descriptors = Descriptors()
    with open_journal(workspace) as journal:
        epoch = take_over(journal, settings)
        lane = _group(workspace, made.group_id).lane_id
        listener = Listener(printer.started, printer.ended, log)
        engine = local_engine(
            workspace, journal, epoch, settings, listener, descriptors, umask=umask, only_lane=lane
        )
        loop = Loop(workspace, journal, lock, engine, descriptors)
        interrupt = _Interrupt(workspace, made, journal, descriptors)

        def is_over() -> bool:
            interrupt.check()
            return not _is_live(journal, made.group_id)

        try:
            loop.start()
            loop.run(is_over)
            engine.finish()
        finally:
            loop.close()
            with journal.write(epoch) as tx:
                tx.run("journal.set_daemon_state", state="stopped")
        loop.last_words()
    _tell_unstarted(workspace, made, printer)


def _tell_unstarted(workspace: Workspace, made: EnqueuedSweep, printer: _ProgressPrinter) -> None:
    for job in lists.jobs(workspace, group_id=made.group_id, state=State.CANCELED.value):
        printer.done(job.run_id, job.state)


def _follow(workspace: Workspace, made: EnqueuedSweep, printer: _ProgressPrinter) -> None:
    """Print what the running daemon does with the group."""
    holder = daemon_holder.holder(workspace)
    pid = holder.pid if holder else None
    print(f"the daemon (pid {pid}) runs it; following", file=sys.stderr, flush=True)
    descriptors = Descriptors()
    with open_journal(workspace) as journal:
        interrupt = _Interrupt(workspace, made, journal, descriptors)
        while True:
            is_live = _is_live(journal, made.group_id)
            _tell_progress(journal, made, printer)
            interrupt.check()
            if not is_live:
                return
            descriptors.wait(_FOLLOW_SECONDS)


def _tell_progress(journal: Journal, made: EnqueuedSweep, printer: _ProgressPrinter) -> None:
    with journal.read() as tx:
        jobs = [records.job(row) for row in tx.rows("jobs.of_group", group_id=made.group_id)]
    for job in jobs:
        if job.state is State.RUNNING or job.started_at is not None:
            printer.started(job)
        if job.finished_at is not None:
            printer.done(job.run_id, job.state.value)
