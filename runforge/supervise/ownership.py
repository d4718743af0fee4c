"""Whether the attempt is still this supervisor's own, asked before it writes what the next attempt writes too.

A supervisor can stand still for hours (a debugger, a frozen cgroup) while its attempt's folder is deleted and the
job is run again. What it writes by descriptor lands where the files of its attempt are now; all else it leaves.
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
    """The proof that was there when the attempt was claimed, to be compared with what is there now."""

    def __init__(self, attempt_dir: Path, token: str, lock: int) -> None:
        self._folder = attempt_dir
        self._token = token
        self._lock = os.fstat(lock)
        #: Attempts of an earlier life of the run (it was pruned, or an older journal put back) are no later ones.
        self._known = self._later_attempts()

    def holds(self) -> bool:
        """Return whether lock and claim are its own still, and no later attempt has been launched.

        What cannot be read now is no proof of the contrary: the result must not be lost to that.
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
        try:
            claim = json.loads(read_bounded(self._folder / start_marker.NAME, _LIMIT))
            return bool(claim["kind"] == start_marker.STARTED and claim["token"] == self._token)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, ValueError, LookupError, TypeError):
            return True

    def _later_attempts(self) -> set[str]:
        if not self._folder.name.isdecimal():
            return set()  # a run in the foreground has no other
        number = int(self._folder.name)
        try:
            names = os.listdir(self._folder.parent)
        except OSError:
            return set()
        return {name for name in names if name.isdecimal() and int(name) > number}
