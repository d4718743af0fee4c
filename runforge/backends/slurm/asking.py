"""Asks Slurm how its jobs are: one squeue for all of them, seldom, and sooner on suspicion."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from runforge.backends.slurm import answers, listing
from runforge.backends.slurm.commands import Answer, Lane
from runforge.backends.slurm.listing import Row
from runforge.clock import Clock

#: Never more than one call a second, whatever is suspected; while Slurm does not answer, less.
_LEAST_SECONDS = 1.0
_UNHEARD_SECONDS = 5.0


class Asking:
    """The question to Slurm, and since when it does not answer."""

    def __init__(self, lane: Lane, clock: Clock, poll_seconds: float, log: Callable[[str], None]) -> None:
        self._lane = lane
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._log = log
        self._last = -_LEAST_SECONDS
        self._due: float | None = 0.0
        self._is_asking = False
        #: Why Slurm does not answer, and since when, as people read the time.
        self.problem: str | None = None
        self.began: Callable[[], Mapping[str, str]] = dict
        #: Takes a list: the rows by name, and when it was asked for.
        self.listed: Callable[[Mapping[str, Row], float], None] = _nobody

    def suspect(self, seconds: float = 0.0) -> None:
        """Ask after so many seconds at the latest."""
        wanted = self._clock.monotonic() + seconds
        self._due = wanted if self._due is None else min(self._due, wanted)

    def heard(self, err: str, *, is_heard: bool) -> None:
        """Note whether Slurm has answered a command."""
        if is_heard:
            if self.problem is not None:
                self._log("Slurm answers again")
            self.problem = None
        elif self.problem is None:
            self.problem = f"Slurm has not answered since {time.strftime('%H:%M')} ({answers.reason(err)})"
            self._log(f"WARNING: {self.problem}; runs go on and are seen to end, nothing is submitted")
            self.suspect(_UNHEARD_SECONDS)

    def step(self, *, is_wanted: bool) -> None:
        """Ask if it is time. Without attempts, and while Slurm answers, nothing is asked."""
        if self._is_asking or not (is_wanted or self.problem is not None):
            return
        if self._clock.monotonic() < self._next():
            return
        self._is_asking, self._due = True, None
        self._last = self._clock.monotonic()
        self._lane.ask(
            ["squeue", "-h", "-t", "all", "-u", str(os.getuid()), "--array", "-o", listing.FORMAT],
            self._answered,
        )

    def _next(self) -> float:
        pause = _UNHEARD_SECONDS if self.problem is not None else self._poll_seconds
        due = self._last + pause
        return max(self._last + _LEAST_SECONDS, due if self._due is None else min(due, self._due))

    def wait_seconds(self, *, is_wanted: bool) -> float | None:
        """Return when `step` must be called again; None if nothing is to be asked."""
        if self._is_asking or not (is_wanted or self.problem is not None):
            return None
        return max(0.0, self._next() - self._clock.monotonic())

    def _answered(self, answer: Answer) -> None:
        self._is_asking = False
        is_heard = answer.code == 0
        self.heard(answer.err, is_heard=is_heard)
        if is_heard:
            self.listed(listing.parse(answer.out, self.began()), answer.asked_at)


def _nobody(_rows: Mapping[str, Row], _asked_at: float) -> None:
    """Take nothing."""
