"""What the watching thread has read for the screens."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from runforge.views.queue_snapshot import GroupProgress
from runforge.views.shown import JobView


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
