"""The daemon's heartbeat and its exports, as often as their cost allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from runforge import clock
from runforge.core.daemon_row import DaemonRow
from runforge.daemon.log import log
from runforge.daemon.told_gpus import ToldGpus
from runforge.errors import explained
from runforge.exports.documents import daemon_document
from runforge.exports.exporter import Exporter
from runforge.exports.list_blocks import encode
from runforge.files.durable import write_atomic
from runforge.queue.wakeup import Asking
from runforge.store import leftovers, records
from runforge.store.journal import CHECKPOINT_BYTES, Journal
from runforge.workspace import Workspace

#: Seconds between heartbeats (the contract allows at most 5).
BEAT_SECONDS = 2.0
#: The least seconds between two writes of the exports, with the counts of daemon.json.
EXPORT_SECONDS = 0.2
#: Those that a command waits for are written at once, but take no more than half of the time.
_ASKED_SHARE = 0.5
#: The exports take at most this share of the daemon's time. Where they only wait, for a busy processor or a slow disk, they
#: may take the second share of it, so that they do not get older than this.
EXPORT_SHARE = 0.05
WAITING_SHARE = 0.2
OLDEST_SECONDS = 2.0
CHECKPOINT_SECONDS = 30.0
#: Old temporary files are looked for at the start, this long at a time, with this pause between.
TIDY_SECONDS = 0.005
TIDY_PAUSE = 0.1


def pause(took: float, processor: float) -> float:
    """Return the seconds from the begin of one write of the exports to that of the next one.

    It took so many seconds, and so many of them of the processor.
    """
    least = max(OLDEST_SECONDS - took, took / WAITING_SHARE, processor / EXPORT_SHARE)
    return max(EXPORT_SECONDS, min(took / EXPORT_SHARE, least))


class Housekeeping:
    """Writes daemon.json, queue.json and group.json. On a failing disk they only get old."""

    def __init__(self, workspace: Workspace, journal: Journal) -> None:
        self._workspace = workspace
        self._journal = journal
        self._exporter = Exporter(workspace, journal)
        self._next_beat = 0.0
        self._last_beat = 0.0
        self._next_export = 0.0
        self._next_asked = 0.0
        #: Commands that wait until the exports show what they have changed.
        self.asking = Asking()
        self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS
        self._shown: tuple[object, ...] | None = None
        #: What could not be written the last time: each was told of once.
        self._stale: set[str] = set()
        self._leftovers: Iterator[int] | None = leftovers.steps(workspace)
        self._next_tidy = 0.0

    def beat(
        self,
        jobs: int,
        gpu_jobs: int,
        state: str,
        *,
        gpu_problem: str | None = None,
        gpus: ToldGpus = ToldGpus(),  # noqa: B008 - immutable
        backend_problem: str | None = None,
        backend_note: str | None = None,
        nodes: dict[str, Any] | None = None,
        force: bool = False,
    ) -> None:
        """Write daemon.json when it is time or something in it has changed."""
        now = time.monotonic()
        shown = (jobs, gpu_jobs, state, gpu_problem, backend_problem, backend_note, nodes, _steady(gpus))
        if self._shown != shown:
            is_new = self._shown is None or self._shown[2] != state
            self._next_beat = now if is_new else min(self._next_beat, self._last_beat + EXPORT_SECONDS)
        if now < self._next_beat and not force:
            return
        document = daemon_document(
            self._row(),
            heartbeat=clock.now(),
            jobs=jobs,
            gpu_jobs=gpu_jobs,
            state=state,
            gpu_problem=gpu_problem,
            devices=gpus.devices,
            reserved=gpus.reserved,
            backend_problem=backend_problem,
            backend_note=backend_note,
            nodes=nodes,
        )
        data = encode(document)
        self._tolerant(
            "heartbeat", lambda: write_atomic(self._workspace.daemon_json, data, sync_folder=False)
        )
        self._last_beat, self._next_beat = now, now + BEAT_SECONDS
        self._shown = shown

    def _row(self) -> DaemonRow:
        with self._journal.read() as tx:
            return records.daemon(tx.row("journal.daemon"))

    def export(self, *, force: bool = False) -> None:
        """Update queue.json and the group.json files, if they are old and it is time."""
        start, begun = time.monotonic(), time.thread_time()
        if start < self._export_due() and not force:
            return
        is_shown = True
        if self._exporter.is_behind():
            is_shown = self._tolerant("exports", self._exporter.write)
            took = time.monotonic() - start
            self._next_export = start + pause(took, time.thread_time() - begun)
            self._next_asked = start + took / _ASKED_SHARE
            if is_shown and self._exporter.owes():
                return  # so many groups have changed that they take several writes
        self.asking.answer(is_shown=is_shown)

    def _export_due(self) -> float:
        return min(self._next_asked, self._next_export) if self.asking else self._next_export

    def repair(self) -> None:
        """Write the exports again if another program has deleted or changed them."""
        self._exporter.look()

    def wait_seconds(self) -> float:
        """Return for how many seconds nothing here is due."""
        now = time.monotonic()
        due = self._next_beat
        if self.asking or self._exporter.is_behind():
            due = min(due, self._export_due())
        if self._leftovers is not None:
            due = min(due, self._next_tidy)
        return max(0.0, due - now)

    def checkpoint(self) -> None:
        """Run a WAL checkpoint from time to time."""
        if time.monotonic() >= self._next_checkpoint:
            self._journal.checkpoint(above=CHECKPOINT_BYTES // 4)
            self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS

    def tidy(self) -> None:
        """Remove what killed processes have left half-written, a few folders at a time, until all were seen."""
        start = time.monotonic()
        if self._leftovers is None or start < self._next_tidy:
            return
        while time.monotonic() < start + TIDY_SECONDS:
            if next(self._leftovers, None) is None:
                self._leftovers = None
                return
        self._next_tidy = time.monotonic() + TIDY_PAUSE

    def _tolerant(self, what: str, write: Callable[[], object]) -> bool:
        """Write, or say once that this cannot be done; return whether it was."""
        try:
            write()
        except OSError as error:
            if what not in self._stale:
                log(f"WARNING: exports are stale: {explained(error)}")
            self._stale.add(what)
            return False
        self._stale.discard(what)
        return True


def _steady(gpus: ToldGpus) -> object:
    """Return what of the devices is told at once when it changes; the rest changes all the time."""
    return [(gpu["uuid"], gpu["is_quarantined"]) for gpu in gpus.devices], gpus.reserved
