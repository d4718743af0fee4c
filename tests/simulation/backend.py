"""A backend and a clock that are made up: what the engine gets in place of this machine."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from runforge import failpoints
from runforge.backends.base import AttemptRef, Closing, Event, Launch, Order
from runforge.clock import later
from runforge.core.guards import Signs
from runforge.core.outcome import Ending, ExitRecord, Finding, Report, ResultFacts
from runforge.core.records import Job
from runforge.machine.disk_space import Shortage
from runforge.machine.gpus import Gpus

if TYPE_CHECKING:
    from tests.simulation.machine import Machine

#: Seconds between two looks at attempts without a handle.
_POLL_SECONDS = 0.5
_GOOD = ResultFacts("succeeded", None, None, None)


def place(run_id: str, attempt: int) -> Path:
    """Where an attempt's folder would be."""
    return Path(run_id, str(attempt))


class FakeClock:
    """The world moves the time. The wall clock jumps, and nothing may depend on it."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.seconds = 1e6
        #: At the end of a history it jumps no more.
        self.is_late = False

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> str:
        if self.is_late:
            return later("2026-03-01T00:00:00.000Z", self.seconds)
        return f"2026-01-{self._random.randint(1, 28):02d}T00:00:00.000Z"


@dataclass
class _Watched:
    ref: AttemptRef
    has_handle: bool = False
    is_launching: bool = False


class FakeBackend:
    """Launches onto the made-up machine; answers come late, with errors, or never: its zygote dies."""

    def __init__(self, machine: Machine, clock: FakeClock) -> None:
        self._machine = machine
        self._random = machine.random
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._asked: list[_Watched] = []
        self._next_poll = 0.0
        self.is_zygote_alive = True
        self.wrong: list[str] = []
        #: What the engine was told last: they may change between a claim and its launch.
        self._told = machine.gpus

    # --- launching -----------------------------------------------------------------------------

    def start(self) -> None: ...
    def close(self) -> None: ...
    def rest(self) -> None: ...

    def wait_seconds(self) -> float | None:
        return None

    def capacity(self, *, is_in_use: bool) -> Gpus:  # noqa: ARG002
        self._told = self._machine.gpus
        return self._told

    def room(self) -> int | None:
        return None

    def trouble(self) -> str | None:
        return None

    def note(self) -> str | None:
        return None

    def nodes(self) -> None:
        return None

    def shortage(self, *, is_failing: bool) -> Shortage | None:
        if self._random.random() < 0.02:
            return Shortage("disk_full", "the disk is full")
        if is_failing and self._random.random() < 0.2:
            return Shortage("24", "too many open files")
        return None

    def recall(self, ref: AttemptRef) -> None: ...

    def signs(self, ref: AttemptRef) -> Signs | None:  # noqa: ARG002
        return None

    def end_stalled(self, ref: AttemptRef, seconds: float) -> bool:  # noqa: ARG002
        return True

    def adopt(self, ref: AttemptRef) -> None:
        self._watched[ref.token] = _Watched(ref)

    def launch(self, launch: Launch) -> None:
        ref, uuids = launch.ref, launch.grant.uuids
        if len(uuids) > launch.job.needs.gpus or set(uuids) - {gpu.uuid for gpu in self._told.usable}:
            self.wrong.append(f"{ref.run_id} was given {uuids}")
        if launch.job.needs.gpus and self._told.problem is not None:
            self.wrong.append(f"{ref.run_id} was started, and the GPUs do not work")
        if self._random.random() < 0.01:
            raise OSError(_random_errno(self._random), "the machine or the job is at fault")
        watched = self._watched[ref.token] = _Watched(ref)
        try:
            self._machine.make_attempt(place(ref.run_id, ref.attempt), ref.token)
        except FileExistsError:
            return
        failpoints.hit("launch.folder_made")
        failpoints.hit("launch.spec_written")
        watched.is_launching = True
        self._asked.append(watched)

    def events(self) -> Iterator[Event]:
        while self._asked and self._random.random() < 0.7:
            yield from self._answered(self._asked.pop(0))
        if not self.is_zygote_alive:
            yield from self._replace_zygote()
        for watched in list(self._watched.values()):
            if watched.has_handle and not self._machine.is_supervised(watched.ref.token):
                watched.has_handle = False
                yield Event(watched.ref.token)
        if self._clock.seconds >= self._next_poll:
            self._next_poll = self._clock.seconds + _POLL_SECONDS
            for watched in list(self._watched.values()):
                if not watched.has_handle and not watched.is_launching:
                    yield Event(watched.ref.token)

    def _answered(self, watched: _Watched) -> Iterator[Event]:
        watched.is_launching = False
        if self._random.random() < 0.02:
            reason = self._random.choice((None, errno.EAGAIN, errno.ENOMEM))
            yield Event(watched.ref.token, "no process could be created", reason)
        else:
            self._machine.spawn(place(watched.ref.run_id, watched.ref.attempt))
            watched.has_handle = True

    def _replace_zygote(self) -> Iterator[Event]:
        orphaned, self._asked = self._asked, []
        for watched in orphaned:
            watched.is_launching = False
            if self._random.random() < 0.5:  # forked before the zygote died
                self._machine.spawn(place(watched.ref.run_id, watched.ref.attempt))
        if self._random.random() < 0.1:
            yield Event(None, errno=errno.EAGAIN)
        else:
            self.is_zygote_alive = True

    def forget(self, ref: AttemptRef) -> None:
        self._watched.pop(ref.token, None)

    # --- seeing and acting ---------------------------------------------------------------------

    def inspect(self, ref: AttemptRef) -> Report:
        if self._random.random() < 0.01:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        finding, record = self._machine.find(place(ref.run_id, ref.attempt), ref.token)
        has_result_file = finding is not Finding.ENDED or self._random.random() < 0.95
        return Report(finding, record, _GOOD, has_result_file=has_result_file)

    def order(self, ref: AttemptRef, order: Order) -> bool:
        if self._random.random() < 0.02:
            return False
        self._machine.leave_order(place(ref.run_id, ref.attempt), order.value)
        return self._random.random() < 0.98

    def withdraw(self, ref: AttemptRef, order: Order) -> bool:
        if self._random.random() < 0.05:
            return False
        self._machine.withdraw_order(place(ref.run_id, ref.attempt), order.value)
        return True

    def close_attempt(self, ref: AttemptRef, job: Job, closing: Closing) -> bool:
        assert job.run_id == ref.run_id
        if closing is Closing.REVOKE:
            return self._machine.revoke(place(ref.run_id, ref.attempt))
        return self._machine.close_missing(place(ref.run_id, ref.attempt), ref.token)

    def clean_up(self, ref: AttemptRef) -> bool:
        return self._machine.clean_up(ref.token)

    def finish(self, ref: AttemptRef, record: ExitRecord) -> None:
        assert record.token == ref.token
        if self._random.random() < 0.3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def leave_result(self, ref: AttemptRef, job: Job, ending: Ending) -> None:
        assert (job.run_id, job.attempt) == (ref.run_id, ref.attempt)
        assert ending.error


def _random_errno(random: Random) -> int:
    return random.choice((errno.ENOSPC, errno.EMFILE, errno.EROFS, errno.EACCES))
