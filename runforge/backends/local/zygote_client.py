"""The daemon's side of a zygote: starts it, gives attempts to its supervisors, reads its answers.

A supervisor that has finished an attempt waits on its socket for the next one: this is faster than a fork.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runforge import own_python
from runforge.files.durable import open_file
from runforge.machine import os_process
from runforge.supervise.zygote import ENDED, MESSAGE_LIMIT

#: Seconds that a stopped zygote gets to continue; and those that one without an answer gets: as long as its
#: imports may take on a slow disk.
STOPPED_SECONDS = 5.0
SILENT_SECONDS = 120.0
#: A zygote ends when its socket closes. While it still imports, it is not waited for.
_END_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request: a supervisor, or why there is none."""

    id: int
    #: Readable once the attempt or its supervisor has ended. The receiver must close it.
    handle: int | None
    error: str | None
    errno: int | None = None


class ZygoteClient:
    """One zygote and its supervisors. `submit` never waits: a zygote that still imports answers later."""

    def __init__(
        self,
        preload: Sequence[str],
        env: Mapping[str, str],
        stderr_path: Path,
        keep: Sequence[str] = (),
        node: Sequence[str] = (),
    ) -> None:
        self._preload = list(preload)
        self._keep = list(keep)
        #: Of a pilot: its folder, and the CPUs of a run.
        self._node = list(node)
        self._env = dict(env)
        self._stderr_path = stderr_path
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._has_ended = False
        self._asked: dict[int, socket.socket] = {}
        #: The time of the oldest request without an answer.
        self._asked_at: float | None = None
        #: The sockets of the busy and of the idle supervisors.
        self._lines: list[socket.socket] = []
        #: The descriptors that were given to callers to wait for the end of attempts. The caller closes its
        #: own.
        self._handles: dict[socket.socket, int] = {}
        self._replies: list[Reply] = []

    def start(self) -> None:
        """Start the process. It becomes ready by itself."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = open_file(self._stderr_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        command = own_python.command("runforge.supervise.zygote", "--fd", str(theirs.fileno()))
        for module in self._preload:
            command += ["--preload", module]
        if self._keep:
            command += ["--keep", *self._keep]
        if self._node:
            command += ["--node", *self._node]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        finally:
            os.close(log)
            theirs.close()
        ours.setblocking(False)
        self._socket = ours
        self._has_ended = False

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise OSError(errno.ENOTCONN, "the zygote has not been started")
        return self._socket

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is an answer, or when the zygote has ended."""
        return self._open.fileno()

    @property
    def is_started(self) -> bool:
        """Whether it was started and is not closed; it may have died."""
        return self._socket is not None

    @property
    def has_supervisors(self) -> bool:
        """Whether it has a busy or idle supervisor."""
        return bool(self._lines)

    def release(self) -> None:
        """End the idle supervisors."""
        while (line := self._free_line()) is not None:
            line.close()

    def submit(self, request_id: int, spec_path: Path, digest: str = "") -> None:
        """Give an attempt to an idle supervisor, or to a new one. OSError if the zygote is gone.

        With a digest, the supervisor refuses a spec that was changed.
        """
        spec = f"{digest} ".encode("ascii") + os.fsencode(spec_path)
        while (line := self._free_line()) is not None:
            with contextlib.suppress(OSError):
                line.send(spec)
                self._lines.append(line)
                self._replies.append(Reply(request_id, self._handle(line), None))
                return
            line.close()  # it was killed while it waited
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            with theirs:
                ours.send(spec)
                socket.send_fds(self._open, [json.dumps({"id": request_id}).encode()], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
        self._asked[request_id] = ours
        if self._asked_at is None:
            self._asked_at = time.monotonic()

    def _free_line(self) -> socket.socket | None:
        """Take out the line of a supervisor that has ended its attempt, and whose end has been heard.

        Who has not closed the handle has not heard yet. What is read here would be lost to that one.
        """
        for line in self._lines[:]:
            if _is_same(self._handles.get(line), line):
                continue
            try:
                said = line.recv(MESSAGE_LIMIT)
            except BlockingIOError:
                continue
            except OSError:
                said = b""
            self._lines.remove(line)
            self._handles.pop(line, None)
            if said == ENDED:
                return line
            line.close()
        return None

    def replies(self) -> list[Reply]:
        """Return the answers that have come in."""
        found, self._replies = self._replies, []
        while not self._has_ended:
            try:
                data = self._open.recv(MESSAGE_LIMIT)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._has_ended = True
                break
            answer = json.loads(data)
            found.append(self._reply(answer["id"], answer.get("error"), answer.get("errno")))
            self._asked_at = time.monotonic() if self._asked else None
        return found

    def _reply(self, number: int, error: str | None, reason: int | None) -> Reply:
        line = self._asked.pop(number)
        if error is not None:
            line.close()
            return Reply(number, None, error, reason)
        self._lines.append(line)
        return Reply(number, self._handle(line), None)

    def _handle(self, line: socket.socket) -> int | None:
        """Return a copy of the descriptor for the caller; None if there is no room for one."""
        with contextlib.suppress(OSError):
            self._handles[line] = os.dup(line.fileno())
            return self._handles[line]
        return None

    def is_hung(self) -> bool:
        """Return whether it is stopped, or has not answered for too long."""
        if self._asked_at is None or self._process is None or self._has_ended:
            return False
        silent = time.monotonic() - self._asked_at
        return silent > (STOPPED_SECONDS if os_process.is_stopped(self._process.pid) else SILENT_SECONDS)

    @property
    def pid(self) -> int | None:
        """The zygote's process."""
        return self._process.pid if self._process is not None else None

    def kill(self) -> None:
        """End it by force: it does not answer. Its supervisors continue."""
        if self._process is not None:
            self._process.kill()

    def alive(self) -> bool:
        """Return whether the zygote still works."""
        return not self._has_ended and self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the zygote by closing its socket. Its supervisors continue."""
        for line in (*self._lines, *self._asked.values()):
            line.close()
        self._lines.clear()
        self._handles.clear()
        self._asked.clear()
        self._asked_at = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            try:
                self._process.wait(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                # It still imports: nothing from it is needed.
                self._process.kill()
                self._process.wait()
            self._process = None


def _is_same(handle: int | None, line: socket.socket) -> bool:
    """Return whether a descriptor is still the line's: its number passes to something else once it is closed."""
    if handle is not None:
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(handle), os.fstat(line.fileno()))
    return False
