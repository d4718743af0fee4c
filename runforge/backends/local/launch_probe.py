"""A test launch: does what a launch does, to see whether launches would work again."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys

from runforge.files.durable import TEMPORARY_PREFIX, write_new
from runforge.workspace import Workspace

#: The least that a launch needs: descriptors in the daemon, and processes (supervisor, worker, its children).
_DESCRIPTORS = 8
_PROCESSES = 3
_PROBE_BYTES = 16 * 1024
_PROBE_SECONDS = 10.0


def probe(workspace: Workspace) -> int | None:
    """Do a test launch; return the error number if the machine still refuses."""
    folder = workspace.attempts_dir / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
    try:
        folder.mkdir(0o700)
        write_new(folder / "probe", bytes(_PROBE_BYTES))
        _open_some()
        _start_some()
    except OSError as error:
        return error.errno or errno.EIO
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return None


def _open_some() -> None:
    found: list[int] = []
    try:
        while len(found) < _DESCRIPTORS:
            found.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    finally:
        for descriptor in found:
            os.close(descriptor)


def _start_some() -> None:
    command = [sys.executable, "-I", "-S", "-c", "input()"]
    found: list[subprocess.Popen[bytes]] = []
    try:
        while len(found) < _PROCESSES:
            found.append(subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL))
    finally:
        for process in found:
            process.kill()
            process.communicate(timeout=_PROBE_SECONDS)
