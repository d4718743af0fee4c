"""Slurm's commands as children that nobody waits for: one at a time in each lane, each with a limit.

A command of Slurm may hang for minutes without a controller. The loop hears of its end by a descriptor.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, NamedTuple

from runforge.backends.base import Watch
from runforge.clock import Clock
from runforge.machine import os_process

#: How long a change in flight may take once the daemon ends: its answer says whether there is another job.
_LAST_SECONDS = 2.0
_POLL_SECONDS = 0.1
_ANSWER_LIMIT = 64 * 1024 * 1024


def _nothing() -> None:
    """Do nothing; as the act of a descriptor this only wakes the loop."""


class Answer(NamedTuple):
    """How a command ended; without a code it was ended by our own clock, or could not be started."""

    code: int | None
    out: str
    err: str
    #: When it was started, by the clock that only grows.
    asked_at: float


@dataclass(slots=True)
class _Wish:
    argv: Sequence[str]
    stdin: bytes
    done: Callable[[Answer], None]
    #: For whom: what is no more wanted is dropped.
    owner: str
    #: Called just before the command is started. OSError keeps it from that.
    before: Callable[[], object]


@dataclass(slots=True)
class _Child:
    wish: _Wish
    process: subprocess.Popen[bytes]
    out: IO[bytes]
    err: IO[bytes]
    asked_at: float
    handle: int | None


class Lane:
    """Runs commands one after the other; `limit` is how many seconds each may take."""

    def __init__(self, watch: Watch, clock: Clock, variables: Mapping[str, str], limit: float) -> None:
        self._watch = watch
        self._clock = clock
        self._variables = dict(variables)
        self._limit = limit
        self._wishes: deque[_Wish] = deque()
        self._child: _Child | None = None
        self._is_closed = False

    def ask(
        self,
        argv: Sequence[str],
        done: Callable[[Answer], None],
        *,
        stdin: bytes = b"",
        owner: str = "",
        before: Callable[[], object] = _nothing,
        is_first: bool = False,
    ) -> None:
        """Run a command when the lane is free, and call `done` with its answer."""
        wish = _Wish(argv, stdin, done, owner, before)
        if is_first:
            self._wishes.appendleft(wish)
        else:
            self._wishes.append(wish)
        self.step()

    @property
    def is_busy(self) -> bool:
        """Whether a command runs or waits."""
        return self._child is not None or bool(self._wishes)

    def drop(self, owner: str) -> bool:
        """Forget an owner's commands that have not been started; return whether there was one."""
        kept = deque(wish for wish in self._wishes if wish.owner != owner)
        is_dropped = len(kept) < len(self._wishes)
        self._wishes = kept
        return is_dropped

    def wait_seconds(self) -> float | None:
        """Return when `step` must be called again; None if a descriptor wakes the loop."""
        if self._child is None:
            return None
        left = max(0.0, self._child.asked_at + self._limit - self._clock.monotonic())
        return left if self._child.handle is not None else min(left, _POLL_SECONDS)

    def step(self) -> None:
        """Hear what has ended, end what takes too long, start what is next."""
        while True:
            if self._child is not None and not self._hear(self._child):
                return
            if not self._wishes or self._is_closed:
                return
            self._start(self._wishes.popleft())

    def _start(self, wish: _Wish) -> None:
        now = self._clock.monotonic()
        with contextlib.ExitStack() as files:
            try:
                wish.before()
                out, err, given = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
                given.write(wish.stdin)
                given.seek(0)
                process = subprocess.Popen(
                    wish.argv, stdin=given, stdout=out, stderr=err, env=self._variables, cwd="/"
                )
            except OSError as error:
                wish.done(Answer(None, "", f"{wish.argv[0]} cannot be started: {error.strerror}", now))
                return
            given.close()
            files.pop_all()
        handle = os_process.pidfd_open(process.pid)
        self._child = _Child(wish, process, out, err, now, handle)
        if handle is not None:
            self._watch.add(handle, _nothing)

    def _hear(self, child: _Child) -> bool:
        """Return whether the command has ended; whoever asked is told."""
        code = child.process.poll()
        is_late = self._clock.monotonic() - child.asked_at >= self._limit
        if code is None and not is_late:
            return False
        if code is None:
            child.process.kill()
            child.process.wait()
        out, err = _text(child.out), _text(child.err)
        self._let_go(child)
        child.wish.done(
            Answer(
                code, out, err or (f"no answer for {self._limit:g} s" if code is None else ""), child.asked_at
            )
        )
        return True

    def _let_go(self, child: _Child) -> None:
        if child.handle is not None:
            self._watch.remove(child.handle)
            os.close(child.handle)
        child.out.close()
        child.err.close()
        self._child = None

    def close(self, *, waits: bool = False) -> None:
        """End the command that runs; with `waits` it gets a moment to end by itself."""
        self._is_closed = True
        child = self._child
        if child is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(_LAST_SECONDS if waits else 0)
        child.process.kill()
        child.process.wait()
        self._let_go(child)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_ANSWER_LIMIT).decode("utf-8", "replace")
