"""Looks at the curves of sweeps with a stop rule, and stops the runs that the rule wants stopped.

The verdict is in the journal before anything asks the run to end. What was read is in memory alone, and each look has
a limited time: a new daemon reads it anew, and decides by the same curves.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runforge import failpoints
from runforge.clock import Clock
from runforge.core.states import Cause, State
from runforge.daemon.attempt_table import AttemptTable, RunningAttempt
from runforge.store import records, transitions
from runforge.store.journal import Journal, Transaction

if TYPE_CHECKING:
    from runforge.core.stop_rules import Curve, Rule, Verdict
    from runforge.metrics.run_curves import RunCurves

#: Seconds between two looks; after one that could not read all, the shorter time.
LOOK_SECONDS = 3.0
_AGAIN_SECONDS = 0.2
#: A look begins to read another file only within so many seconds.
_BUDGET = 0.05
#: With so many of the newest ended runs of a sweep a run is compared.
_MOST_COMPARED = 500
_TARGET_REACHED = "not started: a run of its sweep has reached the target"


class StopWatch:
    """Watches the sweeps of one daemon."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        epoch: Callable[[], int],
        log: Callable[[str], None],
        stopped: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._epoch = epoch
        self._log = log
        #: Called when the journal wants a run stopped.
        self._stopped = stopped
        #: The journal's version when no run had to be watched.
        self._seen: tuple[int, int] | None = None
        #: The journal's version, for other processes alone, when no sweep had a rule.
        self._ruleless: int | None = None
        self._next = -math.inf
        self._running: dict[str, RunCurves] = {}
        self._judged: dict[str, float] = {}
        #: (job, attempt, metric) -> the curve of a run that has ended.
        self._ended: dict[tuple[str, int, str], Curve] = {}
        self._deadline = 0.0

    def wait_seconds(self) -> float | None:
        """Return the seconds until the next look; None if the journal's next change will do."""
        if self._is_seen(self._journal.version()):
            return None
        return max(0.0, self._next - self._clock.monotonic())

    def step(self, attempts: AttemptTable) -> None:
        """Look at the runs of sweeps with a stop rule, if it is time."""
        now = self._clock.monotonic()
        version = self._journal.version()
        if now < self._next or self._is_seen(version):
            return
        with self._journal.read() as tx:
            rows = [row for row in tx.rows("sweeps.judged") if attempts.of_job(row["job_id"]) is not None]
            groups = {row["group_id"]: row for row in rows}
            compared = {
                group_id: tx.rows("sweeps.compared", group_id=group_id, limit=_MOST_COMPARED)
                for group_id in groups
            }
            has_rules = bool(rows) or tx.row("sweeps.has_rules")[0]
        self._forget(rows, compared)
        if not rows:
            self._seen = version
            self._ruleless = None if has_rules else version[0]
            return
        self._next = now + LOOK_SECONDS
        self._seen = None
        self._deadline = time.monotonic() + _BUDGET
        for group_id, sweep in groups.items():
            of_group = [attempts.of_job(row["job_id"]) for row in rows if row["group_id"] == group_id]
            self._look(sweep, [each for each in of_group if each is not None], compared[group_id])

    def _is_seen(self, version: tuple[int, int]) -> bool:
        """Return whether nothing that matters has changed since no run had to be watched: this process sets no rule."""
        return version in {self._seen, (self._ruleless, version[1])}

    def _forget(self, rows: Iterable[Any], compared: Mapping[str, Iterable[Any]]) -> None:
        running = {row["job_id"] for row in rows}
        for job_id in [each for each in self._running if each not in running]:
            del self._running[job_id]
            self._judged.pop(job_id, None)
        there = {(row["job_id"], row["attempt"]) for ended in compared.values() for row in ended}
        self._ended = {key: curve for key, curve in self._ended.items() if key[:2] in there}

    # --- reading ---------------------------------------------------------------------------------

    def _look(self, sweep: Any, running: list[RunningAttempt], ended: list[Any]) -> None:
        """Judge the runs of one sweep, once all of their curves are read."""
        from runforge.core import stop_rules  # only sweeps with a rule need it

        rule, metric = stop_rules.from_json(sweep["stop"]), sweep["metric"]
        if rule is None:
            return
        if rule.kind != stop_rules.PATIENCE and not all(self._read_ended(row, metric) for row in ended):
            self._next = self._clock.monotonic() + _AGAIN_SECONDS
            return
        curves = {each.job.job_id: self._read(each, metric) for each in running}
        done = {row["job_id"]: self._ended.get((row["job_id"], row["attempt"], metric), []) for row in ended}
        good = [done[row["job_id"]] for row in ended if row["state"] == State.SUCCEEDED.value]
        for each in running:
            own = each.job.job_id
            curve = curves[own]
            since = self._judged.get(own, -math.inf)
            if not curve or (curve[-1][0] == since and rule.kind != stop_rules.TARGET):
                continue
            others = [*done.values(), *(curve for job_id, curve in curves.items() if job_id != own)]
            verdict = stop_rules.decide(rule, sweep["direction"], curve, good, others, since)
            if verdict is not None:
                self._stop(each, rule, verdict)
            self._judged[own] = curve[-1][0]  # not before: a full disk may have kept the verdict out

    def _read_ended(self, row: Any, metric: str) -> bool:
        """Read the curve of a run that has ended; False if the time of this look is over."""
        key = (row["job_id"], row["attempt"], metric)
        if key in self._ended:
            return True
        if time.monotonic() > self._deadline:
            return False
        from runforge.metrics.run_curves import read_curves

        found = read_curves(self._path(row["run_dir"])).get(metric)
        self._ended[key] = [] if found is None else _points(found.steps, found.values)
        return True

    def _read(self, running: RunningAttempt, metric: str) -> Curve:
        from runforge.metrics.run_curves import RunCurves

        curves = self._running.get(running.job.job_id)
        if curves is None:
            curves = self._running[running.job.job_id] = RunCurves(self._path(running.ref.run_dir))
        if time.monotonic() <= self._deadline:
            curves.refresh()
        found = curves.curves().get(metric)
        return [] if found is None else _points(found.steps, found.values)

    def _path(self, run_dir: str) -> Path:
        return self._journal.workspace.root / run_dir

    # --- deciding --------------------------------------------------------------------------------

    def _stop(self, running: RunningAttempt, rule: Rule, verdict: Verdict) -> None:
        from runforge.core import stop_rules

        job = running.job
        with self._journal.write(self._epoch()) as tx:
            now = self._clock.now()
            running.version = None
            changed = tx.run(
                "jobs.stop_early", job_id=job.job_id, attempt=job.attempt, reason=verdict.to_json(), now=now
            )
            if changed and rule.kind == stop_rules.TARGET and job.group_id is not None:
                _close(tx, job.group_id, now)
        failpoints.hit("stop.noted")
        if changed:
            self._stopped()
            self._log(f"run {job.run_id} is {stop_rules.words(verdict.to_json())}")


def _close(tx: Transaction, group_id: str, now: str) -> None:
    """End a sweep that has reached its target: what waits does not start, and no more trials are made."""
    waiting = [job for job in transitions.jobs_of_group(tx, group_id) if job.state is State.QUEUED]
    tx.run("sweeps.set_ended", group_id=group_id, ended="target reached")
    if records.group(tx.row("groups.by_id", group_id=group_id)).is_open:
        tx.run("groups.set_open", group_id=group_id, is_open=0, now=now)
    transitions.cancel_queued(tx, waiting, now, cause=Cause.STOPPED_EARLY, reason=_TARGET_REACHED)


def _points(steps: list[float], values: list[float]) -> Curve:
    return sorted(zip(steps, values, strict=True), key=lambda point: point[0])
