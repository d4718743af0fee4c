"""The keys that let running runs stand still, go on, and make room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.binding import Binding

from runforge.core import job_numbers
from runforge.errors import OperationFailed
from runforge.tui.base_screen import BaseScreen
from runforge.tui.steering import Steering
from runforge.views.shown import JobView

if TYPE_CHECKING:
    from runforge.core.records import Job
    from runforge.queue.changed import Changed

FREEZE = Binding("z", "freeze", "Freeze running runs, or let them go on")
YIELD = Binding("Z", "give_way", "Ask running runs to save and go on later: they make room")


class Pausing(BaseScreen):
    """A screen whose runs can be paused."""

    def with_chosen(self, then: Callable[[list[JobView]], None]) -> None:
        """Continue with the runs that a key is about."""
        raise NotImplementedError

    def action_freeze(self) -> None:
        """Freeze the chosen runs that run; if all of them are frozen, let them go on."""
        steering = self.runforge.steering
        self.with_chosen(lambda jobs: self.act(lambda: toggle_freeze(steering, jobs)))

    def action_give_way(self) -> None:
        """Ask the chosen runs to make room."""
        steering = self.runforge.steering
        self.with_chosen(lambda jobs: self.act(lambda: give_way(steering, jobs)))


def toggle_freeze(steering: Steering, jobs: Sequence[JobView]) -> str:
    """Freeze the running ones of the runs, or let them go on if all are frozen."""
    from runforge.queue import pauses

    steering.require_writable()
    running = _running(jobs)
    is_thawing = all(job.frozen_at is not None for job in running)
    change = pauses.thaw if is_thawing else pauses.freeze
    done = change(steering.workspace, [job.job_id for job in running])
    if is_thawing:
        return _said(done, "goes on", "go on")
    return _said(
        done, "stands still and keeps its memory and its slot", "stand still and keep memory and slots"
    )


def give_way(steering: Steering, jobs: Sequence[JobView]) -> str:
    """Ask the running ones of the runs to save, end, and go on later."""
    from runforge.queue import pauses

    steering.require_writable()
    done = pauses.ask_to_yield(steering.workspace, [job.job_id for job in _running(jobs)])
    return _said(done, "is asked to save and make room", "are asked to save and make room")


def _running(jobs: Sequence[JobView]) -> list[JobView]:
    running = [job for job in jobs if job.state == "running"]
    if not running:
        which = f"this one is {jobs[0].state}" if len(jobs) == 1 else "none of these runs"
        raise OperationFailed(f"only running runs are paused so; {which}" if jobs else "no run is selected")
    return running


def _said(done: Changed, one: str, several: str) -> str:
    """Return what was changed; OperationFailed with the reason if nothing was."""
    left = [f"{called([job])} {reason}" for job, reason in done.skipped[:3]]
    if not done.changed:
        raise OperationFailed("; ".join(left))
    words = one if len(done.changed) == 1 else several
    return "; ".join([f"{called(done.changed)} {words}", *left])


def called(jobs: Sequence[Job]) -> str:
    """Return the numbers of runs in a sentence."""
    noun = "run" if len(jobs) == 1 else "runs"
    return f"{noun} {job_numbers.text([job.seq for job in jobs])}"
