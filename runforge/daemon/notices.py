"""Starts the process that sends notices, whenever some are due; the loop never waits for it.

What the daemon itself has to tell is noted here too: that nothing is launched.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import Any

from runforge import clock, config
from runforge.daemon.log import log
from runforge.errors import RunForgeError, explained
from runforge.notices import send
from runforge.store import outbox
from runforge.store.journal import Journal
from runforge.workspace import Workspace

#: A sender that lives longer than this hangs, and is killed.
_TOO_LONG = send.LIFETIME * 2
#: After a sender that did not do its work, and while config.toml cannot be read.
_PAUSE = 30.0
#: After a sender that was killed, and while that of an earlier daemon is at work.
_SHORT_PAUSE = 3.0
_LONGEST_LOOK = 60.0
#: Seconds between two looks into the outbox while the queue changes.
_SHORTEST_LOOK = 0.2
#: What passes sooner is not told.
_LASTING = 10.0


class Notices:
    """What waits in the outbox, and the process that sends it."""

    def __init__(self, workspace: Workspace, journal: Journal) -> None:
        self._workspace = workspace
        self._journal = journal
        self._child: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._next = 0.0
        self._looked = 0.0
        self._seen: tuple[int, int] | None = None
        self._stamps: Any = None
        self._has_targets = False
        self._trouble: str | None = None
        self._closed_at: float | None = None
        self._is_closing_told = False

    def hear(self, problem: str | None, epoch: int) -> None:
        """Note once that nothing is launched because of the machine, when that has lasted for a while."""
        now = time.monotonic()
        if problem is None:
            self._closed_at, self._is_closing_told = None, False
            return
        self._closed_at = now if self._closed_at is None else self._closed_at
        if not self._is_closing_told and now - self._closed_at >= _LASTING:
            self._is_closing_told = True
            with self._journal.write(epoch) as tx:
                outbox.note(tx, "disk", detail={"text": f"Nothing is launched: {problem}"})

    def look(self) -> None:
        """Start a sender if a notice is due and none is at work."""
        now = time.monotonic()
        if self._child is not None and not self._is_over(self._child, now):
            return
        version = self._journal.version()
        if now < self._next and (version == self._seen or now < self._looked + _SHORTEST_LOOK):
            return
        with self._journal.read() as tx:
            due = outbox.next_at(tx)
        self._looked, self._seen = now, version
        wait = 0.0 if due is None else clock.seconds_between(clock.now(), due)
        if due is None or 0 < wait <= outbox.BACK_OFF[-1]:
            self._next = now + min(wait or _LONGEST_LOOK, _LONGEST_LOOK)
        elif self._may_send(now):
            self._start(now)

    def wait_seconds(self) -> float:
        """Return for how many seconds nothing here is due."""
        if self._child is not None:
            return _LONGEST_LOOK
        has_changed = self._seen != self._journal.version()
        due = min(self._next, self._looked + _SHORTEST_LOOK) if has_changed else self._next
        return max(0.0, due - time.monotonic())

    def _may_send(self, now: float) -> bool:
        """Return whether somebody is to be told; what nobody is to be told of is dropped."""
        stamps = config.stamps(self._workspace)
        if stamps != self._stamps or self._trouble is not None:
            try:
                self._has_targets = bool(config.load(self._workspace)["notify.to"])
            except (RunForgeError, OSError) as error:
                self._tell_trouble(explained(error))
                self._next = now + _PAUSE
                return False
            self._stamps, self._trouble = stamps, None
        if not self._has_targets:
            with self._journal.write() as tx:
                outbox.drop(tx)
        return self._has_targets

    def _start(self, now: float) -> None:
        try:
            self._child = subprocess.Popen(
                send.command(self._workspace),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=self._workspace.root,
                start_new_session=True,
            )
            self._started = now
        except OSError as error:
            self._tell_trouble(f"no process can be started: {explained(error)}")
        self._next = now + _PAUSE

    def _is_over(self, child: subprocess.Popen[bytes], now: float) -> bool:
        """Return whether the sender has ended; one that hangs is killed."""
        if child.poll() is None:
            if now - self._started > _TOO_LONG:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
            return False
        self._child, self._seen = None, None
        if child.returncode == 0:  # what is left is not due
            self._next = now
            return True
        self._next = now + (_SHORT_PAUSE if child.returncode == send.BUSY or child.returncode < 0 else _PAUSE)
        self._seen = self._journal.version()  # another one would fail in the same way
        return True

    def _tell_trouble(self, text: str) -> None:
        if text != self._trouble:
            log(f"WARNING: notices wait: {text}")
        self._trouble = text
