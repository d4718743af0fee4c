"""Jobs, groups and attempts for people to see."""

from __future__ import annotations

from _operator import attrgetter  # as in `store.records`

from runforge import clock
from runforge.core.records import Attempt, Group, Job
from runforge.core.states import State
from runforge.light_json import loads
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runforge.core.used import Used
    from runforge.store.code import Code
    from runforge.views.kin import Relative
    from runforge.views.words import Waiting


class JobView(NamedTuple):
    """A job for people to see."""

    job_id: str
    run_id: str
    group_id: str | None
    state: str
    priority: int
    requires_gpu: bool
    attempt: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    seconds: float | None
    error: str | None
    cause: str | None
    cancel_requested: bool
    dry_run: bool
    metric_name: str | None
    metric_value: float | None
    overrides: dict[str, Any]
    run_dir: str
    waiting: str | None = None
    waiting_text: str | None = None
    #: Why it gets no GPU: gpus_busy, foreign, memory, quarantined or reserved.
    waiting_detail: str | None = None
    #: Short to type, never used twice: the job's place in the journal.
    number: int = 0
    name: str | None = None
    tags: tuple[str, ...] = ()
    notes: str | None = None
    held: bool = False
    #: It does not start before this time.
    not_before: str | None = None
    #: How many of its parents have not ended as asked.
    blockers: int = 0
    #: The stored environment that it runs in; None is the daemon's.
    env_id: str | None = None
    cpus: int = 1
    gpus: int = 0
    #: What it may use of each; 0 is all.
    vram_mb: int = 0
    #: Since when it stands still, whether it was asked to make room, and both in words.
    frozen_at: str | None = None
    yield_requested: bool = False
    pause_text: str | None = None
    resumable: bool = False
    #: What becomes of it if its end is unknown; None is the daemon's policy.
    on_lost: str | None = None
    #: How often it has made room.
    yields: int = 0
    #: What is known of its code (`views.code`).
    code_tree: str | None = None

    @property
    def has_diverged(self) -> bool:
        """Whether its metric ended in NaN or infinity."""
        from runforge.core import ranking

        return ranking.has_diverged(self)

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return {**self._asdict(), "diverged": self.has_diverged}


def seconds_so_far(job: JobView) -> float | None:
    """Return how many seconds a run took, or has taken until now."""
    if job.state == "running" and job.started_at:
        return clock.seconds_between(job.started_at, clock.now())
    return job.seconds


class GroupView(NamedTuple):
    """A group with its counts and its best run."""

    group_id: str
    name: str
    notes: str | None
    status: str
    paused: bool
    created_at: str
    started_at: str | None
    finished_at: str | None
    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    canceled: int
    objective_metric: str | None
    #: None without an objective.
    direction: str | None
    #: How many of its runs go on at once, at most; None is the daemon's own limit.
    run_limit: int | None = None
    #: Who paused it (person, breaker, sampler), and why in words.
    paused_by: str | None = None
    pause_reason: str | None = None
    #: So many equal failures in a row pause it; None is as usual, 0 never.
    breaker: int | None = None
    #: Of a sweep: why it makes no more trials; how many were made, and how many it wanted.
    sweep_ended: str | None = None
    sweep_made: int | None = None
    sweep_wanted: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return self._asdict()


def is_at_limit(group: GroupView | Group) -> bool:
    """Return whether as many runs of a group go on as it may have."""
    return group.run_limit is not None and group.running >= group.run_limit


class AttemptView(NamedTuple):
    """One execution of a run."""

    attempt: int
    started_at: str
    finished_at: str | None
    cause: str | None
    error: str | None
    exit_code: int | None
    signal: int | None
    #: The first of its devices, and all of them.
    gpu_uuid: str | None
    devices: tuple[str, ...]
    #: Where it is: None is the daemon's machine, else `slurm:<cluster>:<job>`; and there, on which machine since when.
    place: str | None = None
    node: str | None = None
    begun_at: str | None = None
    #: What it used; None while it runs, and if nothing is known.
    used: Used | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is on the daemon's machine, where it has begun when it was started."""
        return self.place is None

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return {**self._asdict(), "used": None if self.used is None else self.used._asdict()}


