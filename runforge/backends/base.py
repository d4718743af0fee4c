"""What a backend can do: the seam between the engine and the machines on which attempts run.

The engine has the journal and decides (`core.policy`). A backend only acts and reports what it sees.
docs/development.md shows how to write another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple, Protocol

from runforge.core.guards import Signs
from runforge.core.outcome import Ending, ExitRecord, Grant, Progress, Report
from runforge.core.records import Job
from runforge.errors import Missing
from runforge.machine.disk_space import Shortage
from runforge.machine.gpus import Gpus


class NoRunFolder(Missing):
    """The run's folder is missing, so nothing can be launched in it."""


class AttemptRef(NamedTuple):
    """Names an attempt: all that is needed to find and recognise its files."""

    run_id: str
    attempt: int
    #: The attempt's secret token: whatever has it belongs to the attempt.
    token: str
    #: The run's folder, relative to the workspace.
    run_dir: str


class Launch(NamedTuple):
    """An attempt that the backend must start."""

    ref: AttemptRef
    job: Job
    #: Metric and direction that its group is ranked by.
    objective: tuple[str, str] | None
    grant: Grant


class Event(NamedTuple):
    """Something that a backend has learned.

    With neither error nor number nor progress: the attempt may have ended and must be inspected. With an error: its
    launch has failed. Without a token: the machine refuses launches for the reason `errno`.
    """

    token: str | None
    error: str | None = None
    errno: int | None = None
    #: How far an attempt has come that begins later than it is launched.
    progress: Progress | None = None


class Order(Enum):
    """What a running attempt can be told to do."""

    CANCEL = "cancel"
    #: End: its sweep's rule says so.
    STOP = "stop"
    #: Save and end: it goes on later.
    YIELD = "yield"
    #: Stand still, until the order is withdrawn.
    FREEZE = "freeze"


class Closing(Enum):
    """How an attempt without a supervisor is closed to a late supervisor."""

    REVOKE = "revoke"
    #: Its folder is missing: an empty, closed one is made.
    MISSING = "missing"


class Watch(Protocol):
    """Where a backend registers the descriptors that wake the loop."""

    def add(self, source: int, act: Callable[[], object]) -> None:
        """Call `act` whenever the descriptor is readable."""

    def remove(self, source: int) -> None:
        """Stop doing so."""


class Backend(Protocol):
    """Runs attempts. All methods return at once; none sees the journal."""

    def start(self) -> None:
        """Get ready to launch."""

    def adopt(self, ref: AttemptRef) -> None:
        """Watch an attempt that an earlier daemon launched."""

    def close(self) -> None:
        """Release everything. The attempts continue."""

    def capacity(self, *, is_in_use: bool) -> Gpus:
        """Return the GPUs that attempts can be given, as of a moment ago; `is_in_use`: some run has or wants one."""

    def room(self) -> int | None:
        """Return how many more attempts may be launched now; None if the slots alone decide."""

    def trouble(self) -> str | None:
        """Return why nothing is launched now whatever the disks are like; None if that is not so."""

    def note(self) -> str | None:
        """Return what people should know of it although runs are launched; None if there is nothing."""

    def nodes(self) -> dict[str, Any] | None:
        """Return what daemon.json says of a cluster's nodes; None where there are none, or nothing is known."""

    def shortage(self, *, is_failing: bool) -> Shortage | None:
        """Return what prevents launches now. After failures it tries one, otherwise it only looks."""

    def launch(self, launch: Launch) -> None:
        """Start an attempt; `events` reports it. Raises NoRunFolder, another RunForgeError, or OSError."""

    def events(self) -> Iterable[Event]:
        """Yield what was learned since the last call."""

    def wait_seconds(self) -> float | None:
        """Return the seconds until `events` must be called again; None if a descriptor wakes the loop."""

    def inspect(self, ref: AttemptRef) -> Report:
        """Return the report on an attempt. OSError if nothing can be read now."""

    def recall(self, ref: AttemptRef) -> None:
        """Take back an attempt that was launched and has not begun; what has begun goes on."""

    def signs(self, ref: AttemptRef) -> Signs | None:
        """Return the signs of life of a running attempt; None if they cannot be seen now."""

    def end_stalled(self, ref: AttemptRef, seconds: float) -> bool:
        """End an attempt that has given no sign of life for so long; False if there is no room for that now."""

    def order(self, ref: AttemptRef, order: Order) -> bool:
        """Give an order to a running attempt; False if the machine has no room for that now."""

    def withdraw(self, ref: AttemptRef, order: Order) -> bool:
        """Take an order back that a running attempt may have; False if that cannot be done now."""

    def close_attempt(self, ref: AttemptRef, job: Job, closing: Closing) -> bool:
        """Close an attempt to late supervisors; False if one was faster."""

    def clean_up(self, ref: AttemptRef) -> bool:
        """Kill what is left of an attempt without a supervisor; False while something is left."""

    def finish(self, ref: AttemptRef, record: ExitRecord) -> None:
        """Write the result.json that the supervisor could not write. OSError while that fails."""

    def leave_result(self, ref: AttemptRef, job: Job, ending: Ending) -> None:
        """Write a result.json for an unknown end."""

    def forget(self, ref: AttemptRef) -> None:
        """Stop watching an attempt: its end is recorded."""

    def rest(self) -> None:
        """Release what has been idle for a long time."""
