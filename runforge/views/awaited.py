"""One run or group that a command waits for: checked often, read again only after a commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from runforge import clock
from runforge.errors import OperationFailed
from runforge.store import records
from runforge.store.journal import Transaction
from runforge.store.opening import require_journal
from runforge.views.journal_reader import JournalReader
from runforge.views.shown import GroupView, JobView, group_view, job_view
from runforge.workspace import Workspace

View = TypeVar("View")


class Awaited(Generic[View]):
    """The current result of `read`. A check of an unchanged journal takes microseconds and reads nothing."""

    def __init__(self, workspace: Workspace, read: Callable[[Transaction], View]) -> None:
        self._workspace = workspace
        self._read = read
        self._reader = JournalReader(workspace)
        self._seen: tuple[object, View] | None = None

    def __enter__(self) -> Awaited[View]:
        return self

    def __exit__(self, *_error: object) -> None:
        self._reader.close()

    def look(self) -> View:
        """Return the current result."""
        version = self._reader.version()  # first, so that a commit during the read is seen the next time
        if self._seen is None or version != self._seen[0]:
            require_journal(self._workspace)
            with self._reader.snapshot() as tx:
                self._seen = version, self._read(tx)
        return self._seen[1]


def group(group_id: str) -> Callable[[Transaction], GroupView]:
    """Return a function that reads one group; it raises OperationFailed once that is pruned."""

    def read(tx: Transaction) -> GroupView:
        row = tx.row("groups.by_id", group_id=group_id)
        if row is None:
            raise _gone(f"group {group_id}")
        return group_view(records.group(row))

    return read


def job(run_id: str) -> Callable[[Transaction], JobView]:
    """Return a function that reads one run's job; it raises OperationFailed once that is pruned."""

    def read(tx: Transaction) -> JobView:
        row = tx.row("jobs.by_run_id", run_id=run_id)
        if row is None:
            raise _gone(f"run {run_id}")
        return job_view(records.job(row), clock.now())

    return read


def has_ended(view: GroupView | JobView) -> bool:
    """Return whether nothing of it is queued or running."""
    if isinstance(view, GroupView):
        return view.status != "running"
    return view.state in {"succeeded", "failed", "canceled"}


def _gone(what: str) -> OperationFailed:
    return OperationFailed(f"{what} is gone", fix="`prune` has removed it")
