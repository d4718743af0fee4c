"""Stops all processes of a run where they are, and lets them go on. Memory and devices stay taken.

A tree that forks is stopped in rounds, until a look at it finds only stopped processes.
"""

from __future__ import annotations

import signal
import time

from runforge.machine import os_process

#: So many rounds in one step; the next step goes on.
_ROUNDS = 20
#: Seconds between two looks at a tree that is stopped as a whole: somebody else may let a process of it go on.
_PAUSE = 1.0
#: And at one that does not stand still yet.
_RETRY = 0.1


class Freezing:
    """The processes of this supervisor's run that were stopped."""

    def __init__(self) -> None:
        #: With their start times, because pids are used again. What was stopped by somebody else is not ours.
        self._stopped: dict[int, int | None] = {}
        self._since: float | None = None
        self._past = 0.0
        self._next_look = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the run is frozen."""
        return self._since is not None

    @property
    def seconds(self) -> float:
        """How long the run was frozen until now."""
        return self._past + (0.0 if self._since is None else time.monotonic() - self._since)

    def wait_seconds(self) -> float:
        """Return the seconds until `freeze` is to be called again."""
        return max(_RETRY, self._next_look - time.monotonic())

    def freeze(self) -> None:
        """Stop what still runs. Called again and again while the run is to be frozen."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        elif now < self._next_look:
            return
        for _ in range(_ROUNDS):
            moving = [pid for pid in os_process.descendants() if not self._rests(pid)]
            if not moving:
                self._next_look = time.monotonic() + _PAUSE
                return
            for pid in moving:
                ticks = os_process.start_ticks(pid)
                if os_process.send(pid, signal.SIGSTOP, ticks):
                    self._stopped[pid] = ticks

    def _rests(self, pid: int) -> bool:
        """Return whether a process stands still. One that waits in the kernel stops before its next step.

        That is so for ever for who has just made a child by vfork: the child is stopped before its program starts.
        """
        if os_process.is_stopped(pid) or os_process.is_zombie(pid):
            return True
        ticks = self._stopped.get(pid)
        return (
            ticks is not None and os_process.is_uninterruptible(pid) and os_process.start_ticks(pid) == ticks
        )

    def thaw(self) -> float:
        """Let the processes go on, children before their parents; return how long they were frozen."""
        for pid, ticks in reversed(self._stopped.items()):
            os_process.send(pid, signal.SIGCONT, ticks)
        return self.leave()

    def leave(self) -> float:
        """Forget the processes: something else lets them go on. Return how long they were frozen."""
        frozen = 0.0 if self._since is None else time.monotonic() - self._since
        self._past += frozen
        self._since = None
        self._next_look = 0.0
        self._stopped.clear()
        return frozen
