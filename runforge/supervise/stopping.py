"""The signals that end a run, and when: first the program, later its whole tree, KILL at the end.

    asked to end        TERM, or the signal that it is resumable by, to the program (first_signal.py), CONT to all: a frozen run can save too
    it has ended        the same for what it leaves behind, and so on; what reads its output ends by itself
    half the grace      TERM to everything that has not had it
    the whole grace     KILL, until nothing is left

Nobody gets TERM twice: many programs take the second for "leave at once".
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Sequence

from runforge.machine import os_process
from runforge.supervise import first_signal


class Stopping:
    """Ends a run, from the moment this is made. `root` is the supervisor if that is not this process.

    `first` is the signal that the program gets first; all others are TERM.
    """

    def __init__(
        self,
        main: int,
        grace_seconds: float,
        root: int | None = None,
        first: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._main = main
        self._first = first
        self._root = root
        self._grace = grace_seconds
        self._since = time.monotonic()
        #: The processes that got the signal, with their start times, because pids are used again.
        self._told: set[tuple[int, int | None]] = set()
        self._spared: set[int] = set()
        self._is_half_told = False
        #: How many processes were killed at the end of the grace time.
        self.killed = 0

    def step(self, *, has_main_ended: bool) -> None:
        """Send what is due now."""
        age = time.monotonic() - self._since
        if age >= self._grace:
            self._kill(os_process.descendants(self._root) or ([] if has_main_ended else [self._main]))
        elif age >= self._grace / 2:
            if not self._is_half_told:
                self._is_half_told = True
                if self._first != signal.SIGTERM:
                    self._told.clear()  # the program has had another signal, which it may not know
                self._tell(os_process.descendants(self._root))
        elif not self._told and not has_main_ended:
            self._tell_programs([self._main], self._first)
        elif not any(_is_alive(*told) for told in self._told):
            orphans = [pid for pid in os_process.children(self._root) if pid != self._main]
            self._spared.update(pid for pid in orphans if first_signal.reads_a_pipe(pid))
            self._tell_programs(os_process.children(self._root))

    def _kill(self, pids: Sequence[int]) -> None:
        alive = [pid for pid in pids if not os_process.is_zombie(pid)]
        for pid in alive:
            os_process.send(pid, signal.SIGKILL)
        self.killed = max(self.killed, len(alive))

    def _tell_programs(self, roots: Sequence[int], number: signal.Signals = signal.SIGTERM) -> None:
        first = first_signal.choose(roots, os_process.children_of_all(), self._spared, number)
        if first.held:
            for pid in first.held:
                os_process.send(pid, signal.SIGSTOP)
            # Look again when they are stopped: a process that one of them has just started belongs to the
            # tree too.
            first = first_signal.choose(roots, os_process.children_of_all(), self._spared, number)
        self._spared = first.spared
        self._tell(first.targets, first.held, number)

    def _tell(
        self, pids: Iterable[int], held: Iterable[int] = (), number: signal.Signals = signal.SIGTERM
    ) -> None:
        for pid in pids:
            told = (pid, os_process.start_ticks(pid))
            if told not in self._told and os_process.send(pid, number):
                self._told.add(told)
        still = set(held)
        for pid in os_process.descendants(self._root):
            if pid not in still:
                os_process.send(pid, signal.SIGCONT)


def _is_alive(pid: int, ticks: int | None) -> bool:
    return os_process.start_ticks(pid) == ticks and not os_process.is_zombie(pid)
