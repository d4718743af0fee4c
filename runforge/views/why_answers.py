"""The answers of `why`: on a run, a group, or the whole queue."""

from __future__ import annotations

from runforge.named import NamedTuple
from runforge.views.estimate import Estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.metrics.pace import Going
    from runforge.views.daemon_status import DaemonStatus
    from runforge.views.shown import GroupView, JobView
    from runforge.views.strangers import Stranger
    from runforge.views.why_parts import Awaited, Holder


class RunAnswer(NamedTuple):
    """Why a run stands as it does."""

    job: JobView
    estimate: Estimate
    #: What is asked for and what is free of it, where that is the reason.
    asked: int | None = None
    free: int | None = None
    holders: tuple[Holder, ...] = ()
    #: The numbers of the runs of its group that come first.
    before: tuple[int, ...] = ()
    parents: tuple[Awaited, ...] = ()
    going: Going | None = None
    #: Commands that change what it waits for, without `runforge`.
    instead: tuple[str, ...] = ()
    #: Who else is on the GPUs that it could have.
    strangers: tuple[Stranger, ...] = ()
    #: What the daemon tells of its cluster although it launches.
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        progress = self.going.progress if self.going is not None else None
        return {
            "kind": "run",
            "job": self.job.to_json(),
            "estimate": self.estimate.to_json(),
            "asked": self.asked,
            "free": self.free,
            "holders": [holder._asdict() for holder in self.holders],
            "before": list(self.before),
            "parents": [each.to_json() for each in self.parents],
            "share_done": progress.share if progress is not None else None,
            "instead": list(self.instead),
            "strangers": [each._asdict() for each in self.strangers],
            "note": self.note,
        }


class GroupAnswer(NamedTuple):
    """How much of a group is left, and when it is done."""

    group: GroupView
    estimate: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return {"kind": "group", "group": self.group.to_json(), "estimate": self.estimate.to_json()}


class QueueAnswer(NamedTuple):
    """How much of the queue is left, and when it is done."""

    left: int
    #: How many of them wait for a person.
    put_aside: int
    groups: tuple[GroupAnswer, ...]
    estimate: Estimate
    daemon: DaemonStatus

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return {
            "kind": "queue",
            "left": self.left,
            "put_aside": self.put_aside,
            "groups": [group.to_json() for group in self.groups],
            "estimate": self.estimate.to_json(),
            "daemon": self.daemon.to_json(),
        }


if TYPE_CHECKING:
    Answer = RunAnswer | GroupAnswer | QueueAnswer
