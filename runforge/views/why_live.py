"""Why what has not ended stands as it does, and when it will be done. What only some runs need is read for them alone."""

from __future__ import annotations

from runforge import clock
from runforge.core.states import LIVE, State
from runforge.store import records
from runforge.views.estimate import Estimate
from runforge.views.kin import parents_of
from runforge.views.labels import label
from runforge.views.run_views import reason_of
from runforge.views.shown import group_view, job_view
from runforge.views.why_answers import GroupAnswer, QueueAnswer, RunAnswer
from runforge.views.why_parts import Awaited, Holder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.core.records import Group, Job
    from runforge.core.scheduling import Capacity
    from runforge.place import Place
    from runforge.store.transaction import Transaction
    from runforge.views.daemon_status import DaemonStatus
    from runforge.views.estimate import Outlook
    from runforge.views.kin import Relative
    from runforge.views.strangers import Stranger
    from runforge.workspace import Workspace

#: Reasons for which others must end first, and what of the machine they hold then.
HELD_BY_OTHERS = {
    "no_free_slot": "slots",
    "no_gpu_slot": "gpus",
    "no_cpus": "cpus",
    "no_memory": "mem_mb",
    "group_limit": "slots",
}


def estimate_of(workspace: Workspace, job_id: str, group_id: str | None, most: int) -> Estimate | None:
    """Return when a run is done, or with a group when that is; None if it is not known, or the queue is long."""
    from runforge.store.opening import open_snapshot

    with open_snapshot(workspace) as journal, journal.read() as tx:
        totals = tx.row("jobs.totals")
        if (totals["queued"] or 0) + (totals["running"] or 0) > most or not totals["succeeded"]:
            return None
        job, groups = tx.row("jobs.by_job_id", job_id=job_id), [] if group_id is None else [group_id]
        look = Look(tx, workspace, [records.job(job)] if job is not None else (), groups).outlook
    found = look.runs.get(job_id) if group_id is None else look.groups.get(group_id)
    return found if found is not None and found.ends_at is not None else None


