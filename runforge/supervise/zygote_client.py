"""The daemon's side of a zygote: start it, ask it for supervisors, hear its answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runforge.supervise.zygote import MESSAGE_LIMIT

#: A zygote ends when its socket closes; one that still imports is not waited for.
_END_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: a supervisor's pid and handle, or why there is none."""

    id: int
    pid: int | None
    pidfd: int | None
    error: str | None


class ZygoteClient:
    """One zygote. `submit` never waits: a zygote that still imports answers later."""

    def __init__(self, preload: Sequence[str], env: Mapping[str, str], stderr_path: Path) -> None:
        self._preload = list(preload)
        self._env = dict(env)
        self._stderr_path = stderr_path
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._has_ended = False

    def start(self) -> None:
        """Start the process. It gets ready by itself."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        log = os.open(self._stderr_path, flags, 0o600)
        command = [sys.executable, "-m", "runforge.supervise.zygote", "--fd", str(theirs.fileno())]
        for module in self._preload:
            command += ["--preload", module]
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
            raise OSError("the zygote has not been started")
        return self._socket

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is an answer, or an end."""
        return self._open.fileno()

    def submit(self, request_id: int, spec_path: Path) -> None:
        """Ask for a supervisor. OSError if the zygote is gone."""
        self._open.send(json.dumps({"id": request_id, "spec": str(spec_path)}).encode())

    def replies(self) -> list[Reply]:
        """Return the answers that have come in."""
        found = []
        while not self._has_ended:
            try:
                data, handles, _, _ = socket.recv_fds(self._open, MESSAGE_LIMIT, 1)
            except BlockingIOError:
                break
            except OSError:
                data, handles = b"", []
            if not data:
                self._has_ended = True
                break
            answer = json.loads(data)
            pidfd = handles[0] if handles else None
            if pidfd is not None:
                os.set_inheritable(pidfd, False)
            found.append(Reply(answer["id"], answer.get("pid"), pidfd, answer.get("error")))
        return found

    def alive(self) -> bool:
        """Return whether the zygote still serves."""
        return not self._has_ended and self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """Let the zygote end; it does so when its socket closes. Its supervisors go on."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            try:
                self._process.wait(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                # Still importing: nothing of it is needed.
                self._process.kill()
                self._process.wait()
            self._process = None
