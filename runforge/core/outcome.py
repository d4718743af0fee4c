"""What a claim gives to an attempt, what its files say, and how it ended. Plain data."""

from __future__ import annotations

from runforge.choices import Choice
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runforge.core.states import Cause, State
    from runforge.core.used import Used


class DeviceGrant(NamedTuple):
    """A GPU slot and its device (None if the machine has none): the whole device or a share."""

    slot: int
    device: str | None = None
    is_whole: bool = True
    #: Of a share: how much, or 0 if nobody measures it.
    share_mb: int = 0
    #: What the whole device has; 0 is not known.
    memory_mb: int = 0


class Grant(NamedTuple):
    """What a claim gives to an attempt: its secret token, its slot and its devices."""

    token: str
    epoch: int
    slot: int
    devices: tuple[DeviceGrant, ...] = ()
    #: How many attempts of the run have failed because a device had no memory left.
    ooms: int = 0
    #: Where it is to run (`core.records.Attempt.place`); elsewhere it begins later than it is launched.
    place: str | None = None

    @property
    def uuids(self) -> list[str]:
        """The UUIDs of its devices."""
        return [each.device for each in self.devices if each.device is not None]


class Progress(NamedTuple):
    """How far an attempt in a cluster has come; None is not known, or as before."""

    #: `slurm:<cluster>:<job>`.
    place: str | None = None
    #: What it waits for, in the cluster's word.
    waiting: str | None = None
    begun_at: str | None = None
    node: str | None = None


class Begun(NamedTuple):
    """What a supervisor elsewhere has noted when it began."""

    at: str
    node: str
    pid: int
    #: The number of its job in the cluster.
    job: str


class ExitRecord(NamedTuple):
    """How an attempt ended, as its supervisor saw it."""

    token: str
    exit_code: int | None
    signal: int | None
    canceled: bool
    oom: bool
    spawn_error: str | None
    started_at: str
    finished_at: str
    duration_ms: int
    log_bytes: int
    dropped_bytes: int
    #: The error number if the machine could not create the run's process; the run never started.
    spawn_errno: int | None = None
    #: The time limit in seconds if that ended it.
    timed_out: float | None = None
    #: The memory of its largest process in MB, and the processor time of all.
    peak_rss_mb: float | None = None
    cpu_seconds: float | None = None
    #: The seconds without a sign of life after which it was ended.
    stalled: float | None = None
    #: Its sweep's rule stopped it.
    stopped: bool = False
    #: It was asked to make room, or is resumable and has left by itself.
    yielded: bool = False
    #: Such a run has said that it is at its real end.
    finished: bool = False
    #: Whether anything below its folder of checkpoints has changed; None is not known.
    checkpoint_changed: bool | None = None
    #: The highest step that it has reported.
    last_step: float | None = None
    #: The cluster told its supervisor to end it, before it had ended by itself.
    terminated: bool = False
    #: What the cluster said of that in the attempt's own output.
    said: str | None = None
    #: The result; None where its file is to be read.
    result: ResultFacts | None = None


class ResultFacts(NamedTuple):
    """The parts of a result.json that the queue needs."""

    status: str
    error_message: str | None
    metric_name: str | None
    metric_value: float | None


class Finding(Choice):
    """What an attempt's files and locks say."""

    ENDED = "ended"
    LIVE = "live"
    #: It has not started, but a late supervisor still could start it.
    UNCLAIMED = "unclaimed"
    #: It has not started, and it cannot start any more.
    REVOKED = "revoked"
    #: It may have started; no process is left that knows how it ended.
    LOST = "lost"
    REBOOTED = "rebooted"
    FOLDER_MISSING = "folder_missing"
    #: Its folder is from an earlier life of the run (pruned, or a journal from a backup): it never started.
    EARLIER = "earlier"
    #: It has no folder, but an earlier life of the run has higher attempts: it was never launched.
    UNLAUNCHED = "unlaunched"
    #: This workspace is a copy: the attempt belongs to the original.
    COPIED = "copied"


class GpuFault(Choice):
    """What the end of a failed run's log says of its devices."""

    #: It had no memory left.
    OOM = "oom"
    #: It has failed itself.
    DEVICE = "device"


class Told(NamedTuple):
    """The line that says what failed, and where: a file and a function, as far as they are known."""

    line: str
    frame: str | None = None


class Scheduled(NamedTuple):
    """What a cluster says of an attempt's job."""

    #: Its word, such as TIMEOUT; None: it does not know the job.
    state: str | None = None
    #: Where it was placed; empty: nowhere yet.
    node: str = ""
    #: What the job's own output says of its end.
    said: str | None = None
    #: It was taken back before it began.
    is_withdrawn: bool = False
    #: It was told to end because nobody can see its node.
    is_fenced: bool = False
    #: Nothing more will be learned: what is not known now will not be.
    is_final: bool = True
    #: The job was a pilot: other runs were in it too, and what was done to it was not meant for this one.
    is_pilot: bool = False
    #: It would still list a job that somebody has canceled, and does not list this one.
    is_unlisted: bool = False


class Report(NamedTuple):
    """All that can be seen of an attempt, read once. `core.policy` decides what it means."""

    finding: Finding
    record: ExitRecord | None = None
    #: None if there is no usable result.json.
    result: ResultFacts | None = None
    has_run_dir: bool = True
    has_result_file: bool = True
    #: The error number that kept its supervisor from starting it, if known.
    refused: int | None = None
    #: Its supervisor has found that the spec was changed.
    is_forged: bool = False
    #: The last line of the log of an attempt that has failed.
    last_line: str | None = None
    #: Its log says that a device had no memory left, or that the device itself has failed.
    gpu_fault: GpuFault | None = None
    #: The parameters of an attempt whose device had no memory left.
    parameters: Mapping[str, Any] = {}
    #: What its last exception says.
    told: Told | None = None
    #: What a cluster says of its job.
    scheduled: Scheduled | None = None


class Ending(NamedTuple):
    """How an attempt ended, ready for the journal."""

    state: State
    cause: Cause
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    metric_name: str | None = None
    metric_value: float | None = None
    #: It looks as if a device of it had failed.
    device_failed: bool = False
    #: Its parameters, where the next attempt may need others.
    parameters: Mapping[str, Any] = {}
    #: Equal for equal failures (`core.signature`).
    signature: str | None = None
    #: It goes back into the queue, and waits there until a person releases it.
    is_held: bool = False
    #: Of a run that has made room: whether it has saved something, and how far it was.
    checkpoint_changed: bool | None = None
    last_step: float | None = None
    #: What its attempt used of the machine; None if nothing is known.
    used: Used | None = None
