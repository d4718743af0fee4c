"""Runs a program to its end in limited time, without `subprocess`, which takes as long to import as a short command runs."""

from __future__ import annotations

import select
import time

from runforge import blocks
from runforge.named import NamedTuple
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from io import FileIO
    from signal import SIGKILL, SIGPIPE, SIGTERM, SIGXFSZ
else:
    from _signal import SIGKILL, SIGPIPE, SIGTERM, SIGXFSZ  # its package makes enumerations

#: What Python ignores, and a program does not expect to be ignored.
_RESET = (SIGPIPE, SIGXFSZ)
#: A program that is told to end has this long for it.
_TERM_SECONDS = 0.5
_PAUSES = (0.00005, 0.005)
_CHUNK = 65536


class Output(NamedTuple):
    """How a program ended, and what it printed."""

    code: int
    out: bytes
    err: bytes


class TimeUp(Exception):
    """The program took too long, and was ended."""


def run(words: Sequence[str], env: Mapping[str, str], given: bytes, end: float) -> Output:
    """Run a program of the PATH with this input until it ends, or until that moment of the monotonic clock.

    Raises TimeUp, or OSError if it cannot be started.
    """
    with Program(words, env) as program:
        return program.output(given, end)


class Program:
    """A program of the PATH, running beside us during the block: it is ended where its output was not read to the end.

    Ctrl-C does not reach it: it ends through its caller, which can clean up. OSError if it cannot be started.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str]) -> None:
        self._pid: int | None = None
        self._pipes: list[FileIO] = []
        try:
            its, self._ours = zip(self._pipe(0), self._pipe(1), self._pipe(1), strict=True)
            self._pid = os.posix_spawnp(
                words[0],
                list(words),
                env,
                file_actions=[(os.POSIX_SPAWN_DUP2, each.fileno(), place) for place, each in enumerate(its)],
                setpgroup=0,
                setsigdef=_RESET,
            )
        except BaseException:
            self._close()
            raise
        for each in its:
            each.close()

    def _pipe(self, end: int) -> tuple[FileIO, FileIO]:
        """Return the program's end of a new pipe, 0 for that which is read, and ours."""
        reads, writes = os.pipe()
        ends: list[FileIO] = [open(reads, "rb", 0), open(writes, "wb", 0)]  # noqa: SIM115
        self._pipes += ends
        return ends[end], ends[1 - end]

    def _close(self) -> None:
        for each in self._pipes:
            each.close()

    def __enter__(self) -> Program:  # noqa: PYI034 - `typing_extensions` costs ten milliseconds
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            if self._pid is not None:
                _stop(self._pid)
        finally:
            self._close()

    def output(self, given: bytes, end: float) -> Output:
        """Wait for its end, and return how it ended; TimeUp if it does not come until that moment of the monotonic clock."""
        stdin, *printed = self._ours
        out, err = _talk(stdin, given, printed, end)
        code = None if self._pid is None else _code(self._pid, end)
        if code is None:
            raise TimeUp
        self._pid = None
        return Output(code, out, err)


def _talk(stdin: FileIO, given: bytes, printed: list[FileIO], end: float) -> list[bytes]:
    """Give a program its input; return what it prints. TimeUp if it does not come to an end."""
    os.set_blocking(stdin.fileno(), False)
    poll = select.poll()
    for each in printed:
        poll.register(each, select.POLLIN)
    poll.register(stdin, select.POLLOUT)
    left, parts = memoryview(given), {each.fileno(): list[bytes]() for each in printed}
    silent = 0
    while silent < len(printed):
        seconds = end - time.monotonic()
        if seconds <= 0:
            raise TimeUp
        for descriptor, _ in poll.poll(seconds * 1000):
            if descriptor in parts:
                parts[descriptor].append(os.read(descriptor, _CHUNK))
                if not parts[descriptor][-1]:
                    poll.unregister(descriptor)
                    silent += 1
                continue
            left = left[_written(descriptor, left) :]
            if not left:
                poll.unregister(descriptor)
                stdin.close()
    return [b"".join(each) for each in parts.values()]


def _written(descriptor: int, data: memoryview) -> int:
    """Write what there is room for; return how much. All counts as written to a program that reads no more."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)


def _code(pid: int, end: float) -> int | None:
    """Wait for the end of a program that prints no more; None if it does not come in time."""
    pause, longest = _PAUSES
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= end:
            return None
        time.sleep(pause)
        pause = min(2 * pause, longest)


def _stop(pid: int) -> None:
    """End a program; it may remove its lock files before."""
    os.kill(pid, SIGTERM)
    if _code(pid, time.monotonic() + _TERM_SECONDS) is None:
        with blocks.suppress(ProcessLookupError):
            os.kill(pid, SIGKILL)
        os.waitpid(pid, 0)
