"""The records that the layers above the store pass around. Plain data, no behaviour of its own.

Named tuples, as in every module that `queue-status` imports: importing dataclasses takes longer than the
command itself (docs/performance.md).
"""

from __future__ import annotations

from runforge.core.resources import Resources
from runforge.core.states import State
from runforge.named import NamedTuple

#: How `Job.yield_requested` counts the wishes: to make room, and to be held then.
ASKED, ASKED_AND_HELD = 1, 2


class Job(NamedTuple):
    """The queue's record that a run is to be executed."""

    seq: int
    job_id: str
    run_id: str
    group_id: str | None
    lane_id: int
    run_dir: str
    priority: int
    state: State
    needs: Resources
    attempt: int
    lost: int
    cancel_requested: bool
    dry_run_seconds: float | None
    overrides: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: str | None
    cause: str | None
    metric_name: str | None
    metric_value: float | None
    #: The earliest time of its next start: as asked, or because it is tried again.
    not_before: str | None = None
    #: A person holds it back.
    held: bool = False
    #: How many of the runs and groups that it waits for have not ended as asked.
    blockers: int = 0
    #: Counts its edits: an edit is refused if another came first.
    version: int = 0
    name: str | None = None
    #: A JSON list.
    tags: str = "[]"
    notes: str | None = None
    #: The stored environment that it runs in; None is the daemon's.
    env_id: str | None = None
    #: SHA-256 of its request.json; None is not checked.
    request_sha: str | None = None
    #: JSON: which failures are tried again, and how often each rule was used (`core.retrying`).
    retry_rules: str = "[]"
    retries_used: str = "[]"
    #: Runs of one recipe differ only in what a sweep varies; configurations are equal if all of it is.
    recipe: str | None = None
    config_hash: str | None = None
    #: Its memory on a device follows from earlier runs of its recipe.
    learns: bool = False
    #: Which trial of its sweep it is; JSON: why and where it was stopped early.
    trial_no: int | None = None
    stop_reason: str | None = None
    frozen_at: str | None = None
    #: 1: it was asked to yield its place; 2: and to stay held then.
    yield_requested: int = 0
    is_resumable: bool = False
    #: What becomes of it if its end is unknown; None is the daemon's policy.
    on_lost: str | None = None
    #: How often it has made room: altogether, and in a row without a new step.
    yields: int = 0
    idle_yields: int = 0
    #: The highest step that it had reported when it made room.
    last_step: float | None = None
    #: The tree of its code as it was when it was queued.
    code_tree: str | None = None
    #: When it tells of itself; None is as configured.
    notify: str | None = None
    #: After so many seconds without a sign of life it is marked, or ended; None is as usual, 0 never.
    stall_seconds: float | None = None
    stall_kill: int = 0
    #: Since when it gives no sign of life, if it is marked.
    stalled_at: str | None = None
    #: Of a running job that was submitted to a cluster and has not begun there: what it waits for, in the cluster's
    #: word. People are shown a queued one.
    waiting: str | None = None
    #: Such a job is to be taken back, unless it begins first: 1; 2: and to be held then.
    recalled: int = 0

    @property
    def shown_state(self) -> State:
        """The state as people know it: what was submitted and has not begun is queued."""
        return self.state if self.waiting is None or self.state is not State.RUNNING else State.QUEUED

    @property
    def requires_gpu(self) -> bool:
        """The contract's word for it: whether it needs any device."""
        return self.needs.requires_gpu


class Attempt(NamedTuple):
    """One execution of a job."""

    job_id: str
    run_id: str
    attempt: int
    token: str
    epoch: int
    #: UUIDs of the devices that it was given.
    devices: tuple[str, ...]
    started_at: str
    finished_at: str | None
    cause: str | None
    error: str | None
    exit_code: int | None
    signal: int | None
    #: Equal for equal failures.
    signature: str | None = None
    #: Where it runs: None is the daemon's machine, else `slurm`, later `slurm:<cluster>:<job>`.
    place: str | None = None
    #: When it has begun there, and on which machine.
    begun_at: str | None = None
    node: str | None = None

    @property
    def gpu_uuid(self) -> str | None:
        """Its first device, for old readers that know only one."""
        return self.devices[0] if self.devices else None


class Group(NamedTuple):
    """Jobs that share fairness, pause and cancel."""

    group_id: str
    lane_id: int
    name: str
    notes: str | None
    created_at: str
    created_by: str
    max_parallel: int
    fail_fast: bool
    objective_metric: str | None
    direction: str
    is_paused: bool
    is_canceled: bool
    is_open: bool
    started_at: str | None
    finished_at: str | None
    queued: int
    running: int
    succeeded: int
    failed: int
    canceled: int
    #: How many of its runs go on at once, at most.
    run_limit: int | None = None
    #: Who paused it (a person, the breaker, the sampler), and why.
    paused_by: str | None = None
    pause_reason: str | None = None
    #: So many equal failures in a row pause it; None is as usual, 0 never.
    breaker: int | None = None
    #: How many of its attempts have failed alike in a row.
    streak: int = 0
    #: How many of the canceled runs were stopped early.
    stopped: int = 0
    #: How many of the running ones wait in a cluster's queue.
    submitted: int = 0
    #: Of a sweep: why it makes no more trials; how many were made, and how many it wanted.
    sweep_ended: str | None = None
    sweep_made: int | None = None
    sweep_wanted: int | None = None

    @property
    def total(self) -> int:
        """Number of runs in the group."""
        return self.queued + self.running + self.succeeded + self.failed + self.canceled
