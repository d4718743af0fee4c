"""Wakes the daemon by a byte on a datagram socket. A lost byte costs a moment, never a job."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 100  # sun_path has room for 107 bytes


@contextlib.contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Yield a socket address for a path that may be too long for one."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def listen(path: Path) -> socket.socket:
    """Return the daemon's end. The daemon lock is held, so an old socket there is unused."""
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    bell.setblocking(False)
    path.unlink(missing_ok=True)
    with _reachable(path) as address:
        bell.bind(address)
    return bell


def ring(path: Path) -> None:
    """Wake the daemon if one is running."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as bell:
        bell.setblocking(False)
        with contextlib.suppress(OSError), _reachable(path) as address:
            bell.sendto(b"\x01", address)


def drain(bell: socket.socket) -> None:
    """Read and drop all wake-up bytes."""
    with contextlib.suppress(BlockingIOError):
        while bell.recv(64):
            pass
