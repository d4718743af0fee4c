"""What an exit code or a signal says to a person."""

from __future__ import annotations

import signal

#: A shell answers so for a program that a signal has ended: 128 and the signal's number.
_SHELLS_BASE = 128
#: Above it are no signals that end a program by themselves.
_LAST_SIGNAL = 31


def of_signal(number: int) -> int:
    """Return the exit code by which a shell tells that a signal has ended its program."""
    return _SHELLS_BASE + number


def words(code: int) -> str:
    """Return an exit code in words: one of a shell's is read as the signal that it may be."""
    number = code - _SHELLS_BASE
    if not 0 < number <= _LAST_SIGNAL:
        return f"exit code {code}"
    text = f"exit code {code}, which often means: killed by signal {number} ({signal_name(number)})"
    return f"{text}, perhaps because memory ran out" if number == signal.SIGKILL else text


def signal_name(number: int) -> str:
    """Return a signal's name, or its number as text."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
