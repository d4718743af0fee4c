"""Holding launches back while the machine has no room for them, and going on by itself.

A launch that failed for the machine's reasons is tried again only after a look whether its like would work
now: each try is an attempt that the user sees counted.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time

from runforge import machine_faults
from runforge.files.durable import TEMPORARY_PREFIX, write_new
from runforge.machine import disk_space
from runforge.workspace import Workspace

#: Failures that the disk guard tells of too, in more words.
_KINDS = {errno.ENOSPC: "disk_full", errno.EDQUOT: "disk_full", errno.EROFS: "read_only"}
#: Seconds between two looks; doubled from the first to the last while launches go on failing.
_FIRST_PAUSE = 0.25
_LAST_PAUSE = 2.0
#: Seconds for which a disk that had room is believed to have it still.
_FRESH = 0.5
#: A launch that fails so many seconds after the last one is a new misfortune.
_FORGOTTEN = 30.0
#: What a launch takes at the least: descriptors in the daemon, processes (supervisor, worker and its own).
_DESCRIPTORS = 8
_PROCESSES = 3
_PROBE_BYTES = 16 * 1024
_PROBE_SECONDS = 10.0


class Hold:
    """Whether launches may go; says in the log, once, why not, and once that they go on."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._next_look = 0.0
        self._pause = _FIRST_PAUSE
        self._failed_at = 0.0
        self._is_failing = False
        self._told: str | None = None

    @property
    def is_on(self) -> bool:
        """Whether launches are held back, as far as the last look told."""
        return self._told is not None

    def fault(self, number: int) -> None:
        """Hold launches back: one has failed for a reason of the machine's."""
        now = time.monotonic()
        self._pause = (
            min(self._pause * 2, _LAST_PAUSE) if now - self._failed_at < _FORGOTTEN else _FIRST_PAUSE
        )
        self._failed_at, self._is_failing = now, True
        self._next_look = now + self._pause
        self._tell(_KINDS.get(number, str(number)), machine_faults.words(number))

    def allows(self) -> bool:
        """Return whether launches may go now."""
        now = time.monotonic()
        if now < self._next_look:
            return not self.is_on
        found = disk_space.shortage(self._workspace)
        if found is not None:
            self._tell(found.kind, found.text)
        elif self._is_failing and (number := probe(self._workspace)) is not None:
            self._tell(_KINDS.get(number, str(number)), machine_faults.words(number))
        else:
            self._is_failing = False
            self._tell(None, "")
        self._next_look = now + (self._pause if self.is_on else _FRESH)
        return not self.is_on

    def _tell(self, kind: str | None, text: str) -> None:
        if kind != self._told:
            say("launching again" if kind is None else f"WARNING: nothing is launched: {text}")
        self._told = kind


def say(line: str) -> None:
    """Put a line into the daemon's log; a log that is full is no reason to stop."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def probe(workspace: Workspace) -> int | None:
    """Do what a launch does, for nothing; return the number of the failure if the machine still refuses."""
    folder = workspace.state_dir / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
    try:
        folder.mkdir(0o700)
        write_new(folder / "probe", bytes(_PROBE_BYTES))
        _open_some()
        _start_some()
    except OSError as error:
        number = machine_faults.of(error)
        if number is None:
            raise
        return number
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
