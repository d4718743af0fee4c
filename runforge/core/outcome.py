"""What a claim gives to an attempt, and how the attempt ended."""

from __future__ import annotations

import signal
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


#: A shell answers so for a program that a signal has ended: 128 and the signal's number.
_SHELLS_BASE = 128
#: Above these are no signals that end a program by themselves.
_LAST_SIGNAL = 31


def exit_code_of(number: int) -> int:
    """Return the exit code by which a shell tells that a signal has ended its program."""
    return _SHELLS_BASE + number


def exit_words(code: int) -> str:
    """Return an exit code in words: one of a shell's is read as the signal that it may be."""
    number = code - _SHELLS_BASE
    if not 0 < number <= _LAST_SIGNAL:
        return f"exit code {code}"
    words = f"exit code {code}, which often means: killed by signal {number} ({signal_name(number)})"
    return f"{words}, perhaps because memory ran out" if number == signal.SIGKILL else words


def signal_name(number: int) -> str:
    """Return a signal's name, or its number as text."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
