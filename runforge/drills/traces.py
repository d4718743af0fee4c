"""What a workspace leaves on the machine: its processes, and locks that are held."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


def processes_of(root: Path) -> list[int]:
    """Return the live processes that name the workspace, work in it, or have one of its files open."""
    mine = os.getpid()
    return [pid for pid in _live() if pid != mine and _belongs(pid, str(root))]


def parent_of(pid: int) -> int:
    """Return a process's parent, 0 if it is gone."""
    with contextlib.suppress(OSError):
        return int(_stat(pid)[1])
    return 0


def held_locks(root: Path) -> list[str]:
    """Return the lock files below the workspace that are held."""
    return [str(path.relative_to(root)) for path in sorted(root.rglob("*.lock")) if _is_held(path)]


def _live() -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and _stat(int(name))[0] not in "ZX":
                found.append(int(name))
    return found


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()


def _belongs(pid: int, root: str) -> bool:
    folder = f"/proc/{pid}"
    for name in ("cmdline", "environ"):
        with contextlib.suppress(OSError):
            if root.encode() in Path(folder, name).read_bytes():
                return True
    links = [f"{folder}/cwd"]
    with contextlib.suppress(OSError):
        links += [f"{folder}/fd/{name}" for name in os.listdir(f"{folder}/fd")]
    for link in links:
        with contextlib.suppress(OSError):
            if os.readlink(link).startswith(root):
                return True
    return False


def _is_held(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False
