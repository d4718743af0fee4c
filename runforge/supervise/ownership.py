"""Whether the attempt still belongs to this supervisor; checked before it writes to shared names.

A supervisor may be stopped for hours (a debugger, a frozen cgroup). Meanwhile its attempt's folder may be
deleted and the job run again. What it writes to open files goes to its own files, wherever they are now. It
must not write anything else then.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from runforge.attempts import start_marker
from runforge.attempts.report import SUPERVISOR_LOCK
from runforge.files.durable import read_bounded

_LIMIT = 4096


class Ownership:
    """The identity of the files when the attempt started, to compare with the files now."""

    def __init__(self, attempt_dir: Path, token: str, lock: int) -> None:
        self._folder = attempt_dir
        self._token = token
        self._lock = os.fstat(lock)
        #: The start marker's file as it was when it named this attempt.
        self._claim: os.stat_result | None = None
        #: Attempts of an earlier life of the run (pruned, or an older journal restored) are not later ones.
        self._known = self._later_attempts()

    def holds(self) -> bool:
        """Return whether lock and start marker are still its own, and no later attempt was launched.

        A file that cannot be read now proves nothing: the result must not be lost because of that.
        """
        try:
            lock = os.stat(self._folder / SUPERVISOR_LOCK, follow_symlinks=False)
            is_locked = os.path.samestat(lock, self._lock)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            is_locked = True
        return is_locked and self._is_claimed() and self._later_attempts() <= self._known

    def _is_claimed(self) -> bool:
        path = self._folder / start_marker.NAME
        try:
            now = os.stat(path, follow_symlinks=False)
            if self._claim is not None and _is_same(now, self._claim):
                return True
            claim = json.loads(read_bounded(path, _LIMIT))
            is_ours = bool(claim["kind"] == start_marker.STARTED and claim["token"] == self._token)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, ValueError, LookupError, TypeError):
            return True
        if is_ours:
            self._claim = now
        return is_ours

    def _later_attempts(self) -> set[str]:
        if not self._folder.name.isdecimal():
            return set()  # a run in the foreground has no other attempt
        number = int(self._folder.name)
        try:
            names = os.listdir(self._folder.parent)
        except OSError:
            return set()
        return {name for name in names if name.isdecimal() and int(name) > number}


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    """Return whether a file is still the same, and nobody has written to it."""
    return (
        os.path.samestat(one, other) and one.st_ctime_ns == other.st_ctime_ns and one.st_size == other.st_size
    )
