"""What a claim gives to an attempt, and how the attempt ended."""

from __future__ import annotations

from typing import NamedTuple

from runforge.core.states import Cause, State


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