class Look:
    """One look at the journal, for one or several answers. What only live runs need is read for them alone."""

    def __init__(
        self,
        tx: Transaction,
        workspace: Workspace | Place,
        runs: Sequence[Job] = (),
        groups: Sequence[str] | None = None,
    ) -> None:
        self._tx = tx
        self._workspace = workspace
        #: The runs and groups that are asked about; None are all.
        self._about = runs, groups
        self._known: tuple[DaemonStatus, Capacity] | None = None
        self._outlook: Outlook | None = None

    def _daemon(self) -> tuple[DaemonStatus, Capacity]:
        """Return the daemon's state, and what is free."""
        if self._known is None:
            from runforge.views.daemon_status import status_of
            from runforge.views.free import free_capacity

            status = status_of(self._workspace, records.daemon(self._tx.row("journal.daemon")))
            self._known = status, free_capacity(status, self._tx)
        return self._known

    @property
    def _status(self) -> DaemonStatus:
        return self._daemon()[0]

    @property
    def _free(self) -> Capacity:
        return self._daemon()[1]

    @property
    def outlook(self) -> Outlook:
        """When everything will be done; worked out once, and not for runs that have ended."""
        if self._outlook is None:
            from runforge.views.estimates import outlook  # what has ended needs none

            slots = self._status.max_parallel
            self._outlook = outlook(self._tx, self._workspace, self._free, slots, *self._about)
        return self._outlook

    # --- groups and the queue ----------------------------------------------------------------------

    def group(self, group: Group) -> GroupAnswer:
        """Return the answer for a group."""
        return GroupAnswer(group_view(group), self.outlook.groups.get(group.group_id, Estimate()))

    def queue(self) -> QueueAnswer:
        """Return the answer for the whole queue."""
        totals = self._tx.row("jobs.totals")
        open_groups = [group for group in records.groups(self._tx) if group.queued + group.running]
        return QueueAnswer(
            (totals["queued"] or 0) + (totals["running"] or 0),
            self.outlook.put_aside,
            tuple(self.group(group) for group in open_groups),
            self.outlook.queue,
            self._status,
        )

    # --- a run -------------------------------------------------------------------------------------

    def run(self, job: Job) -> RunAnswer:
        """Return the answer for a run."""
        parents = parents_of(self._tx, job)
        waiting = reason_of(self._tx, self._workspace, job, parents)
        view = job_view(job, clock.now(), waiting)
        if job.state not in LIVE:
            return RunAnswer(view, Estimate())
        is_aside = view.waiting in {"held", "group_paused"}  # no estimate counts it
        estimate = Estimate() if is_aside else self.outlook.runs.get(job.job_id, Estimate())
        if job.state is not State.QUEUED:
            return RunAnswer(view, estimate, going=self.outlook.going.get(job.job_id))
        from runforge.views.daemon_told import note  # what runs or has ended does not need it

        asked, free = self._asked(job, view.waiting)
        before = self._before(job)
        answer = RunAnswer(
            view,
            estimate,
            asked,
            free,
            holders=self._holders(job, view.waiting),
            before=before,
            parents=tuple(self._awaited(each) for each in parents if not each.met),
            strangers=self._strangers(job, view.waiting),
            note=note(self._workspace),
        )
        return answer._replace(instead=instead(answer))

    def _asked(self, job: Job, reason: str | None) -> tuple[int | None, int | None]:
        kind = HELD_BY_OTHERS.get(reason or "")
        if kind is None or reason == "group_limit":
            return None, None
        free = {
            "slots": self._free.slots,
            "gpus": self._free_gpus(job),
            "cpus": self._free.cpus,
            "mem_mb": self._free.mem_mb,
        }[kind]
        asked = {"slots": 1, "gpus": job.needs.gpus, "cpus": job.needs.cpus, "mem_mb": job.needs.mem_mb}[kind]
        return asked, free

    def _free_gpus(self, job: Job) -> int:
        from runforge.core.devices import can_own, can_share, pinned

        devices, vram_mb = self._free.devices, job.needs.vram_mb
        if devices is None:
            return self._free.gpu_slots
        able = (can_own(d, vram_mb) or can_share(d, vram_mb) for d in pinned(job.needs, devices))
        return min(self._free.gpu_slots, sum(able))

    def _strangers(self, job: Job, reason: str | None) -> tuple[Stranger, ...]:
        if reason != "no_gpu_slot":
            return ()
        from runforge.core.devices import pinned
        from runforge.views.strangers import on_devices  # few runs wait for a GPU
        from runforge.workspace import of_place

        devices = {device.uuid for device in pinned(job.needs, self._free.devices or ())}
        return on_devices(of_place(self._workspace), devices) if devices else ()

    def _holders(self, job: Job, reason: str | None) -> tuple[Holder, ...]:
        """Return who holds what the run waits for; who ends first comes first."""
        kind = HELD_BY_OTHERS.get(reason or "")
        if kind is None:
            return ()
        from runforge.views.device_names import called

        running = [records.job(row) for row in self._tx.rows("jobs.running")]
        if reason == "group_limit":
            running = [each for each in running if each.group_id == job.group_id]
        slots = {row["job_id"]: row["slot_no"] for row in self._tx.rows("attempts.slots")}
        devices: dict[str, list[str]] = {}
        for row in self._tx.rows("attempts.grants"):
            devices.setdefault(row["job_id"], []).append(row["device"] or f"GPU slot {row['slot_no']}")
        named = called(self._status.gpus)
        found = [
            self._holder(each, slots.get(each.job_id), devices.get(each.job_id, []), named)
            for each in running
        ]
        holds = {
            "slots": lambda _: True,
            "gpus": lambda each: bool(each.devices),
            "cpus": lambda each: each.cpus > 1,
            "mem_mb": lambda each: each.mem_mb > 0,
        }[kind]
        return tuple(sorted(filter(holds, found), key=lambda each: (each.until is None, each.until or "")))

    def _holder(self, job: Job, slot: int | None, devices: list[str], named: dict[str, str]) -> Holder:
        estimate = self.outlook.runs.get(job.job_id, Estimate())
        return Holder(
            job.seq,
            job.run_id,
            label(job_view(job, clock.now())),
            slot,
            tuple(devices),
            job.needs.cpus,
            job.needs.mem_mb,
            estimate.ends_at,
            estimate.ends_at_latest,
            tuple(named.get(device, device) for device in devices),
        )

    def _before(self, job: Job) -> tuple[int, ...]:
        """Return the runs of its lane that come first."""
        rows = self._tx.rows("estimates.before", lane_id=job.lane_id, job_id=job.job_id)
        return tuple(row["seq"] for row in rows)

    def _awaited(self, parent: Relative) -> Awaited:
        if parent.kind == "group":
            found = self.outlook.groups.get(parent.id, Estimate())
        else:
            row = self._tx.row("jobs.by_run_id", run_id=parent.id)
            found = self.outlook.runs.get(row["job_id"], Estimate()) if row is not None else Estimate()
        return Awaited(parent, found.ends_at, found.ends_at_latest)


def instead(answer: RunAnswer) -> tuple[str, ...]:
    """Return the commands that would let a run start sooner, without `runforge`."""
    job, reason = answer.job, answer.job.waiting
    number = job.number
    less = answer.free is not None and answer.free > 0 and answer.asked is not None
    found = {
        "held": [f"release {number}"],
        "group_paused": [f"resume {job.group_id}"],
        "no_daemon": ["daemon --detach"],
        "dependency": [f"edit {number} --after none"],
        "not_before": [f"edit {number} --at none"],
        "no_gpu_slot": [f"edit {number} -G {answer.free}"] if less else [],
        "no_cpus": [f"edit {number} --cpus {answer.free}"] if less else [],
        "no_memory": [f"edit {number} --mem {answer.free}M"] if less else [],
        "group_limit": [f"edit {job.group_id} --max-parallel {len(answer.holders) + 1}"],
    }.get(reason or "", [])
    is_next = reason in {"no_free_slot", "turn_of_others", "no_gpu_slot"}
    if answer.before and is_next:
        found = [*found, f"move {number} --front"]
    return tuple(found)
