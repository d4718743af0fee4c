"""Asks Slurm's accounts (`sacct`) about jobs that its list has no more; many clusters have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runforge.backends.slurm import answers, listing
from runforge.backends.slurm.commands import Answer, Lane
from runforge.backends.slurm.listing import Row
from runforge.clock import Clock

_SACCT = ("sacct", "-n", "-P", "-X", "-S", "now-7days", "-o", "JobID,State,Reason,NodeList,JobName")
#: Between two questions, and how often accounts are asked that do not answer: in all for five minutes.
_PAUSE_SECONDS, _MOST_UNHEARD = 30.0, 10


class Accounts:
    """What is to be asked of the accounts. All that is wanted at one time is asked for together."""

    def __init__(self, lane: Lane, clock: Clock) -> None:
        self._lane = lane
        self._clock = clock
        self._wanted: dict[str, Callable[[Row | None], None]] = {}
        self._are_there = True
        self._is_asking = False
        self._next = 0.0
        self._unheard = 0
        #: Gives the number of the job that has begun, by name: an attempt may have been submitted twice.
        self.began: Callable[[], Mapping[str, str]] = dict

    def look_up(self, name: str, done: Callable[[Row | None], None]) -> None:
        """Want to know of a job; `done` gets None if the accounts do not know it, or if there are none."""
        self._wanted[name] = done

    def step(self) -> None:
        """Ask if it is time."""
        if not self._wanted or self._is_asking or self._clock.monotonic() < self._next:
            return
        names = list(self._wanted)
        if not self._are_there:
            self._tell(names, {})
            return
        self._is_asking = True
        self._lane.ask([*_SACCT, f"--name={','.join(names)}"], lambda answer: self._answered(answer, names))

    def wait_seconds(self) -> float | None:
        """Return when `step` must be called again; None if nothing is to be asked."""
        if not self._wanted or self._is_asking:
            return None
        return max(0.0, self._next - self._clock.monotonic())

    def _answered(self, answer: Answer, names: list[str]) -> None:
        self._is_asking = False
        self._next = self._clock.monotonic() + _PAUSE_SECONDS
        is_unheard = answer.code is None or (answer.code != 0 and answers.is_unheard(answer.err))
        self._unheard = self._unheard + 1 if is_unheard else 0
        if is_unheard and self._unheard < _MOST_UNHEARD:
            return
        self._are_there = answer.code == 0 or is_unheard
        self._unheard = 0
        self._tell(names, listing.parse(answer.out, self.began()) if answer.code == 0 else {})

    def _tell(self, names: list[str], rows: Mapping[str, Row]) -> None:
        for name in names:
            self._wanted.pop(name)(rows.get(name))
