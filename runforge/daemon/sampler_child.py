"""A sampler that works: a process that the loop watches, its answer, and its end in time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

#: It is given so long.
SECONDS = 60.0
#: Of what it prints only the end is kept: the last line is its answer.
_KEPT = 1 << 20
_CHUNK = 1 << 16
_SHOWN = 300


class Descriptors(Protocol):
    """What calls back when a descriptor is readable."""

    def add(self, source: int, act: Callable[[], object]) -> None:
        """Call `act` then."""

    def remove(self, source: int) -> None:
        """Stop doing so."""


class SamplerFailed(Exception):
    """It gave no answer; the message is its last line, or what happened."""


class SamplerChild:
    """One question to a sampler. Nothing here waits for it."""

    def __init__(self, command: Sequence[str], document: dict[str, Any], descriptors: Descriptors) -> None:
        self._descriptors = descriptors
        self._tail = b""
        self._start = time.monotonic()
        self._deadline = self._start + SECONDS
        # From a file, because a pipe would have to be filled while it reads.
        with tempfile.TemporaryFile() as given:
            given.write(json.dumps(document).encode())
            given.seek(0)
            self._process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                start_new_session=True,
            )
        self._output = self._process.stdout
        if self._output is not None:
            os.set_blocking(self._output.fileno(), False)
            descriptors.add(self._output.fileno(), self._read)

    def _read(self) -> None:
        if self._output is None:
            return
        try:
            data = os.read(self._output.fileno(), _CHUNK)
        except BlockingIOError:
            return
        self._tail = (self._tail + data)[-_KEPT:]
        if not data:
            self._close()

    def _close(self) -> None:
        if self._output is not None:
            self._descriptors.remove(self._output.fileno())
            self._output.close()
            self._output = None

    @property
    def age(self) -> float:
        """For how many seconds it has worked."""
        return time.monotonic() - self._start

    @property
    def wait_seconds(self) -> float:
        """After how long it must be looked at again, though it said nothing."""
        left = max(0.0, self._deadline - time.monotonic())
        return min(left, 0.05) if self._output is None else left

    def answer(self) -> Any | None:
        """Return the suggestions; None while it works. SamplerFailed if there will be none."""
        is_late = time.monotonic() >= self._deadline
        code = self._process.poll() if self._output is None or is_late else None
        if code is None and not is_late:
            return None
        self.end()
        if code is None:
            raise SamplerFailed(f"the sampler gave no answer in {SECONDS:g} s")
        return self._suggestions(code)

    def _suggestions(self, code: int) -> Any:
        lines = [line for line in self._tail.decode("utf-8", "replace").splitlines() if line.strip()]
        last = lines[-1].strip() if lines else ""
        with contextlib.suppress(ValueError, RecursionError, KeyError, TypeError):
            return json.loads(last)["suggestions"]  # though it may have died after that
        if code < 0:
            raise SamplerFailed(f"the sampler was killed by signal {-code}")
        if code > 0:
            raise SamplerFailed(last[:_SHOWN] or f"the sampler ended with exit code {code}")
        raise SamplerFailed(f"the sampler printed no answer: {last[:_SHOWN] or 'nothing'}")

    def end(self) -> None:
        """Kill what is left of it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close()
