"""The terminal of the screens: refused if it is not suitable; the process ends when it is gone.

The first text is written with it, before Textual and what that needs is imported.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_WAY_OUT = "`runforge queue-status --watch` shows the queue without one"
#: Terminals whose fonts have little beyond ASCII.
_PLAIN = ("linux", "vt", "ansi", "xterm-old", "cons")
_LOOK_SECONDS = 1.0


def why_not() -> str | None:
    """Return why screens cannot be drawn here, or keys not be read; None if they can."""
    if os.environ.get("TERM", "") == "dumb":
        return "this terminal (TERM=dumb) cannot show the terminal UI"
    for stream, name in ((0, "standard input"), (1, "standard output"), (2, "standard error")):
        # Textual draws on standard error.
        if not os.isatty(stream):
            return f"{name} is not a terminal; the terminal UI needs one"
    return None


def require() -> None:
    """Raise InvalidRequest unless screens can be drawn and keys can be read here."""
    why = why_not()
    if why is not None:
        from runforge.errors import InvalidRequest

        raise InvalidRequest(why, fix=_WAY_OUT)


def ignore_env_size() -> None:
    """Take the size from the terminal itself: an exported COLUMNS would not change when it is resized."""
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)


def needs_ascii() -> bool:
    """Return whether boxes and bars should be ASCII."""
    encoding = (sys.stdout.encoding or "ascii").lower()
    return "utf" not in encoding or os.environ.get("TERM", "").startswith(_PLAIN)


def on_signals(leave: Callable[[int], None]) -> None:
    """Call `leave` with the exit code for SIGTERM and SIGHUP, in the running loop."""
    import asyncio
    import contextlib
    import signal

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread: a test
            loop.add_signal_handler(number, leave, 128 + number)


def watch() -> None:
    """End the process within a second once the terminal is gone.

    With SIGHUP ignored (nohup, sudo) the program would otherwise use a whole core on the dead terminal for
    ever. The check has its own thread, because the loop itself may be busy.
    """
    import threading

    threading.Thread(target=_watch, name="runforge-terminal", daemon=True).start()


def _watch() -> None:
    import select
    import signal

    poll = select.poll()
    poll.register(0, select.POLLHUP | select.POLLERR)
    while True:
        for _, events in poll.poll(_LOOK_SECONDS * 1000):
            if events & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
                os._exit(128 + signal.SIGHUP)
