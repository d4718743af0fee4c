"""Exit codes and signals explained to a person."""

from __future__ import annotations

#: A resumable run returns it when it has saved its work and wants to go on later (HTCondor's advice).
LEFT = 85
#: A shell returns 128 + N for a program that signal N has ended.
_SHELLS_BASE = 128
#: The signals above it do not end a program.
_LAST_SIGNAL = 31
#: The names of signals by which a program ends because of its own fault.
OWN_FAULTS = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGTRAP")


def of_signal(number: int) -> int:
    """Return the exit code that a shell returns for a program that a signal has ended."""
    return _SHELLS_BASE + number


def signal_in(code: int) -> int | None:
    """Return the signal that a shell's exit code means, if it means one."""
    number = code - _SHELLS_BASE
    return number if 0 < number <= _LAST_SIGNAL else None


def words(code: int) -> str:
    """Return an exit code in words. A shell's code for a signal is explained as that signal."""
    number = signal_in(code)
    if number is None:
        return f"exit code {code}"
    text = f"exit code {code}, which often means: killed by signal {number} ({signal_name(number)})"
    return f"{text}, perhaps because memory ran out" if signal_name(number) == "SIGKILL" else text


def signal_name(number: int) -> str:
    """Return a signal's name, or its number as text."""
    import signal  # makes enumerations of all of them, and most ways need none

    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
