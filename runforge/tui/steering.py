"""The changes that keys make in the queue, through `runforge.queue`. Each returns a sentence.

`runforge.queue` is imported only when a key needs it, so that the first paint does not wait for it. It runs
in a worker thread, because a change may wait for the writers' lock. A read-only session refuses everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from runforge import cells
from runforge.core.states import LIVE
from runforge.errors import OperationFailed
from runforge.named import NamedTuple
from runforge.views.shown import GroupView, JobView
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from runforge.core.records import Job
    from runforge.queue.changed import Changed
    from runforge.queue.parameter_table import Row, Table

#: What is said of runs that were left as they are: so many numbers.
_NAMED = 5
#: Runs in one table of parameters: each of them is read from its file.
MOST_EDITED = 1_000


class DaemonKeys(NamedTuple):
    """How to start and stop a daemon; given by the command that opens the screens."""

    start: Callable[[], int]
    take_over: Callable[[], int]
    stop: Callable[[], bool]


class Steering(NamedTuple):
    """Changes of one workspace's queue. Each returns its result as a sentence."""

    workspace: Workspace
    daemon: DaemonKeys
    read_only: bool = False

    def require_writable(self) -> None:
        """Raise OperationFailed in a read-only session."""
        if self.read_only:
            raise OperationFailed("this session is read-only", fix="Open it without --read-only")

    def refused(self) -> str:
        """Refuse in a read-only session."""
        self.require_writable()
        return ""

    def none_queued(self, jobs: Sequence[JobView]) -> str:
        """Say that there is no queued run to change."""
        raise _refused(jobs, "queued runs are changed (n makes a new run from any)")

    def none_ended(self, jobs: Sequence[JobView]) -> str:
        """Say that there is no ended run to remove."""
        raise _refused(jobs, "ended runs are removed")

    def size_of(self, jobs: Sequence[JobView]) -> str:
        """Return the size of the folders of runs, in words."""
        from runforge.queue import prune

        return cells.size(sum(prune.folder_size(self.workspace.root / job.run_dir) for job in jobs))

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

    def toggle_hold(self, jobs: Sequence[JobView]) -> str:
        """Hold queued runs, or release them if all are held."""
        from runforge.queue import hold

        self.require_writable()
        queued = [job for job in jobs if job.state == "queued"]
        if not queued:
            raise _refused(jobs, "queued runs are held")
        is_release = all(job.held for job in queued)
        change = hold.release if is_release else hold.hold
        done = change(self.workspace, [job.job_id for job in queued])
        return told(done, "released" if is_release else "held")

    def step(self, jobs: Sequence[JobView], by: int) -> str:
        """Move queued runs one place up or down in their group."""
        from runforge.queue.step import step

        self.require_writable()
        return told(
            step(self.workspace, [job.job_id for job in jobs], by), "moved down" if by > 0 else "moved up"
        )

    def remove(self, jobs: Sequence[JobView]) -> str:
        """Forget ended runs and delete their folders."""
        from runforge.queue import remove

        self.require_writable()
        return told(remove.remove(self.workspace, [job.job_id for job in jobs]), "removed")

    def parameters(self, jobs: Sequence[JobView], *, is_new: bool) -> Table:
        """Return runs as a table to change; OperationFailed if they cannot be changed."""
        from runforge.queue import parameter_table

        self.require_writable()
        chosen = [job for job in jobs if is_new or job.state == "queued"]
        if not chosen:
            self.none_queued(jobs)
        if len(chosen) > MOST_EDITED:
            raise OperationFailed(
                f"a table has {MOST_EDITED:,} runs at most; these are {len(chosen):,}",
                fix="`runforge edit --where ...` changes any number",
            )
        return parameter_table.read(self.workspace, [job.job_id for job in chosen])

    def edit(self, typed: Sequence[tuple[Row, Mapping[str, str]]]) -> str:
        """Change queued runs. One that was started or changed since it was shown stays as it is, which is said."""
        from runforge.queue import edit, parameter_table

        self.require_writable()
        asked = {row.job_id: parameter_table.edit_of(row, cells) for row, cells in typed}
        return told(
            edit.edit(self.workspace, asked, {row.job_id: row.version for row, _ in typed}), "changed"
        )

    def make_new(self, typed: Sequence[tuple[Row, Mapping[str, str]]]) -> str:
        """Queue new runs, made from others with changed values."""
        from runforge.queue import parameter_table, rerun

        self.require_writable()
        asked = {row.job_id: parameter_table.edit_of(row, cells) for row, cells in typed}
        made = rerun.rerun(self.workspace, asked)
        return ", ".join(f"enqueued #{new.seq} {new.run_id}" for new in made)

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


def told(done: Changed, what: str) -> str:
    """Return what was changed, and why some runs were not; OperationFailed if none was."""
    reasons: dict[str, list[Job]] = {}
    for job, reason in done.skipped:
        reasons.setdefault(reason, []).append(job)
    left = "; ".join(f"{_numbers(jobs)} not: {reason}" for reason, jobs in reasons.items())
    if not done.changed:
        raise OperationFailed(f"nothing {what}: {left}" if left else f"nothing {what}")
    return "; ".join(part for part in (_counted(what, len(done.changed)), left) if part)


def _numbers(jobs: Sequence[Job]) -> str:
    shown = ", ".join(f"#{job.seq}" for job in jobs[:_NAMED])
    return shown + (f" and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else "")


def _counted(what: str, count: int) -> str:
    return f"{what} {count} run{'s' if count != 1 else ''}" if count else ""


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
