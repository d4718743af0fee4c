r"""The states of a job and the only ways from one to another.

    enqueue -> queued -> running -> succeeded | failed | canceled
                 ^  \\-> failed | canceled          (never started)
                 |
                 +---- running (orphan requeued) and failed | canceled (retry), next attempt

The same table is in the database (table `transitions`, enforced by a trigger), so that no other program can
make an illegal move either. A test compares the two.
"""

from __future__ import annotations

from runforge.choices import Choice


class State(Choice):
    """Where a job is."""

    #: Entered by enqueue, retry and requeue; left by a claim, a cancel, or a failure before the
    #: start. A crash leaves it as it is.
    QUEUED = "queued"
    #: Entered by a claim; left when the attempt's end is known. After a crash the next daemon
    #: inspects its exit record, lock and start marker.
    RUNNING = "running"
    #: Terminal. The attempt's exit record says so.
    SUCCEEDED = "succeeded"
    #: Terminal until retried.
    FAILED = "failed"
    #: Terminal until retried. Never becomes succeeded.
    CANCELED = "canceled"


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELED})
LIVE = frozenset({State.QUEUED, State.RUNNING})

#: (from, to) -> the journal's event.
TRANSITIONS: dict[tuple[State, State], str] = {
    (State.QUEUED, State.RUNNING): "claimed",
    (State.QUEUED, State.FAILED): "failed",
    (State.QUEUED, State.CANCELED): "canceled",
    (State.RUNNING, State.SUCCEEDED): "succeeded",
    (State.RUNNING, State.FAILED): "failed",
    (State.RUNNING, State.CANCELED): "canceled",
    (State.RUNNING, State.QUEUED): "requeued",
    (State.FAILED, State.QUEUED): "retried",
    (State.CANCELED, State.QUEUED): "retried",
}


class Cause(Choice):
    """Why an attempt ended."""

    EXIT = "exit"
    SIGNAL = "signal"
    OOM = "oom"
    BAD_RESULT = "bad_result"
    SPAWN_FAILED = "spawn_failed"
    FOLDER_MISSING = "folder_missing"
    CANCELED = "canceled"
    GROUP_FAILED_FAST = "group_failed_fast"
    LAUNCH_FAILED = "launch_failed"
    #: The machine had no room for it (disk, descriptors, processes). It does not count as a lost attempt.
    POSTPONED = "postponed"
    LOST = "lost"
    REBOOT = "reboot"
    #: Its time limit was over.
    TIMEOUT = "timeout"
    #: What it waited for did not end as asked.
    DEPENDENCY = "dependency"
    #: It failed because a device had no memory left.
    GPU_OOM = "gpu_oom"
    #: It gave its place back, and goes on later.
    YIELDED = "yielded"
    #: The cluster ended it at the time limit that it had there.
    TIME_LIMIT = "time_limit"
    #: The cluster took its place for something more urgent. It does not count as a lost attempt.
    PREEMPTED = "preempted"
    #: Its sweep's rule stopped it.
    STOPPED_EARLY = "stopped_early"
