"""What a claim gives to an attempt, and how the attempt ended."""

from __future__ import annotations

from typing import NamedTuple

from runforge.core.states import Cause, State


class ExitRecord(NamedTuple):
    """How an attempt ended, as its supervisor saw it: the one form of an ending until the journal has it."""

    token: str
    exit_code: int | None
    signal: int | None
    canceled: bool
    oom: bool
    spawn_error: str | None
    started_at: str
    finished_at: str
    duration_ms: int
    log_bytes: int
    dropped_bytes: int
    #: The machine's reason, where it had no room for the run's process; the run never started.
    spawn_errno: int | None = None


class Ending(NamedTuple):
    """How an attempt ended, ready for the journal."""

    state: State
    cause: Cause
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    metric_name: str | None = None
    metric_value: float | None = None


class Grant(NamedTuple):
    """What a claim hands to an attempt: its slots and its secret."""

    token: str
    epoch: int
    cpu_slot: int
    gpu_slot: int | None
    gpu_uuid: str | None
