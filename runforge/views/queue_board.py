"""The order of the jobs and the groups, kept between looks: the journal's entries say what to read again.

At a million jobs to read all takes half a second. What changes from one look to the next is a few entries.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from runforge import blocks
from runforge.core.records import Group
from runforge.core.states import LIVE, State
from runforge.named import NamedTuple
from runforge.store import records
from runforge.store.journal import Transaction
from runforge.views.shown import GroupView, group_view

#: With more entries than this since the last look all is read again.
_MOST_ENTRIES = 4096
#: With more ends than this to read again, too.
_MOST_ENDS = 2 * _MOST_ENTRIES
#: So few of them are looked for one by one.
_FEW = 4
_ENDED = frozenset(state.value for state in State if state not in LIVE)
_QUEUED = State.QUEUED.value
_PARTS = {"running": "jobs.order_running", "queued": "jobs.order_queued", "ended": "jobs.order_ended"}
#: Jobs and groups are gone, and their entries with them.
_PRUNED = "pruned"
#: Entries of a job that change neither its state nor its place in the queue.
_NEUTRAL = frozenset({"cancel_requested", "described", "waits_for", "waits_no_more"})


class _Changes(NamedTuple):
    """What has happened since the last look."""

    #: The states that jobs have left and entered.
    left: frozenset[str]
    entered: frozenset[str]
    jobs: Sequence[str]
    groups: Sequence[str]
    #: Some queued job may stand elsewhere in the queue.
    has_moved: bool


class _Entries:
    """Reads on in the journal's entries."""

    def __init__(self) -> None:
        self._last: int | None = None

    def new(self, tx: Transaction) -> _Changes | None:
        """Return what has happened since the last call; None if all may have changed."""
        before = self._last
        self._last = tx.row("journal.last_entry")[0]
        if before is None:
            return None
        rows = tx.rows("journal.entries_after", seq=before, limit=_MOST_ENTRIES)
        if len(rows) == _MOST_ENTRIES or self._last < before or any(row["event"] == _PRUNED for row in rows):
            return None
        of_jobs = [row for row in rows if row["job_id"] is not None and row["event"] not in _NEUTRAL]
        return _Changes(
            left=frozenset(row["from_state"] for row in of_jobs if row["from_state"]),
            entered=frozenset(row["to_state"] for row in of_jobs if row["to_state"]),
            jobs=sorted({row["job_id"] for row in of_jobs}),
            groups=sorted({row["group_id"] for row in rows if row["group_id"]}),
            has_moved=any(row["from_state"] is None for row in of_jobs),
        )


class LiveOrder:
    """The row ids of all jobs: running, queued, then ended ones with the newest first."""

    def __init__(self) -> None:
        self._entries = _Entries()
        self._parts: dict[str, array[int]] = {}
        self._whole = array("q")

    def read(self, tx: Transaction, totals: Any) -> array[int]:
        """Return the order; the very same object if nothing has changed. `totals` are the jobs by state."""
        changes = self._entries.new(tx)
        if changes is None or not self._apply(tx, changes) or not self._is_complete(totals):
            self._parts = {name: _ids(tx, name) for name in _PARTS}
        elif not changes.jobs:
            return self._whole
        self._whole = self._parts["running"] + self._parts["queued"] + self._parts["ended"]
        return self._whole

    @staticmethod
    def beginning(tx: Transaction, totals: Any, limit: int) -> array[int]:
        """Return the order with only its first row ids read; 0 stands for each later one."""
        found = array("q")
        for name in _PARTS:
            if len(found) < limit:
                found += _ids(tx, name, limit - len(found))
        total = sum(totals[state.value] or 0 for state in State)
        return found + array("q", bytes(found.itemsize * max(0, total - len(found))))

    def _is_complete(self, totals: Any) -> bool:
        ended = sum(totals[state] or 0 for state in _ENDED)
        wanted = {"running": totals["running"] or 0, "queued": totals["queued"] or 0, "ended": ended}
        return all(len(self._parts[name]) == count for name, count in wanted.items())

    def _apply(self, tx: Transaction, changes: _Changes) -> bool:
        """Bring the parts up to date; False if that is not possible."""
        if not changes.jobs:
            return True
        found = tx.rows("jobs.places_of", jobs=json.dumps(changes.jobs))
        if len(found) < len(changes.jobs):
            return False  # some were pruned
        places = {row["seq"] for row in found}
        self._parts["running"] = _ids(tx, "running")
        if _QUEUED in changes.entered or changes.has_moved:
            self._parts["queued"] = _ids(tx, "queued")
        elif _QUEUED in changes.left:
            self._parts["queued"] = _without(self._parts["queued"], places)
        if changes.left & _ENDED:
            self._parts["ended"] = _without(self._parts["ended"], places)
        ends = [row["finished_at"] for row in found if row["finished_at"] is not None]
        return not (changes.entered & _ENDED and ends) or self._add_ends(tx, min(ends), places)

    def _add_ends(self, tx: Transaction, since: str, places: set[int]) -> bool:
        """Put the new ends where they belong; False if that are too many."""
        newest = array("q", [row[0] for row in tx.rows("jobs.ended_since", since=since, limit=_MOST_ENDS)])
        known = self._parts["ended"]
        again = sum(place not in places for place in newest)
        if len(newest) == _MOST_ENDS or again > len(known):
            return False
        self._parts["ended"] = newest + known[again:]
        return True


class GroupViews:
    """All groups as they are shown, in the order of their making."""

    def __init__(self) -> None:
        self._entries = _Entries()
        self._views: list[GroupView] = []
        self._index: dict[str, int] = {}

    def read(self, tx: Transaction) -> list[GroupView]:
        """Return the groups; the very same list if nothing has changed. Whatever a view shows has an entry."""
        changes = self._entries.new(tx)
        if changes is not None and changes.groups:
            self._put(records.groups(tx, "groups.changed", names=json.dumps(changes.groups)))
        if changes is None or len(self._views) != tx.row("groups.how_many")[0]:
            self._views, self._index = [], {}
            self._put(records.groups(tx))
        return self._views

    def _put(self, groups: Iterable[Group]) -> None:
        views = [*self._views]  # the one that was given away stays as it was
        for view in map(group_view, groups):
            place = self._index.setdefault(view.group_id, len(views))
            views[place : place + 1] = [view]
        self._views = views


def _ids(tx: Transaction, name: str, limit: int = -1) -> array[int]:
    """Return row ids, read as one text: a hundred thousand rows would cost six times as much."""
    text = tx.row(_PARTS[name], limit=limit)[0]
    return array("q", map(int, text.split(",")) if text else ())


def _without(places: array[int], gone: set[int]) -> array[int]:
    if len(gone) > _FEW:
        return array("q", [place for place in places if place not in gone])
    for place in gone:
        with blocks.suppress(ValueError):
            places.remove(place)
    return places
