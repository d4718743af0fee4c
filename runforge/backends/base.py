"""What a backend can do: the seam between the engine and the machines on which attempts run.

The engine holds the journal and decides (`core.policy`); a backend only acts and tells what it sees.
docs/development.md shows how to write another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple, Protocol

from runforge.core.outcome import Ending, ExitRecord, Grant, Report
from runforge.core.records import Group, Job
from runforge.errors import Missing
from runforge.machine.disk_space import Shortage
from runforge.machine.gpus import Gpus


class NoRunFolder(Missing):
    """The run's folder is gone, so that nothing can be launched in it."""


class AttemptRef(NamedTuple):
    """Which attempt is meant: everything that its files are found and recognised by."""

    run_id: str
    attempt: int
    #: The attempt's secret: whatever carries it belongs to it.
    token: str
    #: The run's folder, relative to the workspace.
    run_dir: str


class Launch(NamedTuple):
    """An attempt that is to be started."""

    ref: AttemptRef
    job: Job
    group: Group | None
    grant: Grant


class Event(NamedTuple):
    """Something that a backend has learned.

    With neither error nor number: the attempt is to be looked at, it may have ended. With an error: its
    launch has come to nothing. Without a token: the machine refuses launches for the reason `errno`.
    """

    token: str | None
    error: str | None = None
    errno: int | None = None


class Order(Enum):
    """What a running attempt can be told."""

    CANCEL = "cancel"


class Closing(Enum):
    """How an attempt that nobody sees through is closed to a supervisor that comes late."""

    REVOKE = "revoke"
    #: Its folder is missing: an empty, closed one is put there.
    MISSING = "missing"


class Watch(Protocol):
    """Where a backend puts descriptors that are to wake the loop."""

    def add(self, source: int, act: Callable[[], object]) -> None:
        """Call `act` whenever the descriptor is readable."""

    def remove(self, source: int) -> None:
        """Stop doing so."""


class Backend(Protocol):
    """Where attempts run. All methods return at once; none sees the journal."""

    def start(self) -> None:
        """Get ready to launch."""

    def adopt(self, ref: AttemptRef) -> None:
        """Watch an attempt that an earlier daemon launched."""

    def close(self) -> None:
        """Let go of everything. The attempts go on."""

    def capacity(self, *, is_in_use: bool) -> Gpus:
        """Return the GPUs that attempts can be given, as of a moment ago; `is_in_use`: some run has one."""

    def shortage(self, *, is_failing: bool) -> Shortage | None:
        """Return what keeps launches from working now; after failures it is tried, else only looked at."""

    def launch(self, launch: Launch) -> None:
        """Start an attempt; `events` tells of it. Raises NoRunFolder, another RunForgeError, or OSError."""

    def events(self) -> Iterable[Event]:
        """Yield what was learned since the last call."""

    def wait_seconds(self) -> float | None:
        """Return after how long `events` wants to be asked again; None if a watched descriptor will tell."""

    def inspect(self, ref: AttemptRef) -> Report:
        """Return all that can be seen of an attempt. OSError where nothing can be seen now."""

    def order(self, ref: AttemptRef, order: Order) -> bool:
        """Tell a running attempt something; False if the machine has no room for that now."""

    def close_attempt(self, ref: AttemptRef, job: Job, closing: Closing) -> bool:
        """Close an attempt to every supervisor that comes late; False if one was quicker."""

    def clean_up(self, ref: AttemptRef) -> bool:
        """Kill what is left of an attempt that nobody sees through; False while something is left."""

    def finish(self, ref: AttemptRef, record: ExitRecord) -> None:
        """Leave the result.json that the supervisor could not; OSError while it cannot be written."""

    def leave_result(self, ref: AttemptRef, job: Job, ending: Ending) -> None:
        """Leave a result.json for an end that nobody has seen."""

    def forget(self, ref: AttemptRef) -> None:
        """Stop watching an attempt: its end is written down."""

    def rest(self) -> None:
        """Let go of what has been idle for long."""
