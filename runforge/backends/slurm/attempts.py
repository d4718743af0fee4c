"""What the backend knows of each attempt. None of this is stored: a later daemon learns it again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from runforge.backends.base import AttemptRef
from runforge.backends.slurm.listing import Row
from runforge.backends.slurm.pilot_files import Order
from runforge.core.outcome import Begun, ExitRecord, Progress

#: After Slurm's end of a job, a record may still come this many seconds; later if Slurm thinks that all went well.
STRAGGLER_SECONDS = 5.0
LATE_STRAGGLER_SECONDS = 90.0
#: A record of an ended attempt waits for Slurm's reason this long.
REASON_SECONDS = 30.0
#: So long after a daemon's start another's sbatch may still be trying. A job that comes later ends at once: its attempt
#: is revoked then.
ADOPTED_SECONDS = 20.0
#: How often an attempt that Slurm does not have is submitted again.
MOST_SUBMISSIONS = 5


class Phase(Enum):
    """How far an attempt's submission is."""

    #: It waits here: for a place in a pilot, or in Slurm's queue.
    KEPT = "kept"
    #: sbatch has not answered, or is to be asked again.
    ASKING = "asking"
    #: Its answer was lost: whether Slurm has the job shows its list.
    UNSURE = "unsure"
    #: Slurm has said that it has it; or an earlier daemon has submitted it.
    SUBMITTED = "submitted"
    #: Slurm does not take it now; it is asked again later.
    REFUSED = "refused"
    #: It is not to begin any more.
    WITHDRAWN = "withdrawn"


@dataclass(slots=True)
class Attempt:
    """One attempt as this process sees it."""

    ref: AttemptRef
    folder: Path
    #: Its job's name.
    name: str
    phase: Phase = Phase.KEPT
    #: What sbatch is given: options and script. None: launched by an earlier daemon, so it cannot be submitted again.
    given: tuple[list[str], bytes] | None = None
    #: By which it would be given to a pilot; None: it fits into none.
    order: Order | None = None
    #: It was given to a pilot: the name is that one's, and the job that Slurm lists is too.
    is_in_pilot: bool = False
    #: Its pilot has seen that its supervisor is gone.
    is_unattended: bool = False
    kept_since: float = 0.0
    #: What it waits for as long as Slurm has not been asked for it.
    hint: str | None = None
    #: Nothing is asked of it but the options that all runs have.
    is_usual: bool = True
    submissions: int = 0
    #: Since when its job can be on Slurm's list; an older list says nothing of it.
    known_from: float = 0.0
    #: A job that is not on the list before this time may come yet.
    absent_from: float = 0.0
    job_id: str = ""
    #: Slurm's last word; None without one.
    row: Row | None = None
    is_absent: bool = False
    #: When the last list was asked for, and whether its job was on it.
    heard_at: float = -math.inf
    is_listed: bool = False
    over_since: float | None = None
    begun: Begun | None = None
    #: Somebody has its start marker, so it has begun or is about to.
    is_claimed: bool = False
    record: ExitRecord | None = None
    record_since: float = 0.0
    #: The accounts were asked about it, and have answered.
    lookup_asked: bool = False
    is_looked_up: bool = False
    #: Slurm has not taken it, and why.
    refusal: str | None = None
    is_folder_missing: bool = False
    is_canceled: bool = False
    cancels: int = 0
    next_cancel: float = 0.0
    fenced_since: float | None = None
    next_look: float = 0.0
    #: When the engine is told again to inspect it.
    next_event: float = 0.0
    told: Progress = field(default_factory=Progress)

    @property
    def has_begun(self) -> bool:
        """Whether its supervisor has won the start marker."""
        return self.begun is not None or self.is_claimed

    @property
    def is_waiting(self) -> bool:
        """Whether it may still stand in Slurm's queue, or before it."""
        return not self.has_begun and self.record is None and not self.is_in_pilot

    @property
    def takes_room(self) -> bool:
        """Whether it counts as one that stands in Slurm's queue.

        An earlier daemon's that Slurm does not list is only waited for: it would hold the room of others for a minute.
        """
        is_unseen = self.given is None and self.heard_at >= self.known_from and not self.is_listed
        return self.is_waiting and not is_unseen

    @property
    def is_gone(self) -> bool:
        """Whether Slurm has no job of it any more that could be canceled."""
        is_over = self.is_absent or (self.row is not None and self.row.is_over)
        return is_over or self.is_in_pilot or self.phase in {Phase.KEPT, Phase.REFUSED}

    def hear(self, row: Row | None, asked_at: float, now: float) -> None:
        """Take what a list says that was asked for at a time."""
        self.heard_at, self.is_listed = asked_at, row is not None
        if row is not None:
            self.row, self.is_absent, self.job_id = row, False, row.job_id
            if self.phase in {Phase.UNSURE, Phase.ASKING}:
                self.phase = Phase.SUBMITTED
            if not row.is_over:
                self.over_since = None
            elif self.over_since is None:
                self.over_since = now
        elif (
            self.phase not in {Phase.KEPT, Phase.ASKING, Phase.REFUSED}
            and asked_at >= self.known_from
            and now >= self.absent_from
        ):
            self.is_absent = True

    def hear_account(self, row: Row | None) -> None:
        """Take what the accounts say of a job that the list has no more."""
        self.is_looked_up = True
        if row is not None and row.is_over:
            self.row, self.is_absent, self.over_since = row, False, self.over_since or 0.0

    def is_over(self, now: float) -> bool:
        """Return whether nothing more of it will come: Slurm says so, or does not know it, for long enough."""
        if self.is_unattended or (self.phase is Phase.WITHDRAWN and not self.has_begun):
            return True
        if self.is_absent:
            return self.is_looked_up or not self.has_begun
        if self.row is None or self.over_since is None:
            return False
        is_well = self.row.state == "COMPLETED"
        return now - self.over_since >= (LATE_STRAGGLER_SECONDS if is_well else STRAGGLER_SECONDS)


def adopted(ref: AttemptRef, folder: Path, name: str, now: float) -> Attempt:
    """Return an attempt that an earlier daemon has launched. Its sbatch may have outlived that daemon."""
    return Attempt(ref, folder, name, Phase.SUBMITTED, known_from=now, absent_from=now + ADOPTED_SECONDS)
