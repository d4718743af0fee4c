"""Stops a daemon from outside, and waits until it has ended."""

from __future__ import annotations

import time
from datetime import timedelta

from runforge import clock
from runforge.errors import OperationFailed
from runforge.queue import cancel, daemon_wish
from runforge.store import daemon_holder
from runforge.workspace import Workspace

_STOP_SECONDS = 15.0
_GRACE_SECONDS = 20.0
_PAUSE = 0.02


def stop(
    workspace: Workspace,
    *,
    drain_seconds: float | None = None,
    is_draining: bool = False,
    cancel_running: bool = False,
) -> bool:
    """Stop the daemon; return False if none was running.

    With `is_draining` the running runs finish first, for at most `drain_seconds` (None: no limit). With
    `cancel_running` they are stopped. Otherwise they continue by themselves.
    """
    if daemon_holder.holder(workspace) is None:
        return False
    if cancel_running:
        daemon_wish.set_wanted(workspace, "drain")
        cancel.cancel_all_running(workspace)
        _wait(workspace, _GRACE_SECONDS + _STOP_SECONDS)
    elif is_draining:
        until = None
        if drain_seconds is not None:
            moment = clock.utc_now() + timedelta(seconds=drain_seconds)
            until = clock.to_text(moment)
        daemon_wish.set_wanted(workspace, "drain", until)
        _wait(workspace, None if drain_seconds is None else drain_seconds + _STOP_SECONDS)
    else:
        daemon_wish.set_wanted(workspace, "stop")
        _wait(workspace, _STOP_SECONDS)
    return True


def _wait(workspace: Workspace, seconds: float | None) -> None:
    deadline = None if seconds is None else time.monotonic() + seconds
    while (holder := daemon_holder.holder(workspace)) is not None:
        if deadline is not None and time.monotonic() > deadline:
            state = daemon_holder.process_state(holder.pid)
            raise OperationFailed(
                f"the daemon (pid {holder.pid}, state {state}) does not stop",
                fix="Take over with `runforge daemon --replace`; its runs continue",
            )
        time.sleep(_PAUSE)
