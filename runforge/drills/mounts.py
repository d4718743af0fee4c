"""Mounts that only this process and its children see. They are gone when the last of these ends."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_NEW_MOUNTS = 0x00020000
_NEW_USERS = 0x10000000
_PRIVATE = 0x00040000 | 0x4000  # MS_PRIVATE | MS_REC
_DETACH = 2


def make_own() -> None:
    """Use an own copy of the machine's mounts; OSError without root or user namespaces."""
    user, group, is_root = os.getuid(), os.getgid(), os.geteuid() == 0
    _call("unshare", _NEW_MOUNTS | (0 if is_root else _NEW_USERS))
    if not is_root:
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")
    mount(b"none", Path("/"), None, b"", flags=_PRIVATE)


def mount(source: bytes, folder: Path, kind: bytes | None, options: bytes, *, flags: int = 0) -> None:
    """Mount a file system; OSError if the kernel refuses."""
    _call("mount", source, os.fsencode(folder), kind, flags, options)


def unmount(folder: Path) -> None:
    """Remove a mount, even if it is in use; nothing happens if there is none."""
    ctypes.CDLL(None).umount2(os.fsencode(folder), _DETACH)


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
