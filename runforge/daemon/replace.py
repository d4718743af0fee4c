"""Takes the workspace from a daemon that hangs, if the user says so."""

from __future__ import annotations

import signal
import time

from runforge.errors import OperationFailed
from runforge.machine import os_process
from runforge.store import daemon_holder, records
from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace

_TERM_SECONDS = 5.0
_KILL_SECONDS = 5.0


def replace_holder(workspace: Workspace) -> None:
    """Stop the running daemon, by force if it hangs. Its runs continue.

    It gets a signal only if pid, start time and boot id are those in the journal.
    """
    holder = daemon_holder.holder(workspace)
    if holder is None or not exists(workspace):
        return
    with open_journal(workspace) as journal, journal.read() as tx:
        row = records.daemon(tx.row("journal.daemon"))
    handle = os_process.pidfd_open(holder.pid) if holder.pid else None
    is_it = (
        holder.pid == row.pid
        and row.boot_id == os_process.boot_id()
        and holder.pid is not None
        and os_process.start_ticks(holder.pid) == row.start_ticks
    )
    if handle is None or not is_it:
        raise OperationFailed(
            f"the daemon lock is held by process {holder.pid}, which is not the daemon in the journal",
            where=str(workspace.daemon_lock),
            fix="Stop that process by hand",
        )
    for number, seconds in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        signal.pidfd_send_signal(handle, number)
        if _is_free_within(workspace, seconds):
            return
    raise OperationFailed(
        f"the daemon (pid {holder.pid}) cannot be killed", fix="Is it in state D (waiting for a disk)?"
    )


def _is_free_within(workspace: Workspace, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if daemon_holder.holder(workspace) is None:
            return True
        time.sleep(0.02)
    return False
