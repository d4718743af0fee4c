"""Wakes the daemon by a byte on a datagram socket. A lost byte costs a moment, never a job.

A socket may come with the byte: its sender waits until the exports show what is in the journal now.
"""

from __future__ import annotations

import _socket  # the package around it makes enumerations, which takes as long as a short command
import sys
import time

from runforge import blocks
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from runforge.paths import Path

_LONGEST = 100  # sun_path has room for 107 bytes
_RING = b"\x01"
#: The bytes of a descriptor in a message.
_INT = 4
_SHOWN = b"shown"
#: More that wait at once are turned away, and write the exports themselves.
_MOST_ASKING = 128


@blocks.contextmanager
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
    import socket

    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    bell.setblocking(False)
    path.unlink(missing_ok=True)
    with _reachable(path) as address:
        bell.bind(address)
    return bell


@blocks.contextmanager
def _ringer() -> Iterator[_socket.socket]:
    """Yield a socket to ring by."""
    bell = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        yield bell
    finally:
        bell.close()


def ring(path: Path) -> None:
    """Wake the daemon if one is running."""
    with _ringer() as bell:
        bell.setblocking(False)
        with blocks.suppress(OSError), _reachable(path) as address:
            bell.sendto(_RING, address)


class Call:
    """A ring that the daemon answers once its exports show what is in the journal now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        kind = _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC
        self._ours, self._theirs = _socket.socketpair(_socket.AF_UNIX, kind)
        self._is_sent = self._ring(0.0)

    def _ring(self, seconds: float) -> bool:
        """Send the byte with our line; False if nobody listens, or if there is no room for it in time."""
        passed = self._theirs.fileno().to_bytes(_INT, sys.byteorder)
        try:
            with _ringer() as bell:
                bell.settimeout(seconds)
                with _reachable(self._path) as address:
                    bell.connect(address)
                bell.sendmsg([_RING], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, passed)])
        except OSError:
            return False
        return True

    def is_answered(self, seconds: float) -> bool:
        """Wait for the answer; False if no daemon gives it in time."""
        deadline = time.monotonic() + seconds
        if not self._is_sent and not self._ring(seconds):  # many may have been ringing
            return False
        self._theirs.close()
        try:
            self._ours.settimeout(max(0.001, deadline - time.monotonic()))
            return self._ours.recv(len(_SHOWN)) == _SHOWN
        except OSError:
            return False

    def end(self) -> None:
        """Wait no longer."""
        self._ours.close()
        self._theirs.close()


class Asking:
    """The daemon's side of calls: who waits for the exports."""

    def __init__(self) -> None:
        self._waiting: list[socket.socket] = []

    def __bool__(self) -> bool:
        """Return whether a process waits."""
        return bool(self._waiting)

    def drain(self, bell: socket.socket) -> None:
        """Read and drop all wake-up bytes."""
        import socket

        with blocks.suppress(BlockingIOError):
            while True:
                _, descriptors, _, _ = socket.recv_fds(bell, 64, 1, socket.MSG_CMSG_CLOEXEC)
                for descriptor in descriptors:
                    self._add(socket.socket(fileno=descriptor))

    def _add(self, line: socket.socket) -> None:
        if len(self._waiting) < _MOST_ASKING:
            self._waiting.append(line)
        else:
            line.close()

    def answer(self, *, is_shown: bool) -> None:
        """Tell all who wait that the exports show the journal, or that they cannot be written."""
        import socket

        for line in self._waiting:
            with blocks.suppress(OSError), line:
                if is_shown:
                    line.send(_SHOWN, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        self._waiting.clear()
