"""Rows of the journal as the records of `runforge.model`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from runforge.model import Attempt, DaemonRow, Group, Job
from runforge.states import State

_JOB = tuple(field.name for field in fields(Job))
_ATTEMPT = tuple(field.name for field in fields(Attempt))
_GROUP = tuple(field.name for field in fields(Group))
_DAEMON = tuple(field.name for field in fields(DaemonRow))


def job(row: Any) -> Job:
    """Return a row of `jobs` as a Job."""
    values = {name: row[name] for name in _JOB}
    values["state"] = State(row["state"])
    values["requires_gpu"] = bool(row["requires_gpu"])
    values["cancel_requested"] = bool(row["cancel_requested"])
    return Job(**values)


def attempt(row: Any) -> Attempt:
    """Return a row of `attempts` as an Attempt."""
    return Attempt(**{name: row[name] for name in _ATTEMPT})


def group(row: Any) -> Group:
    """Return a row of `groups` with its lane's counters as a Group."""
    values = {name: row[name] for name in _GROUP}
    for name in ("fail_fast", "is_paused", "is_canceled"):
        values[name] = bool(row[name])
    return Group(**values)


def daemon(row: Any) -> DaemonRow:
    """Return the row of `daemon`."""
    return DaemonRow(**{name: row[name] for name in _DAEMON})