class RunView(NamedTuple):
    """All about one run."""

    job: JobView
    attempts: list[AttemptView]
    timeline: list[dict[str, Any]]
    run_dir: str
    parents: Sequence[Relative] = ()
    children: Sequence[Relative] = ()
    #: Which failures are tried again, and how often each rule was used: the journal's JSON.
    retry_rules: str = "[]"
    retries_used: str = "[]"
    #: The digest of its request, as the journal names it.
    request_sha: str | None = None
    #: Why its sweep makes no more trials; an empty text if it does, or if it has none.
    sweep_ended: str = ""
    #: What is known of its code.
    code: Code | None = None

    @property
    def request_file(self) -> str:
        """The file with its request; an edit that was killed may not have put it into its place yet."""
        from runforge.documents import edited_request

        return f"{self.run_dir}/{edited_request.current_name(self.run_dir, self.request_sha)}"

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return {
            "job": self.job.to_json(),
            "attempts": [attempt.to_json() for attempt in self.attempts],
            "timeline": self.timeline,
            "folder": self.run_dir,
            "parents": [parent.to_json() for parent in self.parents],
            "children": [child.to_json() for child in self.children],
            "retry": loads(self.retry_rules),
            "retries_used": loads(self.retries_used),
            "sweep_ended": self.sweep_ended or None,
        }


class _Shared:
    """Takes the fields that a view and its record share, by name."""

    def __init__(self, view: type[NamedTuple], record: type[NamedTuple]) -> None:
        self._names = tuple(name for name in view._fields if hasattr(record, name))
        self._values = attrgetter(*self._names)

    def taken(self, record: NamedTuple) -> dict[str, Any]:
        return dict(zip(self._names, self._values(record), strict=True))


_OF_JOB = _Shared(JobView, Job)
_OF_ATTEMPT = _Shared(AttemptView, Attempt)


#: Groups are many: their fields are taken in order. The status is put into its place.
_of_group = attrgetter(*({"status": "group_id", "paused": "is_paused"}.get(n, n) for n in GroupView._fields))
_status, _queued, _running, _direction = map(
    GroupView._fields.index, ("status", "queued", "running", "direction")
)


def job_view(job: Job, now: str, waiting: Waiting | None = None) -> JobView:
    """Return a job as shown at this time."""
    end = job.finished_at or (now if job.state is State.RUNNING else None)
    fields = _OF_JOB.taken(job)
    fields["state"] = job.shown_state.value
    if job.waiting is not None:
        fields["started_at"] = end = None
    fields["seconds"] = clock.seconds_between(job.started_at, end) if job.started_at and end else None
    fields["dry_run"] = job.dry_run_seconds is not None
    fields["overrides"] = loads(job.overrides)
    fields["number"] = job.seq
    fields["tags"] = tuple(loads(job.tags))
    fields["cpus"], fields["gpus"], fields["vram_mb"] = job.needs.cpus, job.needs.gpus, job.needs.vram_mb
    fields["yield_requested"] = job.yield_requested > 0
    fields["pause_text"] = _pause_text(job, now) if job.frozen_at or job.yield_requested else None
    fields["resumable"] = job.is_resumable
    if waiting is not None:
        fields["waiting"], fields["waiting_text"], fields["waiting_detail"] = waiting
    return JobView(**fields)


def _pause_text(job: Job, now: str) -> str | None:
    from runforge.views.pauses import pause_text  # few jobs are paused

    return pause_text(job, now)


def group_view(group: Group) -> GroupView:
    """Return a group as shown."""
    from runforge.core.group_status import status_of

    fields = [*_of_group(group)]
    fields[_status] = status_of(group)
    fields[_queued] += group.submitted
    fields[_running] -= group.submitted
    if group.objective_metric is None:
        fields[_direction] = None
    return GroupView._make(fields)


def attempt_view(attempt: Attempt, used: Used | None = None) -> AttemptView:
    """Return an attempt as shown."""
    return AttemptView(**_OF_ATTEMPT.taken(attempt), used=used)
