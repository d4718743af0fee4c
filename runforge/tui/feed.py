"""The thread that watches the journal for the screens. It reads and posts messages; it owns no widget.

It may start before Textual is imported: the first look then takes place meanwhile.

Four times a second it checks a number, which takes microseconds. It reads only if the number has changed, and
for at most a tenth of the time. It reads the visible rows and some pages around them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from runforge import clock
from runforge.errors import explained
from runforge.named import NamedTuple
from runforge.tui.seen import Ahead, Window, in_order
from runforge.views.daemon_status import DaemonStatus
from runforge.views.queue_snapshot import JobQuery, QueueReader, QueueSnapshot
from runforge.views.shown import JobView, seconds_so_far
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from textual.message import Message

    from runforge.tui.live import Live, LiveReader
    from runforge.views.estimate import Estimate

_LOOK_SECONDS = 0.25
_MOST_OF_THE_TIME = 0.1
_PROGRESS_SECONDS = 1.0
#: Seconds between two looks at the daemon's lock and heartbeat when nothing else changes.
_DAEMON_SECONDS = 1.0
#: Groups in the first snapshot, before a screen has said what it shows.
_FIRST_GROUPS = 8
#: Running jobs whose files are looked at.
_MOST_LIVE = 32
#: Estimates are made so often at most, and take at most so much of the time; none are made for a longer queue.
_ESTIMATE_SECONDS = 5.0
_MOST_OF_ESTIMATING = 0.05
_MOST_ESTIMATED = 1000


class Sight(NamedTuple):
    """What is visible: rows of the current order, the job under the cursor, groups by id."""

    start: int
    end: int
    cursor: int | None = None
    #: None are the first ones of the list.
    groups: tuple[str, ...] | None = None


class Feed(threading.Thread):
    """Posts snapshots and rows to the app until stopped; to nobody before `tell` says to whom."""

    def __init__(self, workspace: Workspace, *, seconds: float, rows: int) -> None:
        """Read at most so often; `rows` are in the first snapshot of a query."""
        super().__init__(name="runforge-feed", daemon=True)
        self._workspace = workspace
        self._post: Callable[[Message], object] | None = None
        self._is_heard = threading.Event()
        #: What was read first, until somebody takes it.
        self._first: deque[tuple[QueueSnapshot, Window]] = deque(maxlen=1)
        self._is_read = threading.Event()
        self._seconds = seconds
        self._query = JobQuery()
        self._rows = rows
        self._sight = Sight(0, rows)
        self._wake = threading.Event()
        #: How many looks were asked for, and are made.
        self._wanted = self._made = 0
        self._is_stopped = False
        # The rest belongs to the thread.
        self._snapshot: QueueSnapshot | None = None
        self._seen: object = None
        self._served: Sight | None = None
        self._served_groups: frozenset[str] = frozenset()
        self._live: LiveReader | None = None
        self._visible: set[str] = set()
        self._next_read = self._next_daemon = self._next_progress = self._next_ahead = 0.0

    def tell(self, post: Callable[[Message], object]) -> None:
        """Say to whom messages are posted; start the thread if that was not done before."""
        self._post = post
        self._is_heard.set()
        if not self.is_alive() and not self._is_stopped:
            self.start()

    def first(self, seconds: float) -> tuple[QueueSnapshot, Window] | None:
        """Return what was read first instead of posting it; None if that takes longer, or fails: then it is posted.

        It has only the beginning of a long queue: the rest is read after that.
        """
        if self.is_alive():
            self._is_read.wait(seconds)
        return self._first.pop() if self._first else None

    def ask(self, query: JobQuery) -> None:
        """Ask for other jobs or another order; the answer comes at once, with the first rows."""
        self._query = query
        self._sight = Sight(0, self._rows, groups=self._sight.groups)
        self.hurry()

    def look_at(self, start: int, end: int, cursor: int | None) -> None:
        """Ask for rows: a range of the order, and the job under the cursor."""
        self._see(self._sight._replace(start=start, end=end, cursor=cursor))

    def look_at_groups(self, groups: Sequence[str]) -> None:
        """Ask for the progress of these groups."""
        self._see(self._sight._replace(groups=tuple(groups)))

    def _see(self, sight: Sight) -> None:
        if sight != self._sight:
            self._sight = sight
            self._wake.set()

    def hurry(self) -> int:
        """Look again now, after a change; return the number of that look. Those of snapshots only grow."""
        self._wanted += 1
        self._wake.set()
        return self._wanted

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._is_stopped = True
        self._wake.set()
        self._is_heard.set()
        if self.is_alive():
            self.join(timeout=2.0)

    def run(self) -> None:
        """Look, read and post, until stopped."""
        reader = QueueReader(self._workspace)
        while not self._is_stopped:
            self._wake.clear()
            try:
                self._look(reader)
            except Exception as error:  # noqa: BLE001 - the boundary of a thread: shown, and tried again
                self._seen = None
                self._say("ReadFailed", explained(error))
                self._wake.wait(_LOOK_SECONDS * 3)
            self._wake.wait(_LOOK_SECONDS)
        reader.close()

    def _say(self, kind: str, *what: object) -> None:
        """Post a message as soon as somebody listens."""
        self._is_read.set()
        self._is_heard.wait()
        if self._post is not None:
            from runforge.tui import messages  # Textual is imported by then

            self._post(getattr(messages, kind)(*what))

    def _look(self, reader: QueueReader) -> None:
        """Read what has changed, or the rows that are visible now."""
        wanted, now, query, sight = self._wanted, time.monotonic(), self._query, self._sight
        is_urgent, self._made = wanted > self._made, wanted
        version = (reader.version(), query)
        if self._snapshot is None:
            self._look_first(reader, query, sight, wanted)
        elif is_urgent or self._is_due(reader, version, now):
            snapshot = reader.snapshot(query)
            self._say("SnapshotRead", snapshot, self._read_window(reader, snapshot, sight), wanted)
            self._snapshot, self._seen = snapshot, version
            took = time.monotonic() - now
            self._next_read = now + max(self._seconds, took / _MOST_OF_THE_TIME)
        elif not self._is_served(sight):
            self._say("WindowRead", self._read_window(reader, self._snapshot, sight))
        if self._snapshot is not None and self._snapshot.running and now >= self._next_progress:
            self._next_progress = now + max(_PROGRESS_SECONDS, self._seconds)
            self._say("ProgressRead", self._progress(self._snapshot))
        if self._snapshot is not None and now >= self._next_ahead:
            self._say("AheadRead", _ahead(reader, self._snapshot))
            took = time.monotonic() - now
            self._next_ahead = now + max(_ESTIMATE_SECONDS, self._seconds, took / _MOST_OF_ESTIMATING)

    def _look_first(self, reader: QueueReader, query: JobQuery, sight: Sight, wanted: int) -> None:
        """Read what a first screen shows, and keep it for the app; of a long queue only the beginning."""
        version = (reader.version(), query)
        snapshot = reader.snapshot(query, first=self._rows)
        self._first.append((snapshot, self._read_window(reader, snapshot, sight)))
        self._is_read.set()
        self._is_heard.wait()
        if self._first:
            self._say("SnapshotRead", *self._first.pop(), wanted)
        self._snapshot, self._seen = snapshot, version if snapshot.is_whole else None

    def _read_window(self, reader: QueueReader, snapshot: QueueSnapshot, sight: Sight) -> Window:
        """Read what is visible, and remember it."""
        window = _window(reader, snapshot, sight)
        self._visible = {job.run_id for job in window.jobs.values() if job is not None}
        self._served, self._served_groups = sight, frozenset(window.groups)
        return window

    def _is_served(self, sight: Sight) -> bool:
        """Return whether what is visible was read."""
        is_same = self._served is not None and self._served[:3] == sight[:3]
        return is_same and self._served_groups.issuperset(sight.groups or ())

    def _is_due(self, reader: QueueReader, version: object, now: float) -> bool:
        if now >= self._next_read and version != self._seen:
            return True
        if now < self._next_daemon or self._snapshot is None:
            return False
        self._next_daemon = now + _DAEMON_SECONDS
        return _differs(reader.daemon(), self._snapshot.daemon)

    def _progress(self, snapshot: QueueSnapshot) -> dict[str, Live]:
        """Look at running jobs; if they are very many, at the visible ones first."""
        from runforge.tui.live import LiveReader, Running  # the first paint does not wait for it

        self._live = self._live or LiveReader()
        jobs = snapshot.running
        if len(jobs) > _MOST_LIVE:
            jobs = sorted(jobs, key=lambda job: job.run_id not in self._visible)[:_MOST_LIVE]
        objectives = {group.group_id: group.objective_metric for group in snapshot.groups}
        root = self._workspace.root
        runs = [
            Running(job.run_id, root / job.run_dir, objectives.get(job.group_id or ""), seconds_so_far(job))
            for job in jobs
        ]
        return self._live.read(runs, time.monotonic())


def _ahead(reader: QueueReader, snapshot: QueueSnapshot) -> Ahead:
    """Return how long runs and groups still take, of a queue that is not too long."""
    to_do = snapshot.counts["queued"] + snapshot.counts["running"]
    if not to_do or to_do > _MOST_ESTIMATED:
        return Ahead(is_read=not to_do)
    found = reader.outlook(snapshot)
    return Ahead(_seconds(found.runs, found.now), _seconds(found.groups, found.now), is_read=True)


def _seconds(estimates: Mapping[str, Estimate], now: str) -> dict[str, float]:
    return {
        name: float(round(clock.seconds_between(now, each.ends_at)))
        for name, each in estimates.items()
        if each.ends_at is not None
    }


def _window(reader: QueueReader, snapshot: QueueSnapshot, sight: Sight) -> Window:
    """Return the data of the visible rows and groups."""
    places = list(snapshot.order[sight.start : sight.end])
    if sight.cursor is not None:
        places.append(sight.cursor)
    jobs: dict[int, JobView | None] = dict.fromkeys(places)
    jobs.update(reader.rows(places, snapshot))
    if sight.groups is None:
        groups = in_order(snapshot.groups)[:_FIRST_GROUPS]
    else:
        known = {group.group_id: group for group in snapshot.groups} if sight.groups else {}
        groups = [known[key] for key in sight.groups if key in known]
    return Window(jobs, {group.group_id: reader.progress(group) for group in groups})


def _differs(now: DaemonStatus, shown: DaemonStatus) -> bool:
    """Return whether the daemon's status differs from the shown one, apart from its age."""
    return now._replace(heartbeat_age=None, last_heartbeat=None) != shown._replace(
        heartbeat_age=None, last_heartbeat=None
    )
