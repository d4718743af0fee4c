"""The supervisor's side of its workers: starts one for each run, or gives the run to the one that it has kept.

A kept one gets the run as a message, with the attempt's `tree.lock` and the pipe for what it prints. It answers when it
has taken the run, and when the run has ended well and nothing of it is left there. If anything else happens, it ends,
and its supervisor collects it as any other.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
from collections.abc import Iterable

from runforge.attempts.spec import Spec
from runforge.machine import os_process
from runforge.supervise import worker_process
from runforge.supervise.kept import Kept
from runforge.supervise.resting import ORDER_LIMIT, TAKEN, Resting, Used

#: A worker that was stopped gets this long to take a run.
_TAKING_MS = 2000


class Workers:
    """At most one worker is alive here at a time, or kept."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._kept = kept
        #: The supervisor's own variables, read once: to ask `os.environ` for each takes a run a hundredth of its time.
        self.own = dict(os.environ)
        self._pid: int | None = None
        #: Open while the worker can be given further runs.
        self.line: socket.socket | None = None
        #: The processor time that its runs until now were charged with.
        self._charged = 0.0
        self._dismissed: set[int] = set()
        self._poller: select.poll | None = None

    def start(self, spec: Spec, tree_lock: int) -> tuple[int, int]:
        """Start a run; return its worker's pid and the pipe of what it prints.

        Raises what worker_process.start does.
        """
        if self._kept is None or not self._kept.may_do(spec):
            self.dismiss()
            return worker_process.start(spec, self.own, tree_lock)
        return self._hand_over(spec, tree_lock) or self._start(spec, tree_lock, self._kept)

    def _start(self, spec: Spec, tree_lock: int, kept: Kept) -> tuple[int, int]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            try:
                self._pid, pipe = worker_process.start(
                    spec, self.own, tree_lock, lambda: Resting(theirs, kept)
                )
            except BaseException:
                ours.close()
                raise
        self.line, self._charged = ours, 0.0
        return self._pid, pipe

    def _hand_over(self, spec: Spec, tree_lock: int) -> tuple[int, int] | None:
        """Give the run to the kept worker; None if there is none that can take it."""
        if self._pid is None or self.line is None:
            return None
        output, write_end = os.pipe()
        try:
            is_taken = self._offer(self.line, spec, write_end, tree_lock)
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(write_end)
        if is_taken:
            return self._pid, output
        os.close(output)
        self.dismiss()
        return None

    def _offer(self, line: socket.socket, spec: Spec, output: int, tree_lock: int) -> bool:
        order = spec.to_json()
        if len(order) > ORDER_LIMIT:
            return False
        try:
            socket.send_fds(line, [order], [output, tree_lock])
            return self._is_taken(line)
        except OSError:
            return False

    def _is_taken(self, line: socket.socket) -> bool:
        poller = select.poll()
        poller.register(line, select.POLLIN)
        if not poller.poll(_TAKING_MS):
            line.shutdown(socket.SHUT_RD)  # now it cannot take the run any more, which another one gets
        return line.recv(ORDER_LIMIT) == TAKEN

    def watch(self, poller: select.poll) -> None:
        """Let a poller wake when there is something to be heard."""
        self._poller = poller
        if self.line is not None:
            poller.register(self.line, select.POLLIN)

    def heard(self) -> Used | None:
        """Return what the worker's run has used if it has ended well, and the worker rests."""
        if self.line is None:
            return None
        try:
            answer = self.line.recv(ORDER_LIMIT)
        except BlockingIOError:
            return None
        except OSError:
            answer = b""
        if not answer:
            self._hang_up()
            return None
        used = Used(*json.loads(answer))
        self._charged += used.cpu_seconds
        return used

    def collected(self, pid: int) -> float | None:
        """Say that a process has ended; return its processor time that is not this run's, None if none is."""
        if pid in self._dismissed:
            self._dismissed.remove(pid)
            return None
        if pid != self._pid:
            return 0.0
        self._hang_up()
        self._pid = None
        return self._charged

    def others(self, pids: Iterable[int]) -> list[int]:
        """Return the processes that are not the kept worker."""
        return [pid for pid in pids if pid != self._pid or self.line is None]

    def dismiss(self) -> None:
        """End the kept worker; it is collected later."""
        if self._pid is not None and self.line is not None:
            os_process.send(self._pid, signal.SIGKILL)
            self._dismissed.add(self._pid)
            self._pid = None
        self._hang_up()

    def _hang_up(self) -> None:
        if self.line is not None:
            if self._poller is not None:
                with contextlib.suppress(KeyError):
                    self._poller.unregister(self.line)
            self.line.close()
            self.line = None
