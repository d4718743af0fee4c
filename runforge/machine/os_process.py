"""All calls that depend on the platform. Made for Linux; on other systems the callers poll."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

FAKE_BOOT_ID = "RUNFORGE_FAKE_BOOT_ID"
_CHUNK = 65536
#: What is raised where a process's status cannot be read.
_GONE = (OSError, IndexError, ValueError)
IS_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True) if IS_LINUX else None
_prctl = _libc.prctl if _libc is not None else None


def boot_id() -> str:
    """Return the id of this boot of the machine."""
    fake = os.environ.get(FAKE_BOOT_ID)
    if fake:
        return fake
    return _boot_id()


@cache
def _boot_id() -> str:
    try:
        return read_all("/proc/sys/kernel/random/boot_id").decode("ascii").strip()
    except OSError:
        return "unknown"


def read_all(path: str) -> bytes:
    """Return a small file of the kernel, with half the system calls of `Path.read_bytes`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        chunks = []
        while chunk := os.read(descriptor, _CHUNK):
            chunks.append(chunk)
    finally:
        os.close(descriptor)
    return b"".join(chunks)


def stat_of(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat after the name, from the state on. OSError if it is gone."""
    return read_all(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None if it is gone.

    Pids are used again; pid, start ticks and boot id together are unique.
    """
    try:
        return _start_of(pid)
    except _GONE:
        return None


def own_start_ticks() -> int | None:
    """Return when this process started. A supervisor, which runs one attempt after the other, asks for it each time."""
    try:
        return _own_start()
    except _GONE:
        return None


def _start_of(pid: int) -> int:
    return int(stat_of(pid)[19])


@cache
def _own_start() -> int:
    return _start_of(os.getpid())


os.register_at_fork(after_in_child=_own_start.cache_clear)


def session_of(pid: int) -> int | None:
    """Return a process's session; None if it is gone."""
    try:
        return int(stat_of(pid)[3])
    except (OSError, IndexError, ValueError):
        return None


def is_stopped(pid: int) -> bool:
    """Return whether a process is stopped (Ctrl-Z, a debugger, SIGSTOP)."""
    try:
        return stat_of(pid)[0] in {b"T", b"t"}
    except (OSError, IndexError):
        return False


def is_uninterruptible(pid: int) -> bool:
    """Return whether a process waits in the kernel, and signals wait with it: for a disk, or after vfork."""
    try:
        return stat_of(pid)[0] == b"D"
    except (OSError, IndexError):
        return False


def is_zombie(pid: int) -> bool:
    """Return whether a process has ended and only waits to be reaped."""
    try:
        return stat_of(pid)[0] in {b"Z", b"X"}
    except (OSError, IndexError):
        return True


def pidfd_open(pid: int) -> int | None:
    """Return a handle for this process and no later one; None if the system has no such handles."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def send(pid: int, number: int, ticks: int | None = None) -> bool:
    """Signal a process; with `ticks` only if it is still the one that started then."""
    descriptor = pidfd_open(pid)
    try:
        if ticks is not None and start_ticks(pid) != ticks:
            return False
        if descriptor is not None:
            signal.pidfd_send_signal(descriptor, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    else:
        return True
    finally:
        if descriptor is not None:
            os.close(descriptor)


def become_subreaper() -> None:
    """Make orphaned descendants children of this process, so that none escapes."""
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Ask for SIGKILL when the parent dies; exit at once if it is dead already."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def children(root: int | None = None) -> list[int]:
    """Return the pids of the children of a process; by default of this one."""
    pid = root or os.getpid()
    try:
        text = read_all(f"/proc/{pid}/task/{pid}/children")
    except OSError:
        return [p for p in _pids() if _parent(p) == pid]
    return [int(word) for word in text.split()]


def _parent(pid: int) -> int | None:
    try:
        return int(stat_of(pid)[1])
    except (OSError, IndexError, ValueError):
        return None


def _pids() -> Iterator[int]:
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                yield int(name)


def children_of_all() -> dict[int, list[int]]:
    """Return the children of all processes."""
    found: dict[int, list[int]] = {}
    for pid in _pids():
        parent = _parent(pid)
        if parent is not None:
            found.setdefault(parent, []).append(pid)
    return found


def descendants(root: int | None = None) -> list[int]:
    """Return the pids of all descendants of a process, by default of this one, nearest first."""
    children = children_of_all()
    found, edge = [], children.get(root or os.getpid(), [])
    while edge:
        found += edge
        edge = [child for pid in edge for child in children.get(pid, [])]
    return found


def command_line(pid: int) -> list[str]:
    """Return the command line of a process as words; none if it is gone."""
    try:
        data = read_all(f"/proc/{pid}/cmdline")
    except OSError:
        return []
    return os.fsdecode(data).rstrip("\0").split("\0") if data else []


def environment(pid: int) -> dict[str, str]:
    """Return the variables that a process was started with; none if it is gone or somebody else's."""
    try:
        data = read_all(f"/proc/{pid}/environ")
    except OSError:
        return {}
    pairs = [word.partition("=") for word in os.fsdecode(data).split("\0")]
    return {name: value for name, mark, value in pairs if mark}


def own_environment() -> list[bytes]:
    """Return the variables of this process as programs that it starts get them; `os.environ` may know others."""
    if _libc is None:
        return []
    variables = ctypes.POINTER(ctypes.c_char_p).in_dll(_libc, "environ")
    found: list[bytes] = []
    while variables and (word := variables[len(found)]) is not None:
        found.append(word)
    return sorted(found)


def call_itself(name: str) -> None:
    """Give this process a short name, at most 15 bytes, that `ps` shows."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as own:
        own.write(name)


def forget_peak_memory() -> None:
    """Let the largest memory of this process count from now on. OSError if the kernel cannot do that."""
    descriptor = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, b"5")
    finally:
        os.close(descriptor)


class OwnStatus:
    """What the kernel says of this process; of its memory, VmHWM is the peak and RssAnon what is its own."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()

    def value(self, name: str) -> str:
        """Return a line without its name. KeyError if the kernel has no such line."""
        start = f"{name}:"
        for line in self.lines:
            if line.startswith(start):
                return line[len(start) :].strip()
        raise KeyError(name)

    def kilobytes(self, name: str) -> int:
        """Return a size."""
        return int(self.value(name).removesuffix(" kB"))


def own_status() -> OwnStatus:
    """Return what the kernel says of this process now. Raises OSError."""
    return OwnStatus(read_all("/proc/self/status").decode("utf-8", "replace"))


def name_of(pid: int) -> str | None:
    """Return the short name of a process; None if it cannot be seen."""
    try:
        return os.fsdecode(read_all(f"/proc/{pid}/comm")).rstrip("\n")
    except OSError:
        return None


def user_of(pid: int) -> int | None:
    """Return the number of a process's user; None if it cannot be seen."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def descriptor_target(pid: int, descriptor: int) -> str:
    """Return the kernel's name for a descriptor of a process; an empty text if it cannot be seen."""
    try:
        return os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return ""


def open_descriptors(pid: int) -> Iterator[tuple[int, str]]:
    """Yield the descriptors of a process that name files, with the files' paths."""
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            path = descriptor_target(pid, int(name))
            if path.startswith("/"):
                yield int(name), path


def is_open_for_writing(pid: int, descriptor: int) -> bool:
    """Return whether a descriptor of a process was opened for writing."""
    try:
        lines = read_all(f"/proc/{pid}/fdinfo/{descriptor}").splitlines()
        flags = next(int(line.split()[1], 8) for line in lines if line.startswith(b"flags:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return False
    return flags & (os.O_WRONLY | os.O_RDWR) != 0


def catches(pid: int, number: int) -> bool:
    """Return whether a process has its own handler for a signal."""
    return _is_in_mask(pid, b"SigCgt:", number)


def ignores(pid: int, number: int) -> bool:
    """Return whether a signal does nothing to a process."""
    return _is_in_mask(pid, b"SigIgn:", number)


def _is_in_mask(pid: int, name: bytes, number: int) -> bool:
    try:
        lines = read_all(f"/proc/{pid}/status").splitlines()
    except OSError:
        return False
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(name)]
    return any(mask >> (number - 1) & 1 for mask in masks)


def require_sight() -> None:
    """Raise OSError if no file can be opened now: a process or a lock would seem to be gone."""
    os.close(os.open("/", os.O_RDONLY | os.O_CLOEXEC))


def marked(token: str, lock_file: Path, session: int | None) -> list[int]:
    """Return the live processes that belong to an attempt: by token, lock file or session."""
    mine = os.getpid()
    lock = Path(os.path.realpath(lock_file))  # as /proc names it, without links
    return [pid for pid in _pids() if pid != mine and is_marked(pid, token, lock, session)]


def is_marked(pid: int, token: str, lock_file: Path, session: int | None) -> bool:
    """Return whether a live process belongs to an attempt; the lock's path has no links."""
    return not is_zombie(pid) and (
        _has_token(pid, f"RUNFORGE_TOKEN={token}".encode())
        or _holds(pid, str(lock_file))
        or (session is not None and session_of(pid) == session)
    )


def _has_token(pid: int, needle: bytes) -> bool:
    try:
        return needle in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _holds(pid: int, path: str) -> bool:
    return any(link in {path, f"{path} (deleted)"} for link in _open_files(pid))


def held_below(paths: Collection[Path]) -> set[Path]:
    """Return those of the files and folders that some process has open, themselves or something in them."""
    wanted = {os.path.realpath(path.parent) + f"/{path.name}": path for path in paths}
    found = set()
    for pid in _pids():
        for link in _open_files(pid):
            name = link.removesuffix(" (deleted)")
            found |= {path for real, path in wanted.items() if name == real or name.startswith(f"{real}/")}
    return found


def _open_files(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                yield os.readlink(f"{folder}/{name}")
