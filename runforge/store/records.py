"""Rows of the journal as the records of `runforge.core.records`."""

from __future__ import annotations

from _operator import itemgetter

from runforge import light_json
from runforge.core.daemon_row import DaemonRow
from runforge.core.records import Attempt, Group, Job
from runforge.core.resources import Resources
from runforge.core.states import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.store.transaction import Transaction

_needs = Job._fields.index("needs")
_before_needs = itemgetter(*Job._fields[:_needs])
_after_needs = itemgetter(*Job._fields[_needs + 1 :])
_state = Job._fields.index("state")
_cancel_requested = Job._fields.index("cancel_requested") - _needs - 1
_held = Job._fields.index("held") - _needs - 1
_learns = Job._fields.index("learns") - _needs - 1
_is_resumable = Job._fields.index("is_resumable") - _needs - 1
_STATES = {state.value: state for state in State}
_of_needs = itemgetter(*Resources._fields)
_of_attempt = itemgetter(*Attempt._fields)
_of_group = itemgetter(*Group._fields)
_group_flags = [Group._fields.index(n) for n in ("fail_fast", "is_paused", "is_canceled", "is_open")]
_of_daemon = itemgetter(*DaemonRow._fields)


def needs(row: Any) -> Resources:
    """Return the resources that a row of `full_jobs` needs."""
    return Resources._make(_of_needs(row))


def job(row: Any) -> Job:
    """Return a row of `full_jobs` as a Job. Very many are made: nothing is replaced afterwards."""
    before, after = list(_before_needs(row)), list(_after_needs(row))
    before[_state] = _STATES[before[_state]]
    after[_cancel_requested] = after[_cancel_requested] == 1
    after[_held] = after[_held] == 1
    after[_learns] = after[_learns] == 1
    after[_is_resumable] = after[_is_resumable] == 1
    return Job._make((*before, needs(row), *after))


def attempt(row: Any) -> Attempt:
    """Return a row of `attempts` as an Attempt."""
    plain = Attempt._make(_of_attempt(row))
    return plain._replace(devices=tuple(light_json.loads(row["devices"])))


def group(row: Any) -> Group:
    """Return a row of `groups` with its lane's counters as a Group."""
    return _group([*_of_group(row)])


def groups(tx: Transaction, name: str = "groups.all", **values: object) -> list[Group]:
    """Return what a query finds, all groups or some, as Groups. They may be ten thousand."""
    return list(map(_group, tx.lists(name, Group._fields, **values)))


def _group(fields: list[Any]) -> Group:
    for place in _group_flags:
        fields[place] = fields[place] == 1
    return Group._make(fields)


def daemon(row: Any) -> DaemonRow:
    """Return the row of `daemon`."""
    return DaemonRow._make(_of_daemon(row))
