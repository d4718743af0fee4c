"""When runs, groups and the queue will be done: read from one snapshot, worked out by `core.forecast`."""

from __future__ import annotations

import math
from collections import defaultdict

from runforge import clock
from runforge.core import forecast
from runforge.core.durations import HALF, NEARLY_ALL, Spread, Work, spread
from runforge.core.forecast import Expected, Lane, Runner, Situation, Waiter
from runforge.paths import Path
from runforge.store import records
from runforge.views.estimate import Estimate, Outlook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runforge.core.records import Job
    from runforge.core.scheduling import Capacity
    from runforge.metrics.pace import Going
    from runforge.place import Place
    from runforge.store.journal import Transaction
    from runforge.workspace import Workspace

#: So many of the last runs like one say how long it takes.
LIKE = 50
#: The whole queue, among the sets of runs.
QUEUE = ""
#: Ten years: a later time is no estimate.
_LONGEST = 3650 * 86400.0


def outlook(tx: Transaction, workspace: Workspace | Place, capacity: Capacity, slots: int) -> Outlook:
    """Return when everything will be done, as far as it is known; the capacity is what is free now."""
    return _Reading(tx, workspace, capacity, slots).outlook()


class _Reading:
    """One look at the queue."""

    def __init__(self, tx: Transaction, workspace: Workspace | Place, capacity: Capacity, slots: int) -> None:
        self._tx = tx
        self._workspace = workspace
        self._capacity = capacity
        self._slots = slots
        self._now = clock.now()
        self._like: dict[tuple[str, str], Spread] = {}
        self._going: dict[str, Going] = {}

    def outlook(self) -> Outlook:
        """Return when everything will be done."""
        running = [records.job(row) for row in self._tx.rows("jobs.running")]
        rows = self._tx.rows("estimates.waiting", limit=forecast.MOST_RUNS * 100)
        waiting = [records.job(row) for row in rows]
        works = {job.job_id: self._work(job) for job in (*running, *waiting)}
        lanes = [Lane(*row) for row in self._tx.rows("estimates.lanes")]
        situation = Situation(
            self._waiters(rows, waiting, works),
            [(_runner(job), works[job.job_id]) for job in running],
            lanes,
            self._capacity,
        )
        sets = _sets((*running, *waiting))
        if len(works) > forecast.MOST_RUNS:
            times = self._divided(situation, sets)
        else:
            times = forecast.expected(situation, sets)
        return self._told(times, works, sets)

    def _waiters(
        self, rows: list[Any], waiting: list[Job], works: dict[str, Work]
    ) -> list[tuple[Waiter, Work]]:
        parents: dict[str, list[str]] = defaultdict(list)
        for edge in self._tx.rows("estimates.edges"):
            parents[edge["job_id"]].append(edge["parent"])
        return [
            (self._waiter(job, row["place"], parents.get(job.job_id, ())), works[job.job_id])
            for job, row in zip(waiting, rows, strict=True)
        ]

    def _waiter(self, job: Job, place: float, parents: Iterable[str]) -> Waiter:
        delay = 0.0 if job.not_before is None else clock.seconds_between(self._now, job.not_before)
        return Waiter(
            job.job_id,
            job.lane_id,
            job.needs,
            priority=job.priority,
            place=place,
            seq=job.seq,
            not_before=delay,
            parents=tuple(parents),
        )

    def _work(self, job: Job) -> Work:
        """Return what is known of how long a run goes on."""
        if job.dry_run_seconds is not None:
            return Work(spread([job.dry_run_seconds], "dry_run"))
        like = self._like_of(job)
        if job.started_at is None or job.finished_at is not None:
            return Work(like)
        from runforge.metrics import pace  # the readers of metrics take long to import: only for what runs

        going = pace.going(Path(self._workspace.root, job.run_dir), job.started_at, self._now)
        self._going[job.job_id] = going
        return Work(like, clock.seconds_between(job.started_at, self._now), going.left)

    def _like_of(self, job: Job) -> Spread:
        """Return how long the last runs like this one took: of its recipe, or else of its group."""
        found = Spread()
        if job.recipe is not None:
            found = self._spread("recipe", job.recipe)
        if not found.seconds and job.group_id is not None:
            found = self._spread("group", job.group_id)
        return found

    def _spread(self, basis: str, key: str) -> Spread:
        if (basis, key) not in self._like:
            name = {"recipe": "recipe", "group": "group_id"}[basis]
            rows = self._tx.rows(f"estimates.{basis}", **{name: key, "limit": LIKE})
            self._like[basis, key] = spread((float(row[0]) for row in rows), basis)
        return self._like[basis, key]

    def _divided(self, situation: Situation, sets: dict[str, list[str]]) -> dict[str, Expected]:
        """Return when a very long queue is done. A group has its share of the slots."""
        found = {}
        for name in sets:
            lanes = {lane.lane_id for lane in situation.lanes if name in {QUEUE, lane.group_id}}
            part = situation._replace(
                waiters=[each for each in situation.waiters if each[0].lane_id in lanes],
                runners=[each for each in situation.runners if each[0].lane_id in lanes],
            )
            slots = self._slots if name == QUEUE else max(1, self._slots // max(1, len(situation.lanes)))
            ends = [forecast.divided(part, slots, share) for share in (HALF, NEARLY_ALL)]
            found[name] = Expected(math.inf, math.inf, *ends)
        return found

    # --- in words of time --------------------------------------------------------------------------

    def _told(
        self, times: dict[str, Expected], works: dict[str, Work], sets: dict[str, list[str]]
    ) -> Outlook:
        runs = {job_id: self._estimate(times.get(job_id), [work]) for job_id, work in works.items()}
        groups = {
            name: self._estimate(times.get(name), [works[job_id] for job_id in members])
            for name, members in sets.items()
        }
        queue = groups.pop(QUEUE)
        aside = int(self._tx.row("estimates.not_waiting")[0])
        return Outlook(self._now, runs, groups, queue, self._going, aside)

    def _estimate(self, times: Expected | None, works: list[Work]) -> Estimate:
        unknown = Expected(*[math.inf] * 4)
        start, start_late, end, end_late = map(self._moment, times or unknown)
        best = max(works, key=lambda work: (work.told is not None, len(work.like.seconds)), default=Work())
        basis = "progress" if best.told is not None and len(works) == 1 else best.like.basis
        return Estimate(start, start_late, end, end_late, basis, len(best.like.seconds))

    def _moment(self, seconds: float) -> str | None:
        return None if seconds > _LONGEST else clock.later(self._now, seconds)


def _runner(job: Job) -> Runner:
    return Runner(job.job_id, job.lane_id, job.needs)


def _sets(jobs: Iterable[Job]) -> dict[str, list[str]]:
    """Return the runs of each group, and of the whole queue."""
    found: dict[str, list[str]] = {QUEUE: []}
    for job in jobs:
        found[QUEUE].append(job.job_id)
        if job.group_id is not None:
            found.setdefault(job.group_id, []).append(job.job_id)
    return found
