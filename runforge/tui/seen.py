"""What the watching thread has read for the screens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from runforge.named import NamedTuple
from runforge.views.queue_snapshot import GroupProgress
from runforge.views.shown import GroupView, JobView


class Window(NamedTuple):
    """The jobs of the visible rows. A job that was pruned meanwhile is None."""

    jobs: dict[int, JobView | None]
    groups: dict[str, GroupProgress]


class Ahead(NamedTuple):
    """How many seconds runs and groups still take, those of which it is known: by job id, and by group id."""

    runs: Mapping[str, float] = MappingProxyType({})
    groups: Mapping[str, float] = MappingProxyType({})
    #: False if the queue is too long for estimates.
    is_read: bool = False


def in_order(groups: Sequence[GroupView]) -> list[GroupView]:
    """Return groups as they are listed: first those with work, then the newest."""
    newest_first = reversed(groups)
    return sorted(newest_first, key=lambda group: (group.status != "running", group.running == 0))
