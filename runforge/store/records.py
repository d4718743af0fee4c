"""Rows of the journal as the records of `runforge.core.records`."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from runforge.core.records import Attempt, DaemonRow, Group, Job
from runforge.core.states import State

_of_job = itemgetter(*Job._fields)
_of_attempt = itemgetter(*Attempt._fields)
_of_group = itemgetter(*Group._fields)
_of_daemon = itemgetter(*DaemonRow._fields)


def job(row: Any) -> Job:
    """Return a row of `jobs` as a Job."""
    plain = Job._make(_of_job(row))
    return plain._replace(
        state=State(plain.state),
        requires_gpu=bool(plain.requires_gpu),
        cancel_requested=bool(plain.cancel_requested),
    )


def attempt(row: Any) -> Attempt:
    """Return a row of `attempts` as an Attempt."""
    return Attempt._make(_of_attempt(row))


def group(row: Any) -> Group:
    """Return a row of `groups` with its lane's counters as a Group."""
    plain = Group._make(_of_group(row))
    return plain._replace(
        fail_fast=bool(plain.fail_fast),
        is_paused=bool(plain.is_paused),
        is_canceled=bool(plain.is_canceled),
    )


def daemon(row: Any) -> DaemonRow:
    """Return the row of `daemon`."""
    return DaemonRow._make(_of_daemon(row))
