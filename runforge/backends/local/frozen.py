"""Canceled attempts whose supervisor stands still: their runs are ended without it.

A supervisor that was stopped (a debugger, SIGSTOP) looks at no order. Its run's tree gets the signals that it would
have sent. When nothing of that is left the supervisor is killed too, so that the attempt can be judged and its slot
be given back.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runforge.attempts import spec as specs
from runforge.attempts import start_marker
from runforge.attempts.build_spec import GRACE_SECONDS
from runforge.attempts.spec import SpecError
from runforge.attempts.start_marker import Claim
from runforge.backends.base import AttemptRef
from runforge.backends.local.watch import POLL_SECONDS
from runforge.clock import Clock
from runforge.machine import os_process
from runforge.supervise.stopping import Stopping

#: A supervisor looks for orders every tenth of a second. One that is stopped is given this long to go on.
FROZEN_SECONDS = 5.0


@dataclass(slots=True)
class _Canceled:
    ref: AttemptRef
    folder: Path
    #: Since when its supervisor has been seen stopped.
    frozen_since: float | None = None
    stopping: Stopping | None = None


class FrozenSupervisors:
    """The canceled attempts, until they have ended."""

    def __init__(self, log: Callable[[str], None], clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._canceled: dict[str, _Canceled] = {}
        self._next_look = 0.0

    def __bool__(self) -> bool:
        return bool(self._canceled)

    def expect_end(self, ref: AttemptRef, folder: Path) -> None:
        """Look after an attempt from now on: its supervisor has been told to end it."""
        self._canceled.setdefault(ref.token, _Canceled(ref, folder))

    def forget(self, token: str) -> None:
        """Stop looking after an attempt: it has ended."""
        self._canceled.pop(token, None)

    def step(self) -> None:
        """Do for stopped supervisors what they do not; one that goes on is left to it."""
        now = self._clock.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + POLL_SECONDS
        for attempt in self._canceled.values():
            owner = start_marker.read(attempt.folder)
            if owner is None or not _is_frozen(owner):
                attempt.frozen_since = attempt.stopping = None
            elif attempt.frozen_since is None:
                attempt.frozen_since = now
            elif now - attempt.frozen_since >= FROZEN_SECONDS:
                self._end(attempt, owner)

    def _end(self, attempt: _Canceled, owner: Claim) -> None:
        main = min(os_process.children(owner.pid), key=_age, default=owner.pid)
        if attempt.stopping is None:
            self._log(
                f"WARNING: the supervisor (pid {owner.pid}) of run {attempt.ref.run_id} is stopped; "
                "the run was canceled and is ended without it"
            )
            attempt.stopping = Stopping(main, _grace(attempt.folder), root=owner.pid)
        if all(os_process.is_zombie(pid) for pid in os_process.descendants(owner.pid)):
            os_process.send(owner.pid, signal.SIGKILL, owner.start_ticks)
        else:
            attempt.stopping.step(has_main_ended=os_process.is_zombie(main))


def _is_frozen(owner: Claim) -> bool:
    """Return whether the process that claimed is stopped, and is that process still."""
    return (
        owner.boot_id == os_process.boot_id()
        and os_process.start_ticks(owner.pid) == owner.start_ticks
        and os_process.is_stopped(owner.pid)
    )


def _age(pid: int) -> int:
    """Return when a process started: the worker is a supervisor's first child, orphans came to it later."""
    return os_process.start_ticks(pid) or 0


def _grace(folder: Path) -> float:
    try:
        return specs.read(folder).grace_seconds
    except (OSError, SpecError):
        return GRACE_SECONDS
