"""Whose processes are on the GPUs: what /proc says of the pids that NVML gives.

In a container NVML may give the pid numbers of the host. They name nothing here, or a process that has nothing to
do with a GPU: that is noticed when a number names nothing at two looks.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Collection, Iterable
from typing import NamedTuple

from runforge.machine import os_process
from runforge.machine.gpu_world import Owner

_TOKEN = "RUNFORGE_TOKEN"  # noqa: S105 - the name of the variable
_RUN = "RUNFORGE_RUN_ID"
_MB = 1024 * 1024


class Listed(NamedTuple):
    """A process as NVML lists it; its memory in bytes, None where that is not told."""

    pid: int
    memory: int | None


def owner(listed: Listed, tokens: Collection[str]) -> Owner | None:
    """Return whose a process is; None if there is no process of this number."""
    if not _exists(listed.pid):
        return None
    memory = None if listed.memory is None else listed.memory // _MB
    environ = os_process.environment(listed.pid)
    token = environ.get(_TOKEN)
    return Owner(
        pid=listed.pid,
        name=os_process.name_of(listed.pid) or "?",
        user=_user(os_process.user_of(listed.pid)),
        memory_mb=memory,
        run_id=environ.get(_RUN),
        token=token,
        is_ours=token is not None and token in tokens,
    )


def merged(listed: Iterable[Listed]) -> list[Listed]:
    """Return each process once: one that computes and draws is listed twice, with the same memory."""
    found: dict[int, Listed] = {}
    for each in listed:
        before = found.get(each.pid)
        if before is None or (before.memory or 0) < (each.memory or 0):
            found[each.pid] = each
    return [found[pid] for pid in sorted(found)]


def _exists(pid: int) -> bool:
    """Return whether a process is there; where /proc hides those of others, the kernel still tells."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _user(number: int | None) -> str:
    if number is None:
        return "?"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
