"""Copies a run's output to logs.txt and its metrics to metrics.jsonl. A full disk never stops a run."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from runforge import clock
from runforge.files.durable import open_file
from runforge.metrics import jsonl, tokens
from runforge.metrics.points import Point, Rejected
from runforge.metrics.printed import PrintedMetrics
from runforge.text import safe

#: The beginning of a log is always kept; above the limit, only the end of the rest.
TAIL_BYTES = 64 * 1024
_CHUNK = 64 * 1024
#: A run that was asked to make room says by it that it is at its real end.
_COMPLETED = tokens.stage("COMPLETED").encode("ascii")
#: More than any pipe can hold. What comes after that is not from the run.
_DRAIN_CHUNKS = 256
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class LogPump:
    """Reads what a run prints and writes it into its files."""

    def __init__(
        self,
        run_dir: Path,
        *,
        limit: int,
        reads_metrics: bool,
        echo: bool = False,
        may_open: Callable[[], bool] = lambda: True,
        appended: Callable[[int, bytes, Sequence[Point]], None] | None = None,
    ) -> None:
        self._run_dir = run_dir
        self._limit = limit
        self._printed = PrintedMetrics() if reads_metrics else None
        self._echo = echo
        #: Whether the run folder still belongs to this attempt. Open files stay its own.
        self._may_open = may_open
        #: Told of the lines that were added to metrics.jsonl, with its descriptor and their points.
        self._appended = appended
        self._log: int | None = None
        self._metrics: int | None = None
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self.written = 0
        self.dropped = 0
        self._last = b"\n"
        self.has_completed = False
        self._seam = b""

    def open(self) -> bool:
        """Open logs.txt; without it, all output counts as dropped. Return whether the run folder is this attempt's."""
        if not self._may_open():
            return False
        with contextlib.suppress(OSError):
            self._log = open_file(self._run_dir / "logs.txt", _APPEND)
        return True

    def _open(self, name: str) -> int | None:
        """Open a file of the run folder; None if the folder belongs to another attempt. Raises OSError."""
        return open_file(self._run_dir / name, _APPEND) if self._may_open() else None

    def pump(self, pipe: int) -> bool:
        """Read what is in the pipe now; return False at its end."""
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        self._take(data)
        return True

    def drain(self, pipe: int) -> None:
        """Read what is left in the pipe, without waiting for processes that still have it open."""
        os.set_blocking(pipe, False)
        for _ in range(_DRAIN_CHUNKS):
            try:
                data = os.read(pipe, _CHUNK)
            except OSError:
                return
            if not data:
                return
            self._take(data)

    def say(self, lines: Iterable[str]) -> None:
        """Write lines of RunForge itself."""
        prefix = b"" if self._last == b"\n" else b"\n"
        text = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
        if text:
            self._write(prefix + text, is_ours=True)

    def _take(self, data: bytes) -> None:
        self._write(data, is_ours=False)
        if self._printed is not None:
            self._note(self._printed.feed(data))
            self._look_for_the_end(data)

    def _look_for_the_end(self, data: bytes) -> None:
        """Note that the run has said it is complete; the token may come in two pieces."""
        length = len(_COMPLETED) - 1
        if _COMPLETED in data or _COMPLETED in self._seam + data[:length]:
            self.has_completed = True
        self._seam = (self._seam + data[-length:])[-length:]

    def _write(self, data: bytes, *, is_ours: bool) -> None:
        if self._echo:
            with contextlib.suppress(OSError):
                os.write(1, data)
        room = len(data) if is_ours else max(0, self._limit - self.written)
        kept = data[:room]
        if kept and self._put(kept):
            self.written += len(kept)
            self._last = kept[-1:]
        elif kept:
            self.dropped += len(kept)
        if len(data) > room:
            self._keep_tail(data[room:])

    def _put(self, data: bytes) -> bool:
        if self._log is None:
            return False
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._log, view) :]
        except OSError:
            return False
        return True

    def _keep_tail(self, data: bytes) -> None:
        self.dropped += len(data)
        self._tail.append(data)
        self._tail_bytes += len(data)
        while self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())

    @property
    def rejected(self) -> Rejected:
        """Printed lines that look like metrics but are not."""
        return self._printed.rejected if self._printed is not None else Rejected()

    def _note(self, points: list[Point]) -> None:
        """Append metrics to metrics.jsonl in one write, so that a reader sees complete lines."""
        if not points:
            return
        lines = b"".join(jsonl.encode(point, clock.now()) for point in points)
        try:
            if self._metrics is None and self._may_open():
                self._metrics = open_file(self._run_dir / jsonl.NAME, _APPEND)
            if self._metrics is None:
                return
            is_whole = os.write(self._metrics, lines) == len(lines)
            if is_whole and self._appended is not None:
                self._appended(self._metrics, lines, points)
        except OSError as error:
            self.rejected.unwritten += len(points)
            self.rejected.why = self.rejected.why or safe(str(error.strerror))

    def close(self) -> None:
        """Write the kept end of a log that was cut, and the metric of a last line without a newline."""
        if self._printed is not None:
            self._note(self._printed.finish())
        if self._tail:
            tail = b"".join(self._tail)[-TAIL_BYTES:]
            self.dropped -= len(tail)
            notice = f"\n[RunForge: {self.dropped} bytes were cut here; the end follows]\n"
            self._put(notice.encode("ascii") + tail)
            self._last = tail[-1:]
            self._tail.clear()

    def release(self) -> None:
        """Close the descriptors."""
        for descriptor in (self._log, self._metrics):
            if descriptor is not None:
                os.close(descriptor)
