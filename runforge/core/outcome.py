"""What a claim gives to an attempt, what is seen of the attempt, and how it ended. Plain data."""

from enum import Enum
from typing import NamedTuple

from runforge.core.states import Cause, State


class DeviceGrant(NamedTuple):
    """A GPU slot, and the device behind it (None where the machine has none): the whole of it or a part."""

    slot: int
    device: str | None = None
    is_whole: bool = True


class Grant(NamedTuple):
    """What a claim hands to an attempt: its secret, its slot and its devices."""

    token: str
    epoch: int
    slot: int
    devices: tuple[DeviceGrant, ...] = ()

    @property
    def uuids(self) -> list[str]:
        """The devices that it names."""
        return [each.device for each in self.devices if each.device is not None]


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
    #: The machine's reason, where it had no room for the run's process; the run never started.
    spawn_errno: int | None = None


class ResultFacts(NamedTuple):
    """What the queue needs of a result.json."""

    status: str
    error_message: str | None
    metric_name: str | None
    metric_value: float | None


class Finding(Enum):
    """What an attempt's files and locks say."""

    ENDED = "ended"
    LIVE = "live"
    #: Nobody has started it, and a supervisor that comes late still could.
    UNCLAIMED = "unclaimed"
    #: Nobody has started it, and nobody can any more.
    REVOKED = "revoked"
    #: It may have started, and nobody is left who knows how it ended.
    LOST = "lost"
    REBOOTED = "rebooted"
    FOLDER_MISSING = "folder_missing"
    #: Its folder is of an earlier life of the run (pruned, or of after a backup): it never started.
    EARLIER = "earlier"
    #: It has no folder, and an earlier life of the run has some with higher numbers: it was never launched.
    UNLAUNCHED = "unlaunched"
    #: This workspace is a copy: the attempt belongs to the original.
    COPIED = "copied"


class Report(NamedTuple):
    """All that can be seen of an attempt, read once. What it means is decided by `core.policy`."""

    finding: Finding
    record: ExitRecord | None = None
    #: None where there is no result.json, or none that can be used.
    result: ResultFacts | None = None
    has_run_dir: bool = True
    has_result_file: bool = True
    #: Why the machine kept its supervisor from starting it (an error number), if that is known.
    refused: int | None = None
    #: Its supervisor has found that somebody changed the spec.
    is_forged: bool = False


class Ending(NamedTuple):
    """How an attempt ended, ready for the journal."""

    state: State
    cause: Cause
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    metric_name: str | None = None
    metric_value: float | None = None
