"""The thread that watches the journal for the screens. It reads and posts; it owns no widget.

It looks four times a second at a number that costs microseconds and reads only when that has changed, and
then never more than a tenth of the time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from textual.message import Message

from runforge.errors import explained
from runforge.metrics.curves import Progress, tail_progress
from runforge.views.daemon_status import DaemonStatus
from runforge.views.queue_snapshot import JobQuery, QueueReader, QueueSnapshot
from runforge.workspace import Workspace

_LOOK_SECONDS = 0.25
_MOST_OF_THE_TIME = 0.1
_PROGRESS_SECONDS = 1.0
#: Lock and heartbeat of the daemon are looked at this often when nothing else changes.
_DAEMON_SECONDS = 1.0


class SnapshotRead(Message):
    """The queue has changed, or something else was asked for."""

    def __init__(self, snapshot: QueueSnapshot) -> None:
        self.snapshot = snapshot
        super().__init__()


class ReadFailed(Message):
    """The journal cannot be read at the moment."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__()


class ProgressRead(Message):
    """How far the running jobs are, by run."""

    def __init__(self, progress: dict[str, Progress]) -> None:
        self.progress = progress
        super().__init__()


class Feed(threading.Thread):
    """Posts snapshots to the app until stopped."""

    def __init__(self, workspace: Workspace, post: Callable[[Message], object], *, seconds: float) -> None:
        super().__init__(name="runforge-feed", daemon=True)
        self._workspace = workspace
        self._post = post
        self._seconds = seconds
        self._query = JobQuery()
        self._wake = threading.Event()
        self._is_urgent = False
        self._is_stopped = False

    def ask(self, query: JobQuery) -> None:
        """Ask for other jobs or another order; the answer comes at once."""
        self._query = query
        self.hurry()

    def hurry(self) -> None:
        """Look again now: something was just done."""
        self._is_urgent = True
        self._wake.set()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._is_stopped = True
        self._wake.set()
        self.join(timeout=2.0)

    def run(self) -> None:
        """Look, read, post; until stopped."""
        reader = QueueReader(self._workspace)
        seen: object = None
        next_read = next_daemon = next_progress = 0.0
        snapshot: QueueSnapshot | None = None
        while not self._is_stopped:
            is_urgent, self._is_urgent = self._is_urgent, False
            self._wake.clear()
            now = time.monotonic()
            try:
                version = (reader.version(), self._query)
                is_due = now >= next_read and version != seen
                if now >= next_daemon and snapshot is not None and not is_due:
                    next_daemon = now + _DAEMON_SECONDS
                    is_due = _differs(reader.daemon(), snapshot.daemon)
                if is_urgent or is_due:
                    snapshot = reader.snapshot(self._query)
                    seen = version
                    self._post(SnapshotRead(snapshot))
                    took = time.monotonic() - now
                    next_read = now + max(self._seconds, took / _MOST_OF_THE_TIME)
                if snapshot is not None and snapshot.running and now >= next_progress:
                    next_progress = now + max(_PROGRESS_SECONDS, self._seconds)
                    self._post(ProgressRead(self._progress(snapshot)))
            except Exception as error:  # noqa: BLE001 - the boundary of a thread: shown, and tried again
                seen = None
                self._post(ReadFailed(explained(error)))
                self._wake.wait(_LOOK_SECONDS * 3)
            self._wake.wait(_LOOK_SECONDS)
        reader.close()

    def _progress(self, snapshot: QueueSnapshot) -> dict[str, Progress]:
        found = {job.run_id: tail_progress(self._workspace.root / job.run_dir) for job in snapshot.running}
        return {run_id: progress for run_id, progress in found.items() if progress}


def _differs(now: DaemonStatus, shown: DaemonStatus) -> bool:
    """Return whether the daemon is otherwise than shown, its ever-growing age apart."""
    return now._replace(heartbeat_age=None, last_heartbeat=None) != shown._replace(
        heartbeat_age=None, last_heartbeat=None
    )
