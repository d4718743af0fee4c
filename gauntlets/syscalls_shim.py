"""The shim that lets system calls fail: how it is built and controlled, its calls and their errors."""

from __future__ import annotations

import errno
import itertools
import os
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from runforge.drills.file_drills import Skipped
from runforge.files.durable import TEMPORARY_PREFIX

_SOURCE = Path(__file__).with_name("syscalls_shim.c")
_OPEN = ("EIO", "EACCES", "EPERM", "EMFILE", "ENFILE", "ENOMEM")
_ROOM = ("EROFS", "ENOSPC", "EDQUOT")
_CHANGE = ("EIO", "EACCES", "EPERM", "ENOMEM", *_ROOM)
#: What each call can give, by the shim's name of the call (`create` opens for writing, `lock` is SQLite's).
ERRORS: Mapping[str, tuple[str, ...]] = {
    "open": _OPEN,
    "create": (*_OPEN, *_ROOM),
    "list": ("EIO", "EACCES", "EMFILE", "ENFILE", "ENOMEM"),
    "stat": ("EIO", "EACCES", "ENOMEM"),
    "fstat": ("EIO",),
    "statvfs": ("EIO", "EACCES"),
    "read": ("EIO", "EINTR"),
    "write": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT"),
    "truncate": ("EIO",),
    "allocate": ("EIO", "ENOSPC", "EDQUOT"),
    "map": ("ENOMEM",),
    "rename": _CHANGE,
    "link": (*_CHANGE, "EMLINK"),
    "mkdir": (*_CHANGE, "EMLINK"),
    "rmdir": ("EIO", "EACCES", "EPERM", "EROFS"),
    "unlink": ("EIO", "EACCES", "EPERM", "EROFS"),
    "flock": ("ENOLCK", "EINTR"),
    "lock": ("ENOLCK",),
    "fork": ("EAGAIN", "ENOMEM"),
    "spawn": ("EAGAIN", "ENOMEM"),
    "pipe": ("EMFILE", "ENFILE"),
    "socketpair": ("EMFILE", "ENFILE", "ENOMEM"),
}
#: The folders whose entries are named by an identifier.
_NAMED = {"attempts", "runs", "groups", "previous"}


class Case(NamedTuple):
    """One call that fails on one kind of file with one error, in one phase of a life."""

    phase: str
    call: str
    file: str
    error: str

    @property
    def name(self) -> str:
        """The case as `--only` takes it."""
        return ":".join(self)


class Pair(NamedTuple):
    """A call and a kind of file that a life has shown, and in which kinds of process."""

    phase: str
    call: str
    file: str
    processes: tuple[str, ...]

    @property
    def cases(self) -> list[Case]:
        """Every way in which this can fail."""
        return [Case(self.phase, self.call, self.file, error) for error in ERRORS[self.call]]


def build(folder: Path) -> Path:
    """Compile the shim; return the library. Skipped where this machine cannot."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Skipped("needs a C compiler (cc or gcc), and there is none")
    library = folder / "syscalls_shim.so"
    words = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl", "-lpthread"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "error" in line), "no reason given")
        raise Skipped(f"needs Linux with glibc: the shim does not compile ({reason})")
    return library


class Shim:
    """The shim as one workspace has it."""

    def __init__(self, library: Path, root: Path, folder: Path, case: Case | None) -> None:
        self._switch = folder / "fault"
        self._book = folder / "calls"
        self.environment = {
            "LD_PRELOAD": str(library),
            "RF_SHIM_ROOT": str(root),
            "RF_SHIM_BOOK": str(self._book),
            "RF_SHIM_SWITCH": str(self._switch),
        }
        if case is not None:
            number = getattr(errno, case.error)
            self.environment["RF_SHIM_FAULT"] = f"{case.call}|{case.file}|{number}"

    def switch(self, *, on: bool) -> None:
        """Let the calls fail from now on, or no more."""
        if on:
            self._switch.touch()
        else:
            self._switch.unlink(missing_ok=True)

    def has_hit(self) -> bool:
        """Return whether a call has failed."""
        return self._book.exists()

    def hits(self) -> Counter[str]:
        """Return how many calls have failed, by the kind of process."""
        return Counter(process for process, _, _ in self.noted())

    def noted(self) -> list[tuple[str, str, str]]:
        """Return process, call and path of what was noted."""
        if not self._book.exists():
            return []
        lines = self._book.read_text("utf-8", errors="replace").splitlines()
        found = [line.split(" ", 2) for line in lines]
        return [(process, call, path) for process, call, path in found]


def pairs(phase: str, noted: Iterable[tuple[str, str, str]]) -> list[Pair]:
    """Return which calls a recorded life has made on which kinds of file."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for process, call, path in noted:
        if not path.endswith(" (deleted)"):
            found[call, kind_of_file(path)].add(process)
    return [Pair(phase, *key, tuple(sorted(found[key]))) for key in sorted(found)]


def kind_of_file(path: str) -> str:
    """Return the pattern of a path: the same file of every run, attempt or group."""
    parts = path.split("/")
    kinds = [parts[0], *(_kind(before, part) for before, part in itertools.pairwise(parts))]
    return os.sep.join(
        re.sub(rf"^{re.escape(TEMPORARY_PREFIX)}.*", f"{TEMPORARY_PREFIX}*", kind) for kind in kinds
    )


def _kind(before: str, part: str) -> str:
    is_named = before in _NAMED or part.isdecimal()
    return "*" if is_named and not part.startswith(".") else part
