"""Starting a daemon in the background that survives the end of the SSH session."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Sequence

from runforge import own_python
from runforge.daemon.main import check_settings
from runforge.daemon.settings import Settings
from runforge.errors import OperationFailed, RunForgeError
from runforge.files.durable import open_file
from runforge.files.permissions import become_private
from runforge.machine import disk_space
from runforge.store import daemon_holder
from runforge.store.opening import exists
from runforge.views import daemon_status
from runforge.workspace import Workspace

_UP_SECONDS = 30.0
_PAUSE = 0.02


def start(
    workspace: Workspace,
    *,
    max_parallel: int = 2,
    gpu_slots: int | None = None,
    orphans: str = "requeue",
    devices: str | None = None,
    replace: bool = False,
    more: Sequence[str] = (),
) -> int:
    """Start a daemon in its own session, logging to queue/daemon.log; return its pid when it is ready.

    `more` are further words of its command.
    Raises OperationFailed with the log's last line if it does not come up.
    """
    check_settings(Settings(max_parallel, gpu_slots, orphans, devices))
    exists(workspace)  # refused here if the journal is missing
    workspace.prepare()
    holder = daemon_holder.holder(workspace)
    if holder is not None and not replace:
        raise OperationFailed(
            f"a daemon is running here already (pid {holder.pid})",
            where=str(workspace.root),
            fix="Stop it with `runforge stop-daemon`, or take over with `daemon --replace`",
        )
    command = own_python.command(
        "runforge.cli.main",
        "daemon",
        "--workspace",
        str(workspace.root),
        "--max-parallel",
        str(max_parallel),
        "--gpu-slots",
        "auto" if gpu_slots is None else str(gpu_slots),
        "--orphans",
        orphans,
        *more,
    )
    log = open_file(workspace.daemon_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        process = subprocess.Popen(
            command + ([] if devices is None else [f"--devices={devices}"]) + ["--replace"] * replace,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=become_private(),
            cwd=workspace.root,
        )
    finally:
        os.close(log)
    _wait_until_up(workspace, process)
    return process.pid


def _wait_until_up(workspace: Workspace, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _UP_SECONDS
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None:
            raise OperationFailed(
                f"the daemon ended at once with exit code {code}: {_last_line(workspace)}",
                fix=f"See {workspace.daemon_log}",
            )
        with contextlib.suppress(RunForgeError):  # the daemon meets it too, ends and says so in its log
            status = daemon_status.daemon_status(workspace)
            if status.pid == process.pid and status.state == "running":
                return
        time.sleep(_PAUSE)
    raise OperationFailed(
        f"the daemon is not ready after {_UP_SECONDS:.0f} s", fix=f"See {workspace.daemon_log}"
    )


def _last_line(workspace: Workspace) -> str:
    lines = workspace.daemon_log.read_text("utf-8", errors="replace").strip().splitlines()
    if lines:
        return lines[-1]
    lacking = disk_space.shortage(workspace)  # a full disk has no room for a last message
    return lacking.text if lacking is not None else "it printed nothing"
