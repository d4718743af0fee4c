"""The changes that keys make in the queue, through `runforge.queue`. Each returns a sentence.

`runforge.queue` is imported only when a key needs it, so that the first paint does not wait for it. It runs
in a worker thread, because a change may wait for the writers' lock. A read-only session refuses everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from runforge.core.states import LIVE
from runforge.errors import OperationFailed
from runforge.views.shown import GroupView, JobView
from runforge.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DaemonKeys:
    """How to start and stop a daemon; given by the command that opens the screens."""

    start: Callable[[], int]
    take_over: Callable[[], int]
    stop: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Steering:
    """Changes of one workspace's queue. Each returns its result as a sentence."""

    workspace: Workspace
    daemon: DaemonKeys
    read_only: bool = False

    def require_writable(self) -> None:
        """Raise OperationFailed in a read-only session."""
        if self.read_only:
            raise OperationFailed("this session is read-only", fix="Open it without --read-only")

    def cancel(self, jobs: Sequence[JobView]) -> str:
        """Cancel runs: queued ones at once, running ones by TERM, 10 s and KILL."""
        from runforge.queue import cancel

        self.require_writable()
        live = _live(jobs, "queued and running runs are canceled")
        outcome = cancel.cancel_runs(self.workspace, live)
        return _joined(_counted("canceled", outcome.canceled_queued), _counted("stopping", outcome.stopping))

    def cancel_group(self, group: GroupView) -> str:
        """Cancel all live runs of a group."""
        from runforge.queue import cancel

        self.require_writable()
        outcome = cancel.cancel_group(self.workspace, group.group_id)
        said = _joined(_counted("canceled", outcome.canceled_queued), _counted("stopping", outcome.stopping))
        return f"{group.name}: {said or 'nothing was left to cancel'}"

    def retry(self, jobs: Sequence[JobView]) -> str:
        """Queue failed and canceled runs again."""
        from runforge.queue import retry

        self.require_writable()
        ended = [job.run_id for job in jobs if job.state in {"failed", "canceled"}]
        if not ended:
            raise _refused(jobs, "failed and canceled runs are retried")
        return _counted("queued again", retry.retry_runs(self.workspace, ended))

    def rerun(self, job: JobView) -> str:
        """Enqueue a copy of a run."""
        from runforge.queue import rerun

        self.require_writable()
        return f"enqueued {rerun.rerun_one(self.workspace, job.run_id).run_id}, a copy of {job.run_id}"

    def retry_group(self, group: GroupView) -> str:
        """Queue the failed runs of a group again."""
        from runforge.queue import retry

        self.require_writable()
        count = retry.retry_failed(self.workspace, group.group_id)
        return f"{group.name}: {_counted('queued again', count) or 'no run of it has failed'}"

    def toggle_pause(self, groups: Sequence[GroupView]) -> str:
        """Pause groups, or resume them if all are paused."""
        from runforge.queue import pause

        self.require_writable()
        if not groups:
            raise OperationFailed(
                "a run without a group cannot be paused", fix="Cancel it, or stop the daemon"
            )
        groups = [group for group in groups if group.paused or group.status == "running"] or _none_open(
            groups
        )
        is_resuming = all(group.paused for group in groups)
        change = pause.resume_group if is_resuming else pause.pause_group
        for group in groups:
            change(self.workspace, group.group_id)
        names = ", ".join(group.name for group in groups[:3]) + (" ..." if len(groups) > 3 else "")
        return f"{'resumed' if is_resuming else 'paused'} {names}" + (
            "" if is_resuming else "; running runs continue"
        )

    def change_priority(self, jobs: Sequence[JobView], by: int) -> str:
        """Raise or lower the priority of live runs."""
        from runforge.queue import priority

        self.require_writable()
        count = priority.shift_priority(
            self.workspace, _live(jobs, "queued and running runs have a priority"), by
        )
        if count == 1:
            return f"priority of {jobs[0].run_id} is now {jobs[0].priority + by}"
        return f"priority {'raised' if by > 0 else 'lowered'} for {count} runs"

    def change_group_priority(self, group: GroupView, by: int) -> str:
        """Raise or lower the priority of a group's live runs."""
        from runforge.queue import priority

        self.require_writable()
        count = priority.shift_priority(self.workspace, [group.group_id], by)
        return f"{group.name}: priority {'raised' if by > 0 else 'lowered'} for {count} runs"

    def start_daemon(self) -> str:
        """Start a daemon in the background."""
        self.require_writable()
        return f"daemon is up, pid {self.daemon.start()}"

    def take_over(self) -> str:
        """Start a daemon that replaces a hanging one."""
        self.require_writable()
        return f"took over; daemon is up, pid {self.daemon.take_over()}"

    def stop_daemon(self) -> str:
        """Stop the daemon; running runs continue."""
        self.require_writable()
        return "daemon stopped; running runs continue" if self.daemon.stop() else "no daemon is running"


def _none_open(groups: Sequence[GroupView]) -> NoReturn:
    names = ", ".join(group.name for group in groups[:3])
    raise OperationFailed(f"{names} has ended: there is nothing to pause")


def _live(jobs: Sequence[JobView], rule: str) -> list[str]:
    live = [job.run_id for job in jobs if job.state in LIVE]
    if not live:
        raise _refused(jobs, rule)
    return live


def _refused(jobs: Sequence[JobView], rule: str) -> OperationFailed:
    if not jobs:
        return OperationFailed("no run is selected")
    which = f"this one is {jobs[0].state}" if len(jobs) == 1 else f"none of these {len(jobs)} is"
    return OperationFailed(f"only {rule}; {which}")


def _counted(what: str, count: int) -> str:
    return f"{what} {count} run{'s' if count != 1 else ''}" if count else ""


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
