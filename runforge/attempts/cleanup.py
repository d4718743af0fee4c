"""Killing what is left of an attempt whose supervisor is gone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

from runforge.attempts import start_marker
from runforge.machine import os_process

TREE_LOCK = "tree.lock"
#: The name of a worker that has ended its run and waits for another one. It belongs to no attempt.
RESTING = "runforge-rests"
_TERM_SECONDS = 0.3
_KILL_SECONDS = 5.0
_PAUSE = 0.01


class Cleaned(NamedTuple):
    """What was found, and which of it could not be killed."""

    found: int
    left: list[int]


def clean_up(
    token: str, attempt_dir: Path, session: int | None, *, seconds: float = _KILL_SECONDS
) -> Cleaned:
    """Kill what is left of an attempt whose supervisor is gone; wait this long until it has ended.

    Processes are found by the token in the environment, by the inherited lock file and by the session. A
    process without all three can escape, but only if the supervisor was killed by force too.
    """
    lock = Path(os.path.realpath(attempt_dir / TREE_LOCK))
    found: set[int] = set()
    started = time.monotonic()
    while True:
        session = _own_session(attempt_dir, session)
        left = os_process.marked(token, lock, session)
        if not left:
            return Cleaned(len(found), [])
        found.update(left)
        age = time.monotonic() - started
        number = signal.SIGTERM if age < min(seconds, _TERM_SECONDS) else signal.SIGKILL
        for pid in left:
            # The pid may belong to another process since the scan. So look again; `send` then checks the
            # start time through a handle.
            ticks = os_process.start_ticks(pid)
            if ticks is not None and os_process.is_marked(pid, token, lock, session):
                os_process.send(pid, number, ticks)
        if age >= seconds:
            return Cleaned(len(found), left)
        time.sleep(_PAUSE)


def _own_session(attempt_dir: Path, session: int | None) -> int | None:
    """Return the session if it can still belong to the attempt, else None.

    The kernel does not use the number again while the session has members. So a process with that number and
    another start time proves that the attempt's session is empty.
    """
    if session is None:
        return None
    ticks = os_process.start_ticks(session)
    owner = start_marker.read(attempt_dir)
    is_reused = ticks is not None and (owner is None or ticks != owner.start_ticks)
    return None if is_reused else session
