"""A worker that rests between two runs: it gives back what was the last one's, and takes the next if it is unchanged.

It belongs to a run only while it has one. Then the run's output is at 1 and 2 and the attempt's `tree.lock` at 3.
While it rests, nothing is there, it is in no folder of a run, and its name is cleanup.RESTING. When its supervisor
ends, however that happens, the kernel kills it.

It ends like a worker that has only one run if that has failed or has left anything running or open, after _MOST_RUNS,
and if it has grown. It ends before it takes the next run if anything in the process is different from before.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import time
from typing import Any, NamedTuple

from runforge.attempts import spec as specs
from runforge.attempts.cleanup import RESTING
from runforge.attempts.spec import Spec
from runforge.machine import os_process
from runforge.supervise import fingerprint
from runforge.supervise.kept import Kept

#: An order is one message: the spec, with the descriptors of output and tree's lock.
ORDER_LIMIT = 64 * 1024
#: The answer to an order; without it the run has not begun.
TAKEN = b"taken"
_WORKING = "runforge-worker"
_MOST_RUNS = 500
#: How much more memory of its own it may have than after its first run.
_GROWTH_KB = 64 * 1024


class Order(NamedTuple):
    """One run for the worker."""

    spec: Spec
    env: dict[str, str]
    output: int
    tree_lock: int
    #: The variables of the process at rest; None if it was made for this run.
    at_rest: dict[str, str] | None = None


class Used(NamedTuple):
    """What a run in a kept worker has used, as the worker's only sign that it has ended well."""

    cpu_seconds: float
    peak_rss_mb: float


class Given(NamedTuple):
    """What the run was given in this process, to see afterwards whether it has left that alone."""

    folder: str
    streams: tuple[Any, Any, Any]


class Resting:
    """The worker's end of the line to its supervisor. Made in the worker, before its first run."""

    def __init__(self, line: socket.socket, kept: Kept) -> None:
        self._line = line
        self._kept = kept
        self._parent = os.getppid()
        os.chdir("/")
        self._umask = os.umask(0o077)
        os.umask(0o077)
        self._env = dict(os.environ)
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._status = os_process.own_status()
        self._settings = self._look()
        kept.objects.begin()
        self._runs = 0
        self._memory_kb: int | None = None
        self._cpu = 0.0
        self._is_measured = False

    @property
    def descriptor(self) -> int:
        """The line's descriptor, which stays open."""
        return self._line.fileno()

    def _look(self) -> tuple[Any, ...]:
        return (*fingerprint.settings(self._status), self._kept.libraries())

    def begin(self) -> None:
        """A run begins: from here on counts what it uses."""
        os_process.die_with_parent(self._parent)
        os_process.call_itself(_WORKING)
        self._runs += 1
        self._cpu = time.process_time()
        try:
            os_process.forget_peak_memory()
            self._is_measured = True
        except OSError:
            self._is_measured = False  # so this is its last run

    def next(self, order: Order, given: Given) -> Order | None:
        """Rest after a run that succeeded, until the next one comes; None if this process is to end."""
        if not self._is_measured or self._runs >= _MOST_RUNS or not self._is_as_given(order, given):
            return None
        gc.collect()  # what the run has left open in objects that nobody needs is closed now, and not in the next run
        if self._runs == 1:
            gc.freeze()  # what the first run has left for the others need not be searched again and again
        if not self._leaves(order.env):
            return None
        self._status = os_process.own_status()
        if not self._is_alone() or self._has_grown(self._status.kilobytes("RssAnon")):
            return None
        os_process.call_itself(RESTING)
        used = Used(time.process_time() - self._cpu, self._status.kilobytes("VmHWM") / 1024)
        self._line.send(json.dumps(used).encode("ascii"))
        # Its supervisor syncs the run's files meanwhile. From here on only this module runs until the next run has begun.
        is_unchanged = self._look() == self._settings and self._kept.objects.are_the_same()
        return self._take() if is_unchanged else None

    def _is_as_given(self, order: Order, given: Given) -> bool:
        is_same = (sys.stdin, sys.stdout, sys.stderr) == given.streams
        return is_same and os.getcwd() == given.folder and os.umask(self._umask) == order.spec.umask

    def _leaves(self, env: dict[str, str]) -> bool:
        """Take everything of the run out of the process; False if something is left open."""
        set_environment(env, self._env)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        os.chdir("/")
        if not _is_all_that_is_open({0, 1, 2, 3, self.descriptor}):
            return False
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for descriptor in range(4):
            os.dup2(null, descriptor)
        os.close(null)
        return True

    def _is_alone(self) -> bool:
        return not os_process.children() and self._status.value("Threads") == "1"

    def _has_grown(self, memory_kb: int) -> bool:
        self._memory_kb = memory_kb if self._memory_kb is None else self._memory_kb
        return memory_kb - self._memory_kb > _GROWTH_KB

    def _take(self) -> Order | None:
        """Wait for a run and take it; None if there is none any more."""
        data, descriptors, _, _ = socket.recv_fds(self._line, ORDER_LIMIT, 2)
        if not data:
            return None
        spec, (output, tree_lock) = specs.from_json(data), descriptors
        self._line.send(TAKEN)
        return Order(spec, spec.variables(self._env), output, tree_lock, at_rest=self._env)


def set_environment(old: dict[str, str], new: dict[str, str]) -> None:
    """Let `os.environ`, which has the old variables, have the new ones and no others."""
    for name in old.keys() - new.keys():
        os.environ.pop(name, None)
    os.environ.update(item for item in new.items() if old.get(item[0]) != item[1])


def _is_all_that_is_open(numbers: set[int]) -> bool:
    try:
        found = set(map(int, os.listdir("/proc/self/fd")))
    except OSError:
        return False
    return numbers < found and len(found) == len(numbers) + 1  # the folder itself was open for the listing


def open_descriptors() -> list[int]:
    """Return the open descriptors of this process."""
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return list(range(256))
    # The folder itself was open for the listing.
    return [number for number in map(int, names) if os.path.lexists(f"/proc/self/fd/{number}")]
