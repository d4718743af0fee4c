"""When runs, groups and the queue will be done: read from one snapshot, worked out by `core.forecast`."""

from __future__ import annotations

import math

from runforge import clock
from runforge.core import forecast
from runforge.core.course import Lane, Runner, Waiter
from runforge.core.durations import HALF, NEARLY_ALL, Spread, Work, spread
from runforge.core.forecast import Expected, Situation
from runforge.core.resources import Resources
from runforge.paths import Path
from runforge.store import records
from runforge.views.estimate import Estimate, Outlook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
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


def outlook(
    tx: Transaction,
    workspace: Workspace | Place,
    capacity: Capacity,
    slots: int,
    runs: Sequence[Job] = (),
    groups: Collection[str] | None = None,
) -> Outlook:
    """Return when everything will be done, as far as it is known; the capacity is what is free now.

    If groups are named, or none by an empty list, it tells only of these, of these runs, of what they wait for, and of
    the running ones. Of the single runs of a very long queue it never tells more than that.
    """
    return _Reading(tx, workspace, capacity, slots, runs, groups).outlook()


class _Reading:
    """One look at the queue."""

    def __init__(
        self,
        tx: Transaction,
        workspace: Workspace | Place,
        capacity: Capacity,
        slots: int,
        runs: Sequence[Job],
        groups: Collection[str] | None,
    ) -> None:
        self._tx = tx
        self._workspace = workspace
        self._capacity = capacity
        self._slots = slots
        self._asked = runs
        #: None are all.
        self._groups = groups
        self._now = clock.now()
        self._like: dict[tuple[str, str], Spread] = {}
        self._works: dict[tuple[str | None, str | None, float | None], Work] = {}
        self._going: dict[str, Going] = {}

    def outlook(self) -> Outlook:
        """Return when everything will be done."""
        running = [records.job(row) for row in self._tx.rows("jobs.running")]
        works = {job.job_id: self._of_running(job) for job in running}
        most = forecast.MOST_RUNS - len(running)
        if self._tx.row("estimates.how_many", limit=most + 1)[0] > most:
            return self._divided(running, works)
        waiting = self._tx.rows("estimates.waiting")
        works.update((row["job_id"], self._of_waiting(row)) for row in waiting)
        waiters = self._waiters(waiting)
        sets = _sets(running, waiting)
        wanted = None
        if (names := self._names()) is not None:
            sets = {name: members for name, members in sets.items() if name in names}
            wanted = (
                names.union(*sets.values(), (job.job_id for job in (*self._asked, *running))) & works.keys()
            )
        situation = Situation(
            [(waiter, works[waiter.job_id]) for waiter in waiters],
            [(Runner(job.job_id, job.lane_id, job.needs), works[job.job_id]) for job in running],
            [Lane(*row) for row in self._tx.rows("estimates.lanes")],
            self._capacity,
        )
        times = forecast.expected(situation, sets, wanted)
        return self._told(
            times,
            {job_id: works[job_id] for job_id in (works if wanted is None else wanted)},
            {name: [works[job_id] for job_id in members] for name, members in sets.items()},
        )

    def _names(self) -> set[str] | None:
        """Return the groups that are asked about, and what the asked runs wait for; None if all is asked about."""
        if self._groups is None:
            return None
        waiting = (job for job in self._asked if job.blockers)
        return {*self._groups, *(parent for job in waiting for parent in self._parents(job.job_id))}

    def _waiters(self, rows: list[Any]) -> list[Waiter]:
        needs = {number: Resources(*shape) for number, *shape in self._tx.rows("estimates.shapes")}
        return [
            Waiter(
                row["job_id"],
                row["lane_id"],
                needs[row["shape_id"]],
                row["priority"],
                row["place"],
                row["seq"],
                self._delay(row["not_before"]),
                self._parents(row["job_id"]) if row["blockers"] else (),
            )
            for row in rows
        ]

    def _delay(self, not_before: str | None) -> float:
        return 0.0 if not_before is None else clock.seconds_between(self._now, not_before)

    def _parents(self, job_id: str) -> tuple[str, ...]:
        return tuple(row["parent"] for row in self._tx.rows("estimates.edges", job_id=job_id))

    # --- how long each goes on ---------------------------------------------------------------------

    def _of_waiting(self, row: Any) -> Work:
        """Return what is known of how long a waiting run goes on; worked out once for all that are alike."""
        kind = row["recipe"], row["group_id"], row["dry_run_seconds"]
        if kind not in self._works:
            recipe, group_id, seconds = kind
            known = seconds is not None
            self._works[kind] = Work(
                spread([seconds], "dry_run") if known else self._like_of(recipe, group_id)
            )
        return self._works[kind]

    def _of_running(self, job: Job) -> Work:
        """Return what is known of how long a running run still goes on."""
        if job.dry_run_seconds is not None:
            return Work(spread([job.dry_run_seconds], "dry_run"))
        like = self._like_of(job.recipe, job.group_id)
        if job.started_at is None:
            return Work(like)
        from runforge.metrics import pace  # the readers of metrics take long to import: only for what runs

        going = pace.going(Path(self._workspace.root, job.run_dir), job.started_at, self._now)
        self._going[job.job_id] = going
        return Work(like, clock.seconds_between(job.started_at, self._now), going.left)

    def _like_of(self, recipe: str | None, group_id: str | None) -> Spread:
        """Return how long the last runs like one took: of its recipe, or else of its group."""
        found = Spread()
        if recipe is not None:
            found = self._spread("recipe", recipe)
        if not found.seconds and group_id is not None:
            found = self._spread("group", group_id)
        return found

    def _spread(self, basis: str, key: str) -> Spread:
        if (basis, key) not in self._like:
            name = {"recipe": "recipe", "group": "group_id"}[basis]
            rows = self._tx.rows(f"estimates.{basis}", **{name: key, "limit": LIKE})
            self._like[basis, key] = spread((float(row[0]) for row in rows), basis)
        return self._like[basis, key]

    def _divided(self, running: list[Job], works: dict[str, Work]) -> Outlook:
        """Return when a very long queue is done. A group has its share of the slots."""
        found = {job.job_id: self._tx.row("estimates.one_waiting", job_id=job.job_id) for job in self._asked}
        runs = {**works, **{key: self._of_waiting(row) for key, row in found.items() if row is not None}}
        names = self._names()
        kinds = [] if names is not None else self._tx.rows("estimates.kinds")
        for name in sorted(names or ()):
            kinds += self._tx.rows("estimates.kinds_of_group", group_id=name)
        counted = [(job.group_id, works[job.job_id], 1) for job in running]
        counted += [(row["group_id"], self._of_waiting(row), row["runs"]) for row in kinds]
        parts: dict[str, list[tuple[Work, int]]] = {} if names is not None else {QUEUE: []}
        for group_id, work, count in counted:
            if names is None:
                parts[QUEUE].append((work, count))
            if group_id is not None and (names is None or group_id in names):
                parts.setdefault(group_id, []).append((work, count))
        of_group = max(1, self._slots // max(1, self._tx.row("estimates.how_many_lanes")[0]))
        times = {}
        for name, part in parts.items():
            slots = self._slots if name == QUEUE else of_group
            ends = [forecast.divided(part, slots, share) for share in (HALF, NEARLY_ALL)]
            times[name] = Expected(math.inf, math.inf, *ends)
        return self._told(times, runs, {name: [work for work, _ in part] for name, part in parts.items()})

    # --- in words of time --------------------------------------------------------------------------

    def _told(
        self, times: dict[str, Expected], works: dict[str, Work], sets: dict[str, list[Work]]
    ) -> Outlook:
        runs = {job_id: self._estimate(times.get(job_id), [work]) for job_id, work in works.items()}
        groups = {name: self._estimate(times.get(name), members) for name, members in sets.items()}
        queue = groups.pop(QUEUE, Estimate())
        aside = int(self._tx.row("estimates.not_waiting")[0]) if self._groups is None else 0
        return Outlook(self._now, runs, groups, queue, self._going, aside)

    def _estimate(self, times: Expected | None, works: list[Work]) -> Estimate:
        unknown = Expected(*[math.inf] * 4)
        start, start_late, end, end_late = map(self._moment, times or unknown)
        best = max(works, key=lambda work: (work.told is not None, len(work.like.seconds)), default=Work())
        basis = "progress" if best.told is not None and len(works) == 1 else best.like.basis
        return Estimate(start, start_late, end, end_late, basis, len(best.like.seconds))

    def _moment(self, seconds: float) -> str | None:
        return None if seconds > _LONGEST else clock.later(self._now, seconds)


def _sets(running: Iterable[Job], waiting: Iterable[Any]) -> dict[str, list[str]]:
    """Return the runs of each group, and of the whole queue."""
    found: dict[str, list[str]] = {QUEUE: []}
    runs = [(job.job_id, job.group_id) for job in running]
    for job_id, group_id in (*runs, *((row["job_id"], row["group_id"]) for row in waiting)):
        found[QUEUE].append(job_id)
        if group_id is not None:
            found.setdefault(group_id, []).append(job_id)
    return found
