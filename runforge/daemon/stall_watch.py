"""Looks whether running attempts do something, and marks those that do not; those that asked for it are ended.

A look at a run is made once a minute at most. The mark and its notice are one transaction. What was seen is in
memory alone: a new daemon begins to count anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runforge import cells
from runforge.backends.base import Backend
from runforge.clock import Clock, later
from runforge.core.guards import LOOK_SECONDS, Signs, shows_life, stall_limit
from runforge.daemon.attempt_table import AttemptTable, RunningAttempt
from runforge.store import outbox, records
from runforge.store.journal import Journal, Transaction

#: A run with a short limit is looked at so often within it.
_LOOKS = 4


@dataclass(slots=True)
class _Seen:
    """What was seen of an attempt."""

    limit: float
    next_look: float
    signs: Signs | None = None
    #: When it last gave a sign of life.
    alive_at: float = 0.0
    is_marked: bool = False
    is_told: bool = False


class StallWatch:
    """Watches the running attempts of one daemon."""

    def __init__(
        self,
        journal: Journal,
        backend: Backend,
        clock: Clock,
        epoch: Callable[[], int],
        log: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._backend = backend
        self._clock = clock
        self._epoch = epoch
        self._log = log
        self._seen: dict[str, _Seen] = {}
        self._next = math.inf

    def wait_seconds(self) -> float | None:
        """Return the seconds until the next look; None if nothing is watched."""
        return None if math.isinf(self._next) else max(0.0, self._next - self._clock.monotonic())

    def step(self, attempts: AttemptTable, gpu_use: Mapping[str, float]) -> None:
        """Look at those whose time it is; `gpu_use` has the use of each device in percent."""
        now = self._clock.monotonic()
        if now < self._next and len(self._seen) == len(attempts):
            return
        running = {each.ref.token: each for each in attempts}
        self._seen = {token: seen for token, seen in self._seen.items() if token in running}
        for token, each in running.items():
            limit = stall_limit(each.job)
            if token not in self._seen:
                pause = math.inf if limit is None else min(LOOK_SECONDS, limit / _LOOKS)
                self._seen[token] = _Seen(limit or 0.0, now + pause, alive_at=now)
                self._seen[token].is_marked = each.job.stalled_at is not None  # by an earlier daemon
            elif now >= self._seen[token].next_look:
                self._look(each, self._seen[token], now, gpu_use)
        self._next = min((seen.next_look for seen in self._seen.values()), default=math.inf)

    def _look(self, running: RunningAttempt, seen: _Seen, now: float, gpu_use: Mapping[str, float]) -> None:
        seen.next_look = now + min(LOOK_SECONDS, seen.limit / _LOOKS)
        signs = self._backend.signs(running.ref)
        if signs is None:
            seen.signs, seen.alive_at = None, now
            return
        busiest = max((gpu_use.get(uuid, 0.0) for uuid in running.devices), default=0.0)
        signs = signs._replace(gpu_use=busiest)
        if seen.signs is None:  # nothing to compare with
            seen.signs, seen.alive_at = signs, now
        elif shows_life(seen.signs, signs):
            seen.signs, seen.alive_at = signs, now
            if seen.is_marked:
                self._unmark(running, seen)
        elif now - seen.alive_at >= seen.limit:
            if not seen.is_marked:
                self._mark(running, seen, now)
            if seen.is_marked and running.job.stall_kill and not seen.is_told:
                seen.is_told = self._backend.end_stalled(running.ref, seen.limit)

    def _mark(self, running: RunningAttempt, seen: _Seen, now: float) -> None:
        job = running.job
        silent = now - seen.alive_at
        with self._journal.write(self._epoch()) as tx:
            current = records.job(tx.row("jobs.by_job_id", job_id=job.job_id))
            if current.frozen_at is not None:
                seen.alive_at = now
                return
            at = self._clock.now()
            self._set(tx, running, later(at, -silent), at)
            text = (
                f"Run {job.seq} ({job.name or job.run_id}) gives no sign of life since {cells.span(silent)}"
            )
            detail = {"text": text, "seconds": round(silent), "ends": bool(job.stall_kill)}
            outbox.note(tx, "stall", job.job_id, job.group_id, detail, now=at)
        seen.is_marked = True
        self._log(f"WARNING: run {job.run_id} gives no sign of life since {round(silent)} s")

    def _unmark(self, running: RunningAttempt, seen: _Seen) -> None:
        with self._journal.write(self._epoch()) as tx:
            self._set(tx, running, None, self._clock.now())
        seen.is_marked = False
        self._log(f"run {running.job.run_id} gives signs of life again")

    @staticmethod
    def _set(tx: Transaction, running: RunningAttempt, stalled_at: str | None, now: str) -> None:
        job = running.job
        running.version = None
        tx.run("jobs.set_stalled", job_id=job.job_id, attempt=job.attempt, stalled_at=stalled_at, now=now)
