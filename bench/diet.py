"""What a run costs in the journal, and what a supervisor costs whose run does nothing."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from bench import at_scale, workload
from bench.figures import Figure
from runforge import clock
from runforge.backends.base import AttemptRef, Event, Launch
from runforge.core.outcome import ExitRecord, Finding, Report, ResultFacts
from runforge.daemon.claims import Claims
from runforge.daemon.engine import Engine
from runforge.daemon.main import take_over
from runforge.daemon.settings import Listener, Settings
from runforge.machine.disk_space import Shortage
from runforge.machine.gpus import Gpus
from runforge.queue import cancel, submit
from runforge.store import transaction
from runforge.store.opening import open_journal

_FRAME = 4096 + 24


class _AtOnce:
    """A backend whose runs have succeeded as soon as they are launched: all that is left is the journal's work."""

    def __init__(self) -> None:
        self._launched: list[AttemptRef] = []
        self.launches = 0

    def start(self) -> None: ...

    def close(self) -> None: ...

    def rest(self) -> None: ...

    def forget(self, ref: AttemptRef) -> None: ...

    def capacity(self, *, is_in_use: bool) -> Gpus:
        del is_in_use
        return Gpus()

    def room(self) -> None:
        return None

    def trouble(self) -> None:
        return None

    def shortage(self, *, is_failing: bool) -> Shortage | None:
        del is_failing
        return None

    def launch(self, launch: Launch) -> None:
        self._launched.append(launch.ref)
        self.launches += 1

    def events(self) -> Iterator[Event]:
        launched, self._launched = self._launched, []
        return (Event(ref.token) for ref in launched)

    def wait_seconds(self) -> None:
        return None

    def inspect(self, ref: AttemptRef) -> Report:
        now = clock.now()
        record = ExitRecord(
            token=ref.token,
            exit_code=0,
            signal=None,
            canceled=False,
            oom=False,
            spawn_error=None,
            started_at=now,
            finished_at=now,
            duration_ms=1,
            log_bytes=0,
            dropped_bytes=0,
            peak_rss_mb=1.0,
            cpu_seconds=0.0,
        )
        return Report(Finding.ENDED, record, ResultFacts("succeeded", None, None, None), True, True)


def journal(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(m) Statements and pages of one run's end and the next one's claim; idle supervisors' processor time."""
    del rounds
    count = 20 if quick else 500
    for slots in (1, 2, 16):
        statements, pages = _cost(count, slots)
        beside = f"{slots} slot{'s' if slots > 1 else ''}"
        yield Figure("m", f"SQL statements a run, {beside}", "statements", statements)
        yield Figure("m", f"pages written a run, {beside}", "pages", pages)
    runs = 4 if quick else 64
    share = _idle(runs, 1.0 if quick else 60.0)
    yield Figure("m", "supervisors of 256 idle runs", "% of a core", share, goal="1 %")


def _cost(count: int, slots: int) -> tuple[float, float]:
    here = workload.fresh()
    made = count + 8 * slots
    submit.enqueue_sweep(here, workload.plan(here, made, workload.TRUE), where="plan", max_runs=made)
    quiet = Listener(lambda _job: None, lambda _job, _ending: None, lambda _text: None)
    backend = _AtOnce()
    with open_journal(here) as journal:
        claims = Claims(take_over(journal, Settings(max_parallel=slots)), slots, 1, Gpus())
        engine = Engine(journal, backend, clock.SYSTEM, claims, quiet, orphans="requeue")  # type: ignore[arg-type]
        engine.start()
        for _ in range(4):
            engine.tick()
        journal.checkpoint()
        before = backend.launches
        with _Counted() as counted:
            while backend.launches < before + count:
                engine.tick()
        runs = backend.launches - before
        pages = os.path.getsize(f"{here.journal}-wal") / _FRAME
        engine.close()
    shutil.rmtree(here.root)
    return counted.statements / runs, pages / runs


class _Counted:
    """Counts the statements that go through the store."""

    def __init__(self) -> None:
        self.statements = 0
        self._real = transaction.query

    def __enter__(self) -> _Counted:  # noqa: PYI034 - for Python 3.10
        transaction.query = self._query
        return self

    def __exit__(self, *_: object) -> None:
        transaction.query = self._real

    def _query(self, name: str) -> str:
        self.statements += 1
        return self._real(name)


def _idle(runs: int, seconds: float) -> float:
    """Return the processor time of 256 supervisors with sleeping runs, from that of fewer."""
    here = workload.fresh()
    with workload.daemon(here, max_parallel=runs) as pid:
        for number in range(runs):
            at_scale.enqueue(here, f"sleep-{number}", ["sleep", "100000"])
        at_scale.until_running(here, runs)
        if seconds > 1:
            workload.pass_first_looks()
        found = [one for zygote in _children(pid) for one in _children(zygote)]
        before = sum(map(_nanoseconds, found))
        time.sleep(seconds)  # the measured time
        used = sum(map(_nanoseconds, found)) - before
        cancel.cancel_all_running(here)
    shutil.rmtree(here.root)
    return used / 1e9 / seconds / len(found) * 256 * 100


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def _nanoseconds(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0])
