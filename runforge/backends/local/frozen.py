"""Canceled attempts whose supervisor is stopped: their runs are ended without it.

A stopped supervisor (by a debugger or SIGSTOP) does not see orders. The daemon then sends the run's processes
the signals that the supervisor would have sent. When all of them have ended, the supervisor is killed too, so
that the end of the attempt is known and its slot is free.
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

#: A supervisor is woken by an order. A stopped one gets this long to continue.
FROZEN_SECONDS = 5.0


@dataclass(slots=True)
class _Canceled:
    ref: AttemptRef
    folder: Path
    #: Since when its supervisor is known to be stopped.
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
        """Watch an attempt from now on: its supervisor was told to end it."""
        self._canceled.setdefault(ref.token, _Canceled(ref, folder))

    def forget(self, token: str) -> None:
        """Stop watching an attempt: it has ended."""
        self._canceled.pop(token, None)

    def step(self) -> None:
        """Do the work of stopped supervisors. A supervisor that continues does it itself."""
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
    """Return whether the supervisor is stopped, and the pid is still that process."""
    return (
        owner.boot_id == os_process.boot_id()
        and os_process.start_ticks(owner.pid) == owner.start_ticks
        and os_process.is_stopped(owner.pid)
    )


def _age(pid: int) -> int:
    """Return when a process started. The worker is the supervisor's first child; orphans came later."""
    return os_process.start_ticks(pid) or 0


def _grace(folder: Path) -> float:
    try:
        return specs.read(folder).grace_seconds
    except (OSError, SpecError):
        return GRACE_SECONDS
